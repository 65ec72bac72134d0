"""Every stage, and a whole greedy propagation, against the Transformers library on random weights."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers import Sam2VideoConfig, Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from sam2long import Session, TreeConfig
from sam2long.model import SAM2, Memory
from sam2long.model.checkpoints.loading import load_model
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.positions import sine_grid
from sam2long.model.preprocess import prepare_image
from tests.model import oracle
from tests.networks import SMALL

pytestmark = pytest.mark.filterwarnings("ignore")

SAM2_1 = dataclasses.replace(SMALL, dim=128, memory_dim=64)  # the library fixes the memory at 64 channels
SAM2_0 = dataclasses.replace(SAM2_1, occlusion_memory=False, pointer_time=False)


@pytest.fixture(params=[SAM2_1, SAM2_0], ids=["2.1", "2.0"])
def pair(request, monkeypatch):
    """Our model and the library's, with the same weights."""
    oracle.keep_float32(monkeypatch)
    library = oracle.build(request.param)
    ours = SAM2(request.param).eval()
    ours.load_state_dict(to_ours(library.state_dict()))
    with torch.inference_mode():
        yield ours, library


def close(ours, theirs, tolerance=1e-4):
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=tolerance, rtol=1e-4)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_folder_saved_by_the_library_loads(tmp_path):
    library = Sam2VideoModel(Sam2VideoConfig())  # the library's default is the tiny model of SAM 2.1
    library.save_pretrained(tmp_path)
    model = load_model(tmp_path / "model.safetensors", device="cpu")
    assert model.config.name == "sam2.1-hiera-tiny"
    theirs = library.state_dict()
    assert torch.equal(model.prompt_encoder.point_embeddings[3][0], theirs["prompt_encoder.point_embed.weight"][3])
    frequencies = theirs["prompt_encoder.shared_embedding.positional_embedding"]
    assert torch.equal(model.prompt_encoder.frequencies, frequencies)
    assert len(model.state_dict()) == len(theirs) + 3 - 1  # four point embeddings for one; frequencies once, not twice


def test_encode_image(pair):
    ours, library = pair
    images = random(2, 3, 128, 128)
    features = ours.encode_image(images)
    theirs = library.get_image_features(images).fpn_hidden_states
    for mine, other in zip((features.fine, features.middle, features.coarse), theirs):
        close(mine, other.permute(1, 2, 0).reshape(mine.shape))


def test_attend(pair):
    ours, library = pair
    config, grid, batch, maps, pointers = ours.config, ours.config.grid, 1, 3, 4
    image = random(batch, config.dim, grid, grid)
    memory = Memory(
        spatial=random(batch, maps, config.memory_dim, grid, grid, seed=1),
        slots=torch.tensor([[0, 2, 1]]),
        pointers=random(batch, pointers, config.dim, seed=2),
        times=torch.tensor([[5.0, 1.0, 2.0, 3.0]]) / 15,
    )
    position = sine_grid(config.memory_dim, grid, grid, image.device).flatten(1).T[:, None]
    pieces = [(memory.spatial[:, i].flatten(2).permute(2, 0, 1), position) for i in range(maps)]
    keys = [
        place + library.memory_temporal_positional_encoding[int(memory.slots[0, i]) - 1]
        for i, (_, place) in enumerate(pieces)
    ]
    tokens, places = library._process_object_pointers(
        [5, 1, 2, 3], [memory.pointers[:, i] for i in range(pointers)], 16, batch, config.dim, image.device
    )
    theirs = library.memory_attention(
        current_vision_features=image.flatten(2).permute(2, 0, 1),
        current_vision_position_embeddings=sine_grid(config.dim, grid, grid, image.device).flatten(1).T[:, None],
        memory=torch.cat([value for value, _ in pieces] + [tokens]),
        memory_posision_embeddings=torch.cat([*keys, places]),
        num_object_pointer_tokens=len(tokens),
    )
    close(ours.attend(image, memory).flatten(2), theirs.squeeze(1).transpose(1, 2))


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("with_mask", [True, False])
def test_decode(pair, several, with_mask):
    ours, library = pair
    config, grid = ours.config, ours.config.grid
    features = ours.encode_image(random(1, 3, 128, 128))
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
    scores = proposals.candidates().ious if several else mine.ious
    close(scores.flatten(), theirs.iou_scores.flatten())


@pytest.mark.parametrize("binary", [True, False])
def test_encode_memory(pair, binary):
    ours, library = pair
    config, grid = ours.config, ours.config.grid
    image, masks = random(1, config.dim, grid, grid), random(1, 1, grid * 4, grid * 4, seed=1)
    full = torch.nn.functional.interpolate(masks, scale_factor=4, mode="bilinear")
    for score in (torch.tensor([3.0]), torch.tensor([-3.0])):
        theirs, _ = library._encode_new_memory(image.flatten(2).permute(2, 0, 1), full, score[:, None], binary)
        close(ours.encode_memory(image, masks, score, binary).flatten(2), theirs.permute(1, 2, 0))


@pytest.mark.parametrize("reverse", [False, True])
def test_six_frames_of_greedy_propagation(pair, reverse):
    ours, library = pair
    clip = np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3), dtype=np.uint8)
    frames = torch.cat([prepare_image(frame, ours.config, ours.device) for frame in clip])
    start = 5 if reverse else 0
    inference = Sam2VideoInferenceSession(video=frames, video_height=128, video_width=128, dtype=torch.float32)
    click = {"point_coords": torch.tensor([[[[30.0, 40.0]]]]), "point_labels": torch.tensor([[[1]]], dtype=torch.int32)}
    inference.add_point_inputs(inference.obj_id_to_idx(1), start, click)
    inference.obj_with_new_inputs = [1]
    library(inference, frame_idx=start)
    theirs = library.propagate_in_video_iterator(inference, start_frame_idx=start, reverse=reverse)

    session = Session(ours, clip, tree=TreeConfig.greedy(), keep_logits=True)
    session.add_points(start, 1, [(30, 40)])
    results = list(session.propagate(reverse=reverse))
    for result, other in zip(results, theirs, strict=True):
        assert result.frame == other.frame_idx
        assert result.object_scores[1] == pytest.approx(other.object_score_logits.item(), abs=1e-4)
        expected = torch.nn.functional.interpolate(other.pred_masks, size=(128, 128), mode="bilinear")[0, 0]
        close(result.logits[1], expected, 2e-4)
    assert len(results) == 6
