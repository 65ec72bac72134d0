"""The tree drives any relative of SAM 2: token memories and maps, alike to it, against the naive tree; saving."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from sam2long import Session, TreeConfig
from sam2long.errors import ConfigError
from sam2long.model import PRESETS, Memory
from sam2long.model.checkpoints.loading import fresh_model
from tests.networks import SMALL, SMALL_EDGETAM, SMALL_EFFICIENTTAM, SMALL_SAM3
from tests.tree import naive

FRAMES = 9
MASK = np.zeros((96, 128), bool)
MASK[20:60, 30:90] = True


@pytest.fixture(
    params=[(SMALL, 0), (SMALL_EDGETAM, 7), (SMALL_EFFICIENTTAM, 6), (SMALL_SAM3, 10)],
    ids=["maps", "tokens", "pooled", "stride 14"],
)
def model(request):
    """With seeds for which several pathways survive."""
    return fresh_model(*request.param)


@pytest.fixture(scope="module")
def clip():
    return np.random.default_rng(5).integers(0, 256, (FRAMES, 96, 128, 3), dtype=np.uint8)


def track(model, clip, tree, **options):
    session = Session(model, clip, tree=tree, keep_logits=True, **options)
    session.add_mask(0, 1, MASK)
    return session


@torch.inference_mode()
def test_the_naive_tree_over_the_same_network_chooses_the_same_masks(model, clip, monkeypatch):
    config = TreeConfig(pathways=3, iou_threshold=0.1, uncertainty_threshold=100.0)
    session = track(model, clip, config, trace=True)
    results = list(session.propagate())
    prompt = session._state.tracks[1].conditionings[0].node.payload
    known = {(0,): (prompt.spatial, prompt.pointer)}

    def network(seed, frame, maps, pointers, tie_heavy):
        features = session._state.features.features(frame)
        memory = Memory(
            torch.stack([known[name][0] for name, _, _ in maps])[None],
            torch.tensor([[slot for _, slot, _ in maps]]),
            torch.stack([known[name][1] for name, _, _ in pointers])[None],
            torch.tensor([[time / 15 for _, time, _ in pointers]]),
            torch.tensor([[weight for _, _, weight in maps]]),
            torch.tensor([[weight for _, _, weight in pointers]]),
        )
        image = model.attend(features.coarse, memory)
        found = model.decode(image, features, model.no_prompts()).candidates()
        for number in range(3):
            mask, pointer = found.masks[:, number : number + 1], found.pointers[0, number]
            encoded = model.encode_memory(features.coarse, mask, found.object_scores)[0]
            known[(*maps[-1][0], number)] = encoded, pointer
        return found.ious[0].tolist(), found.object_scores[0].item()

    monkeypatch.setattr(naive, "network", network)
    history, _ = naive.search(0, FRAMES, config)
    assert len({parent for kept in history[1:] for parent, _, _ in kept}) > 1, "several pathways must matter"
    for row, kept in zip(session.traces[1], history, strict=True):
        assert (row.parents, row.candidates) == ([place[0] for place in kept], [place[1] for place in kept])
        np.testing.assert_allclose(row.scores, [place[2] for place in kept], atol=1e-4)
    assert len(results) == FRAMES


def test_one_pathway_without_a_filter_is_greedy(model, clip):
    greedy = list(track(model, clip, TreeConfig.greedy()).propagate())
    tree = TreeConfig(pathways=1, iou_threshold=None, modulation=None, binary_prompts=True)
    for mine, other in zip(track(model, clip, tree, max_delay=0).propagate(), greedy, strict=True):
        assert torch.equal(mine.logits[1], other.logits[1])


def test_two_objects_a_correction_and_a_saved_session(model, clip, tmp_path):
    def prompted():
        session = track(model, clip, TreeConfig())
        session.add_points(0, 2, [(100, 80)])
        return session

    def masks(results):
        return {(result.frame, object_id): mask for result in results for object_id, mask in result.masks.items()}

    whole = prompted()
    list(whole.propagate())
    whole.add_points(4, 2, [(20, 20)], [0])
    expected = masks(whole.propagate())
    half = prompted()
    for _ in half.propagate(end=5):
        pass
    half.add_points(4, 2, [(20, 20)], [0])
    half.save(tmp_path / "half.s2l")
    resumed = Session.open(tmp_path / "half.s2l", model, clip)
    found = masks(resumed.propagate())
    assert found.keys() == expected.keys()
    # What is undecided where the first half ends may be decided otherwise.
    agreeing = [np.mean(found[key] == mask) for key, mask in expected.items()]
    assert np.mean(agreeing) > 0.9


@pytest.mark.parametrize("name", ["medsam2", "edgetam"])
def test_presets_know_their_memory(name):
    config = PRESETS[name]
    tokens = {"medsam2": 32 * 32, "edgetam": 512}[name]
    assert config.memory_tokens == tokens
    assert np.prod(config.memory_shape) == tokens * 64
    assert dataclasses.replace(config, image_size=512).memory_tokens == tokens


def test_sam3_has_a_stride_of_14():
    config = PRESETS["sam3"]
    assert (config.grid, config.mask_size, config.memory_mask_size) == (72, 288, 1152)
    assert config.memory_shape == (64, 72, 72)
    with pytest.raises(ConfigError, match="image size 1024 is not a multiple of 14"):
        dataclasses.replace(config, image_size=1024)
