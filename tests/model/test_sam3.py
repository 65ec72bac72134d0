"""The SAM 3 tracker: every stage and whole propagations against the Transformers library on random weights."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers.models.sam3_tracker_video.modeling_sam3_tracker_video import Sam3TrackerVideoInferenceSession

from sam2long.errors import ConfigError
from sam2long.model import PRESETS, SAM2, Memory, RotaryViTConfig
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.positions import sine_grid
from tests.model import sam3_oracle
from tests.model.propagation import BOX, CLICK, as_sam2_does_with_masks, close, comes_back, compare, noise, shift_scores
from tests.networks import SMALL, SMALL_SAM3

pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = dataclasses.replace(SMALL_SAM3, dim=128, memory_dim=64)  # the library fixes the memory at 64 channels
SIDE, FRAMES = CONFIG.image_size, 6


@pytest.fixture
def pair(monkeypatch):
    """Our model and the library's, with the same weights."""
    sam3_oracle.keep_float32(monkeypatch)
    library = sam3_oracle.build(CONFIG)
    ours = SAM2(CONFIG).eval()
    ours.load_state_dict(to_ours(library.state_dict()))
    with torch.inference_mode():
        yield ours, library


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_sizes():
    assert (CONFIG.grid, CONFIG.mask_size, CONFIG.memory_mask_size) == (8, 32, 128)


def test_encode_image(pair):
    ours, library = pair
    images = random(2, 3, SIDE, SIDE)
    features = ours.encode_image(images)
    theirs = library.get_image_features(images).fpn_hidden_states
    for mine, other in zip((features.fine, features.middle, features.coarse), theirs, strict=True):
        close(mine, other.permute(1, 2, 0).reshape(mine.shape))


@pytest.mark.parametrize("score", [3.0, -3.0])
@pytest.mark.parametrize("binary", [True, False])
def test_encode_memory(pair, binary, score):
    ours, library = pair
    config, grid = ours.config, ours.config.grid
    image, masks = random(1, config.dim, grid, grid), random(1, 1, 4 * grid, 4 * grid, seed=1)
    full = torch.nn.functional.interpolate(masks, size=(SIDE, SIDE), mode="bilinear")
    theirs, _ = library._encode_new_memory(
        image.flatten(2).permute(2, 0, 1), full, torch.tensor([[score]]), is_mask_from_pts=binary
    )
    close(ours.encode_memory(image, masks, torch.tensor([score]), binary).flatten(2), theirs.permute(1, 2, 0))


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
    places = sine_grid(config.memory_dim, grid, grid, image.device).flatten(1).T[:, None]
    pieces = [memory.spatial[:, i].flatten(2).permute(2, 0, 1) for i in range(maps)]
    keys = [places + library.memory_temporal_positional_encoding[int(slot) - 1] for slot in memory.slots[0]]
    tokens, times = library._process_object_pointers(
        [5, 1, 2, 3], [memory.pointers[:, i] for i in range(pointers)], 16, 1, config.dim, image.device
    )
    theirs = library.memory_attention(
        current_vision_features=image.flatten(2).permute(2, 0, 1),
        current_vision_position_embeddings=sine_grid(config.dim, grid, grid, image.device).flatten(1).T[:, None],
        memory=torch.cat([*pieces, tokens]),
        memory_posision_embeddings=torch.cat([*keys, times]),
        num_object_pointer_tokens=len(tokens),
    )
    close(ours.attend(image, memory).flatten(2), theirs.reshape(1, grid**2, -1).transpose(1, 2))


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("with_mask", [True, False])
def test_decode(pair, several, with_mask):
    ours, library = pair
    config, grid = ours.config, ours.config.grid
    features = ours.encode_image(random(1, 3, SIDE, SIDE))
    conditioned = random(1, config.dim, grid, grid, seed=1)
    points, labels = torch.tensor([[[40.0, 60.0], [10.0, 100.0], [70.0, 20.0]]]), torch.tensor([[1, 0, 1]])
    masks = random(1, 1, grid * 4, grid * 4, seed=2) if with_mask else None
    theirs = library._single_frame_forward(
        input_points=points[:, None],
        input_labels=labels[:, None].int(),
        input_masks=masks,
        image_embeddings=[features.fine, features.middle, conditioned],
        multimask_output=several,
    )
    proposals = ours.decode(conditioned, features, ours.encode_prompts(points, labels, masks))
    mine = proposals.candidates().best() if several else proposals.single()
    close(mine.masks, theirs.pred_masks.reshape(mine.masks.shape))
    close(mine.pointers[:, 0], theirs.object_pointer.reshape(1, -1))
    close(mine.object_scores, theirs.object_score_logits.flatten())


def test_pointer_of_a_mask(pair, monkeypatch):
    ours, library = pair
    as_sam2_does_with_masks(library, monkeypatch)
    features = ours.encode_image(random(1, 3, SIDE, SIDE))
    mask = (random(1, 1, SIDE, SIDE, seed=1) > 0.5).float()
    theirs = library._use_mask_as_output(features.coarse, [features.fine, features.middle], mask)
    close(ours.mask_prompt_pointer(features, mask), theirs.object_pointer.reshape(1, -1))


@pytest.mark.parametrize("reverse", [False, True])
def test_six_frames_with_two_objects(pair, reverse):
    shift_scores(pair, 10.0)  # an absent object would prove little
    start, clip = FRAMES - 1 if reverse else 0, noise(CONFIG, FRAMES)
    scores = compare(pair, Sam3TrackerVideoInferenceSession, clip, {start: {5: CLICK, 2: BOX}}, start, reverse)
    assert all(len(own) == FRAMES and min(own) > 0 for own in scores.values())


def test_six_frames_from_a_mask(pair, monkeypatch):
    as_sam2_does_with_masks(pair[1], monkeypatch)
    shift_scores(pair, 10.0)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[35:77] = True  # edges between the pixels of the decoder's masks, as in the same test of EdgeTAM
    compare(pair, Sam3TrackerVideoInferenceSession, noise(CONFIG, FRAMES, 1), {0: {1: mask}})


@pytest.mark.parametrize("reverse", [False, True])
def test_more_prompted_frames_than_are_attended_to(pair, reverse):
    shift_scores(pair, 10.0)
    prompts = {frame: {1: ([[30.0 + 5 * frame, 40.0]], [1])} for frame in (0, 1, 3, 4, 6, 9)}
    clip = noise(CONFIG, 12, 2)
    compare(pair, Sam3TrackerVideoInferenceSession, clip, prompts, 9 if reverse else 0, reverse)


def test_objects_that_are_absent_for_a_while(pair):
    shift_scores(pair, -0.3)
    scores = compare(pair, Sam3TrackerVideoInferenceSession, noise(CONFIG, 9, 3), {0: {5: CLICK, 2: BOX}})
    assert all(comes_back(own) for own in scores.values())


def test_gradients_flow():
    """To the first layer; queries and keys are rotated in place."""
    config = SMALL_SAM3
    with torch.inference_mode(False), torch.enable_grad():
        model = fresh_model(config).train()
        features = model.encode_image(random(1, 3, config.image_size, config.image_size))
        sum(part.square().mean() for part in (features.fine, features.middle, features.coarse)).backward()
    assert all(value.grad is not None for value in model.image_encoder.parameters())
    assert model.image_encoder.trunk.patch_embed.weight.grad.abs().max() > 0


def test_switches_are_checked():
    for wrong, told in (
        ({"simple_pyramid": 1}, "simple_pyramid must be true or false"),
        ({"simple_pyramid": True, "trunk": SMALL.trunk}, "single map"),
        ({"max_prompted": 0}, "max_prompted must be a whole number"),
        ({"image_size": 128}, "not a multiple of 14"),
    ):
        with pytest.raises(ConfigError, match=told):
            dataclasses.replace(CONFIG, **{"image_size": 112, **wrong})
    with pytest.raises(ConfigError, match="not a multiple of four times heads"):
        RotaryViTConfig(24, 4)


@pytest.mark.slow
def test_the_image_encoder_of_the_published_size():
    """Windows of 24, 72 x 72 patches and the first eight of 32 blocks, the last of them global."""
    published = PRESETS["sam3"]
    config = dataclasses.replace(published, trunk=dataclasses.replace(published.trunk, depth=8))
    library = sam3_oracle.build(config)
    with torch.device("meta"):
        ours = SAM2(config).eval()
    ours.load_state_dict(to_ours(library.state_dict()), assign=True)
    with torch.inference_mode():
        image = random(1, 3, config.image_size, config.image_size)
        features = ours.encode_image(image)
        theirs = library.get_image_features(image).fpn_hidden_states
    for mine, other in zip((features.fine, features.middle, features.coarse), theirs, strict=True):
        other = other.permute(1, 2, 0).reshape(mine.shape)
        assert (mine - other).abs().max() <= 1e-4 * other.abs().max()
