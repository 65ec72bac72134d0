"""What rollouts remember: by the tree's rule as the tracker itself does, and cut into windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from sam2long import Session, TreeConfig
from sam2long.model import SAM2
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.image_encoder import ImageFeatures
from training.data.augment import Rows, normalise
from training.data.prompts import Prompts
from training.loop import clip_losses, draw_memory
from training.losses import frame_loss, mean_loss
from training.remembering import ObjectAwareMemory, RolledMemory
from training.rollout import roll_out
from training.stages import Window
from training.state import TrainingState, new_state

from .tiny import STAGE, TINY

SIZE, FRAMES = TINY.image_size, 12
NO_CLICKS = Prompts(2, torch.zeros(0, 1, 2), torch.zeros(0, 1, dtype=torch.int64))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def rows(images: np.ndarray) -> Rows:
    masks = torch.zeros(2, FRAMES, SIZE, SIZE, dtype=torch.bool)
    masks[0, :, 10:30, 10:30] = True
    masks[1, :, 40:60, 20:50] = True
    pictures = normalise(torch.from_numpy(images), TINY.mean, TINY.std)[None]
    return Rows(pictures, masks, torch.zeros(2, dtype=torch.int64))


@pytest.fixture
def model() -> SAM2:
    """A network whose predicted IoU lies now above 0.3 and then below, and its object score about 0."""
    model = fresh_model(TINY, 4).eval()
    heads = model.mask_decoder.iou_head, model.mask_decoder.object_score_head
    with torch.no_grad():
        for head, shift in zip(heads, (-1.4, -1.1), strict=True):
            *_, last = (layer for layer in head.modules() if isinstance(layer, torch.nn.Linear))
            last.weight *= 40
            last.bias += shift
    return model


@pytest.mark.parametrize("rule", [None, 0.3])
def test_rollouts_remember_what_the_tracker_does(
    model: SAM2, images: np.ndarray, rows: Rows, rule: float | None
) -> None:
    memory = RolledMemory() if rule is None else ObjectAwareMemory()
    with torch.no_grad():
        rolled = list(roll_out(model, rows, NO_CLICKS, memory=memory))
    tree = TreeConfig.greedy() if rule is None else TreeConfig(pathways=1, iou_threshold=rule, binary_prompts=True)
    with Session(model, images, tree=tree, keep_logits=True) as session:
        for row in range(2):
            session.add_mask(0, row, rows.masks[row, 0].numpy())
        results = {result.frame: result for result in session.propagate()}
    kept = 0
    for number in range(1, FRAMES):
        frame = rolled[number]
        scores, ious = frame.proposals.object_scores, frame.chosen_ious()
        kept += int(((scores > 0) & (ious > 0.3)).sum())
        for row in range(2):
            assert results[number].object_scores[row] == pytest.approx(float(scores[row]), abs=2e-3)
            assert results[number].scores[row] == pytest.approx(float(ious[row]), abs=2e-3)
    assert 0 < kept < 2 * (FRAMES - 1), "the network should waver"


@pytest.mark.parametrize("memory", [RolledMemory, ObjectAwareMemory])
def test_windows_change_nothing_while_the_weights_stand_still(model: SAM2, rows: Rows, memory: type) -> None:
    with torch.no_grad():
        whole, cut = (
            list(roll_out(model, rows, NO_CLICKS, memory=memory(), window=window)) for window in (Window(), Window(5))
        )
    assert len(whole) == len(cut) == FRAMES
    for one, other in zip(whole, cut, strict=True):
        torch.testing.assert_close(one.proposals.masks, other.proposals.masks, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("memory", [RolledMemory, ObjectAwareMemory])
@pytest.mark.parametrize("window", [Window(), Window(4)])
def test_gradients_stay_in_their_window(model: SAM2, rows: Rows, memory: type, window: Window) -> None:
    images = rows.images.clone().requires_grad_()
    frames = roll_out(model, replace(rows, images=images), NO_CLICKS, memory=memory(), window=window)
    sixth = [frame for frame, _ in zip(frames, range(7), strict=False)][6]
    (gradient,) = torch.autograd.grad(sixth.proposals.masks.sum(), images)
    reached = gradient[0].flatten(1).any(1).tolist()
    assert reached[6]
    assert not any(reached[7:])
    assert any(reached[:4]) == (window == Window())


@pytest.mark.parametrize("memory", [RolledMemory, ObjectAwareMemory])
def test_gradients_stay_in_their_frame_where_windows_keep_frames_apart(model: SAM2, rows: Rows, memory: type) -> None:
    images = rows.images.clone().requires_grad_()
    window = Window(FRAMES, apart=True)
    *_, last = roll_out(model, replace(rows, images=images), NO_CLICKS, memory=memory(), window=window)
    (gradient,) = torch.autograd.grad(last.proposals.masks.sum(), images)
    assert gradient[0].flatten(1).any(1).tolist() == [False] * (FRAMES - 1) + [True]


def test_coasted_frames_are_tracked_alike_and_learn_nothing(model: SAM2, rows: Rows) -> None:
    window = Window(5, coasted=3)
    with torch.no_grad():
        whole = list(roll_out(model, rows, NO_CLICKS))
    for number, (frame, same) in enumerate(zip(roll_out(model, rows, NO_CLICKS, window=window), whole, strict=True)):
        torch.testing.assert_close(frame.proposals.masks, same.proposals.masks, rtol=1e-4, atol=1e-3)
        assert frame.proposals.masks.requires_grad == (number == 0 or number % 5 >= 3)


def test_only_frames_that_are_learnt_from_are_encoded_with_gradients(
    model: SAM2, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []

    def encode(images: Tensor) -> ImageFeatures:
        features = SAM2.encode_image(model, images)
        encoded.append((len(images) // len(rows.images), features.coarse.requires_grad))
        return features

    monkeypatch.setattr(model, "encode_image", encode)
    list(roll_out(model, rows, NO_CLICKS, window=Window(5, coasted=3)))
    assert encoded[:5] == [(1, True), (2, False), (2, True), (2, False), (1, False)]
    assert sum(frames for frames, _ in encoded) == FRAMES


@pytest.fixture
def state() -> TrainingState:
    return new_state(TINY, torch.device("cpu"), 0)


def test_one_loss_a_window(rows: Rows, state: TrainingState) -> None:
    stage = replace(STAGE, frames=FRAMES, window=Window(5))
    with torch.no_grad():
        assert len(list(clip_losses(state, stage, rows, NO_CLICKS))) == 3
        assert len(list(clip_losses(state, replace(stage, window=Window()), rows, NO_CLICKS))) == 1


def test_coasted_frames_cost_nothing(rows: Rows, state: TrainingState) -> None:
    learnt = replace(STAGE, frames=FRAMES, window=Window(5))
    with torch.no_grad():
        whole = [
            frame_loss(frame, rows.masks[:, number], STAGE.losses)
            for number, frame in enumerate(roll_out(state.model, rows, NO_CLICKS))
        ]
        first, *_ = clip_losses(state, replace(learnt, window=Window(5, coasted=3)), rows, NO_CLICKS)
    torch.testing.assert_close(first.total, mean_loss([whole[0], whole[3], whole[4]]).total, rtol=1e-4, atol=1e-5)


def test_some_batches_remember_as_the_tree_does() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_memory(replace(STAGE, object_aware=0.3), generator) for _ in range(400)]
    assert 80 < sum(isinstance(memory, ObjectAwareMemory) for memory in drawn) < 160
    assert not any(isinstance(draw_memory(STAGE, generator), ObjectAwareMemory) for _ in range(50))
