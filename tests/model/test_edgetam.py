"""EdgeTAM: every stage and whole propagations against the Transformers library on random weights."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers.models.edgetam_video.modeling_edgetam_video import EdgeTamVideoInferenceSession

from sam2long.model import PRESETS, SAM2, Memory
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.positions import sine_grid
from tests.model import edgetam_oracle
from tests.model.propagation import BOX, CLICK, as_sam2_does_with_masks, close, comes_back, compare, noise, shift_scores
from tests.networks import SMALL_EDGETAM

pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = dataclasses.replace(SMALL_EDGETAM, dim=128, memory_dim=64)  # the library fixes the memory at 64 channels
SIDE, FRAMES = 128, 6


def pair_of(config, monkeypatch, seed=0):
    edgetam_oracle.allow_timm(monkeypatch)
    library = edgetam_oracle.build(config, seed)
    ours = SAM2(config).eval()
    ours.load_state_dict(to_ours(library.state_dict()))
    return ours, library


@pytest.fixture
def pair(monkeypatch):
    """Our model and the library's, with the same weights."""
    ours, library = pair_of(CONFIG, monkeypatch)
    with torch.inference_mode():
        yield ours, library


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_encode_image(pair):
    ours, library = pair
    images = random(2, 3, SIDE, SIDE)
    features = ours.encode_image(images)
    theirs = library.get_image_features(images).fpn_hidden_states
    for mine, other in zip((features.fine, features.middle, features.coarse), theirs):
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


@pytest.mark.parametrize("reverse", [False, True])
def test_six_frames_with_two_objects(pair, reverse):
    start, clip = FRAMES - 1 if reverse else 0, noise(CONFIG, FRAMES)
    scores = compare(pair, EdgeTamVideoInferenceSession, clip, {start: {5: CLICK, 2: BOX}}, start, reverse)
    assert all(len(own) == FRAMES and min(own) > 0 for own in scores.values()), "an absent object would prove little"


def test_six_frames_from_a_mask(pair, monkeypatch):
    as_sam2_does_with_masks(pair[1], monkeypatch)
    mask = np.zeros((SIDE, SIDE), bool)
    # The library encodes the memory from the mask itself, SAM 2's predictor from the mask shrunk to a quarter, and so
    # do we (tests/tracking/test_golden.py). A band whose edges lie between those larger pixels is the same to both.
    mask[32:80] = True
    compare(pair, EdgeTamVideoInferenceSession, noise(CONFIG, FRAMES, 1), {0: {1: mask}})


@torch.inference_mode()
def test_objects_that_are_absent_for_a_while(monkeypatch):
    pair = pair_of(CONFIG, monkeypatch, seed=3)  # with scores that differ between frames
    shift_scores(pair, -10.18)
    clip = noise(CONFIG, 10, 3)
    clip[3:5], clip[6:8] = 0, 255
    scores = compare(pair, EdgeTamVideoInferenceSession, clip, {0: {5: CLICK, 2: BOX}})
    assert all(comes_back(own) for own in scores.values())


@pytest.mark.slow
def test_the_published_size(monkeypatch):
    config = PRESETS["edgetam"]
    with torch.inference_mode():
        pair = pair_of(config, monkeypatch)
        assert config.memory_shape == (512, 64)
        compare(pair, EdgeTamVideoInferenceSession, noise(config, 3, 2), {0: {1: ([[300.0, 400.0]], [1])}})
