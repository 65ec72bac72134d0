"""EdgeTAM: every stage and whole propagations against the Transformers library on random weights."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers.models.edgetam_video.modeling_edgetam_video import EdgeTamVideoInferenceSession

from sam2long import Session, TreeConfig
from sam2long.model import PRESETS, SAM2, Memory
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.positions import sine_grid
from sam2long.model.preprocess import prepare_image
from tests.model import edgetam_oracle
from tests.networks import SMALL_EDGETAM

pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = dataclasses.replace(SMALL_EDGETAM, dim=128, memory_dim=64)  # the library fixes the memory at 64 channels
SIDE, FRAMES = 128, 6


def pair_of(config, monkeypatch):
    edgetam_oracle.allow_timm(monkeypatch)
    library = edgetam_oracle.build(config)
    ours = SAM2(config).eval()
    ours.load_state_dict(to_ours(library.state_dict()))
    return ours, library


@pytest.fixture
def pair(monkeypatch):
    """Our model and the library's, with the same weights."""
    ours, library = pair_of(CONFIG, monkeypatch)
    with torch.inference_mode():
        yield ours, library


def close(ours, theirs, tolerance=1e-4):
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=tolerance, rtol=1e-4)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_encode_image(pair):
    ours, library = pair
    images = random(2, 3, SIDE, SIDE)
    features = ours.encode_image(images)
    theirs = library.get_image_features(images).fpn_hidden_states
    for mine, other in zip((features.stride4, features.stride8, features.stride16), theirs):
        close(mine, other.permute(1, 2, 0).reshape(mine.shape))


@pytest.mark.parametrize("binary", [True, False])
def test_encode_memory(pair, binary):
    ours, library = pair
    config, grid = ours.config, ours.config.grid
    image, masks = random(1, config.dim, grid, grid), random(1, 1, grid * 4, grid * 4, seed=1)
    full = torch.nn.functional.interpolate(masks, scale_factor=4, mode="bilinear")
    score = torch.tensor([3.0])
    theirs, positions = library._encode_new_memory(image.flatten(2).permute(2, 0, 1), full, score[:, None], binary)
    memory = ours.encode_memory(image, masks, score, binary)
    assert memory.shape == (1, *config.memory_shape) == (1, 12 + 4 * 4, 64)
    close(memory, theirs)
    close(ours._memory_positions(memory.device), positions[0])


def test_attend(pair):
    ours, library = pair
    config, grid, maps, pointers = ours.config, ours.config.grid, 3, 4
    image = random(1, config.dim, grid, grid)
    memory = Memory(
        spatial=random(1, maps, *config.memory_shape, seed=1),
        slots=torch.tensor([[0, 2, 1]]),
        pointers=random(1, pointers, config.dim, seed=2),
        times=torch.tensor([[5.0, 1.0, 2.0, 3.0]]) / 15,
    )
    side = config.perceiver.side
    places = torch.cat([torch.zeros(12, 64), sine_grid(64, side, side, image.device).flatten(1).T])[:, None]
    pieces = [memory.spatial[:, i].permute(1, 0, 2) for i in range(maps)]
    keys = [places + library.memory_temporal_positional_encoding[int(slot) - 1] for slot in memory.slots[0]]
    tokens, blank = library._process_object_pointers(
        [5, 1, 2, 3], [memory.pointers[:, i] for i in range(pointers)], 16, 1, config.dim, image.device
    )
    theirs = library.memory_attention(
        current_vision_features=image.flatten(2).permute(2, 0, 1),
        current_vision_position_embeddings=sine_grid(config.dim, grid, grid, image.device).flatten(1).T[:, None],
        memory=torch.cat([*pieces, tokens]),
        memory_posision_embeddings=torch.cat([*keys, blank]),
        num_object_pointer_tokens=len(tokens),
        num_spatial_memory_tokens=maps,
    )
    close(ours.attend(image, memory).flatten(2), theirs.reshape(1, grid**2, -1).transpose(1, 2))


def compare(ours, library, clip, prompts, start, reverse, tolerance=2e-4):
    """Track with both; `prompts` gives each object's points and labels (2 and 3 for corners of a box), or its mask."""
    side = ours.config.image_size
    frames = torch.cat([prepare_image(frame, ours.config, ours.device) for frame in clip])
    theirs = EdgeTamVideoInferenceSession(video=frames, video_height=side, video_width=side, dtype=torch.float32)
    session = Session(ours, clip, tree=TreeConfig.greedy(), keep_logits=True)
    for object_id, prompt in prompts.items():
        index = theirs.obj_id_to_idx(object_id)
        if isinstance(prompt, np.ndarray):
            theirs.add_mask_inputs(index, start, torch.from_numpy(prompt).float()[None, None])
            session.add_mask(start, object_id, prompt)
            continue
        points, labels = prompt
        given = {"point_coords": torch.tensor([[points]]), "point_labels": torch.tensor([[labels]], dtype=torch.int32)}
        theirs.add_point_inputs(index, start, given)
        if 2 in labels:
            session.add_box(start, object_id, np.ravel(points[:2]), points[2:], labels[2:])
        else:
            session.add_points(start, object_id, points, labels)
    theirs.obj_with_new_inputs = list(prompts)
    library(theirs, frame_idx=start)
    outputs = library.propagate_in_video_iterator(theirs, start_frame_idx=start, reverse=reverse)
    results = list(session.propagate(reverse=reverse))
    for result, other in zip(results, outputs, strict=True):
        assert result.frame == other.frame_idx
        expected = torch.nn.functional.interpolate(other.pred_masks, size=(side, side), mode="bilinear")[:, 0]
        assert (expected.flatten(1).std(1) > 0.1).all(), "an absent object would prove nothing"
        for number, object_id in enumerate(prompts):
            close(result.logits[object_id], expected[number], tolerance)
    return results


@pytest.mark.parametrize("reverse", [False, True])
def test_six_frames_with_two_objects(pair, reverse):
    clip = np.random.default_rng(0).integers(0, 256, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)
    prompts = {5: ([[30.0, 40.0]], [1]), 2: ([[20.0, 30.0], [90.0, 100.0], [40.0, 50.0]], [2, 3, 0])}
    assert len(compare(*pair, clip, prompts, FRAMES - 1 if reverse else 0, reverse)) == FRAMES


def test_six_frames_from_a_mask(pair):
    clip = np.random.default_rng(1).integers(0, 256, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    # The library encodes the memory from the mask itself, SAM 2's predictor from the mask shrunk to a quarter, and so
    # do we (tests/tracking/test_golden.py). A band whose edges lie between those larger pixels is the same to both.
    mask[32:80] = True
    assert len(compare(*pair, clip, {1: mask}, 0, False)) == FRAMES


@pytest.mark.slow
def test_the_published_size(monkeypatch):
    config = PRESETS["edgetam"]
    clip = np.random.default_rng(2).integers(0, 256, (3, 1024, 1024, 3), dtype=np.uint8)
    with torch.inference_mode():
        ours, library = pair_of(config, monkeypatch)
        assert config.memory_shape == (512, 64)
        compare(ours, library, clip, {1: ([[300.0, 400.0]], [1])}, 0, False, tolerance=1e-4)
