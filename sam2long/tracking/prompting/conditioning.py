"""Turns the prompts of a frame into a conditioning frame: mask, encoded memory and object pointer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sam2long.model.decoder.mask_decoder import Candidates
from sam2long.model.decoder.prompt_encoder import Label
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.memory.encoded import EncodedMemory
from sam2long.model.memory.memory_attention import Memory
from sam2long.model.preprocess import prepare_mask, shrink_mask
from sam2long.model.sam2 import FEEDBACK_LIMIT, MASK_PROMPT_LOGIT, SAM2
from sam2long.tracking.frame.candidate_scores import check_finite, send
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tracking.prompting.click_memo import ClickMemo, ClickRun
from sam2long.tracking.prompting.prompts import Clicks, FrameSize, ObjectPrompt
from sam2long.tracking.storage.packing import unpack_logits
from sam2long.tree import Node

_AGREEMENT = 0.5
"""IoU with the tracked mask below which a prompt contradicts what was tracked."""


class Conditioning:
    """A conditioning frame: a prompted frame of one object.

    Args:
        node: the frame's encoded memory, or a function that computes it, called once: a mask that is only looked at,
            as after each of several clicks, needs no memory.
        outcome: see below.
        contradicts: see below.

    Attributes:
        outcome: the mask to report.
        contradicts: whether the frame had been tracked, with a mask whose IoU with the new one is below 0.5.
    """

    def __init__(
        self,
        node: Node[EncodedMemory] | Callable[[], Node[EncodedMemory]],
        outcome: Outcome,
        contradicts: bool = False,
    ) -> None:
        self.outcome, self.contradicts = outcome, contradicts
        self._node = node

    @property
    def node(self) -> Node[EncodedMemory]:
        """The frame's encoded memory, for tracking."""
        if not isinstance(self._node, Node):
            self._node = self._node()
        return self._node


@torch.inference_mode()
def condition(
    model: SAM2,
    features: ImageFeatures,
    frame: int,
    prompt: ObjectPrompt,
    size: FrameSize,
    binary: bool,
    context: Memory | None,
    memo: ClickMemo,
) -> Conditioning:
    """Run the network on the prompts of one object on one frame.

    Args:
        model: the network.
        features: of the frame, batch of 1.
        frame: frame number.
        prompt: the object's prompts on the frame.
        size: of the video, whose pixels the coordinates of prompts are in.
        binary: encode the memory from a binary mask instead of from mask probabilities.
        context: memory that a tracked frame attends to, on which clicks are corrections; None to start from the prompts
            alone.
        memo: earlier rounds of clicks, which are not run again.
    """
    if prompt.mask is not None:
        given = _from_mask(model, features, prompt)
    else:
        given = _from_clicks(model, features, frame, prompt, size, context, memo)
    before = _tracked_logits(prompt, model)
    agreement = given.ious.new_ones(()) if before is None else _overlap(before, given.masks)
    iou, score, agreed = torch.stack([given.ious[0, 0], given.object_scores[0], agreement]).tolist()
    check_finite((iou, score), frame)
    coarse = features.coarse  # the other features are not needed, and large

    @torch.inference_mode()
    def node() -> Node[EncodedMemory]:
        memory = model.encode_memory(coarse, given.masks, given.object_scores, binary=binary)
        return Node(frame, iou, score, EncodedMemory(memory[0], given.pointers[0, 0]))

    return Conditioning(
        node,
        Outcome(given.masks[0, 0], iou, score, pointer=given.pointers[0, 0]),
        contradicts=agreed < _AGREEMENT,
    )


def _tracked_logits(prompt: ObjectPrompt, model: SAM2) -> Tensor | None:
    """Logits of the mask that the frame had from tracking, or None."""
    if prompt.tracked is None:
        return None
    return unpack_logits(prompt.tracked.logits).to(model.device, non_blocking=True)


def _overlap(first: Tensor, second: Tensor) -> Tensor:
    """IoU of two masks given as logits, as a scalar tensor; 1 if both are empty."""
    first, second = first > 0, second.reshape(first.shape) > 0
    union = (first | second).sum()
    return torch.where(union > 0, (first & second).sum() / union.clamp(min=1), 1.0)


def _from_mask(model: SAM2, features: ImageFeatures, prompt: ObjectPrompt) -> Candidates:
    """Use a mask prompt as the output, without the decoder: logits of +-10 (SAM 2).

    SAM 2 loses a mask that is smaller than a pixel of its input; here one pixel of it is kept.
    """
    assert prompt.mask is not None
    mask = _kept(prepare_mask(prompt.mask, model.config, model.device), prompt.mask, 1.0)
    logits = (2 * mask - 1) * MASK_PROMPT_LOGIT
    small = _kept(shrink_mask(logits, model.config), prompt.mask, MASK_PROMPT_LOGIT)
    score = mask.flatten(1).any(1).float() * 2 * MASK_PROMPT_LOGIT - MASK_PROMPT_LOGIT
    pointer = model.mask_prompt_pointer(features, mask)
    return Candidates(small, torch.ones(1, 1, device=mask.device), pointer[:, None], score)


def _kept(resized: Tensor, mask: npt.NDArray[np.bool_], value: float) -> Tensor:
    """A resized mask [1, 1, side, side]; if nothing of it is above 0, with `value` at the centre of `mask`."""
    side = resized.shape[-1]
    row, column = (int((where.mean() + 0.5) * side / length) for where, length in zip(mask.nonzero(), mask.shape))
    kept = resized.clone()
    kept[0, 0, row, column] = torch.where((resized > 0).any(), resized[0, 0, row, column], value)
    return kept


def _from_clicks(
    model: SAM2,
    features: ImageFeatures,
    frame: int,
    prompt: ObjectPrompt,
    size: FrameSize,
    context: Memory | None,
    memo: ClickMemo,
) -> Candidates:
    """Run the rounds of clicks in turn: clicks accumulate, and each round starts from the mask of the previous one."""
    known = memo.find(frame, prompt, context)
    if known is not None:
        image, previous = known.image, _feedback(known.masks)
    else:
        image = model.without_memory(features.coarse) if context is None else model.attend(features.coarse, context)
        previous = None
        if prompt.refines is not None:
            previous = _feedback(unpack_logits(prompt.refines.logits).to(model.device)[None, None])
    standing: list[Clicks] = []
    for number, clicks in enumerate(prompt.rounds):
        standing = [clicks] if clicks.replace else [*standing, clicks]
        if known is not None and number < len(known.rounds):
            continue
        points, labels = _points(standing, size, model)
        proposals = model.decode(image, features, model.encode_prompts(points, labels, previous))
        # A single click is ambiguous (part or whole), so only it gets several candidate masks (SAM 2).
        result = proposals.candidates().best() if points.shape[1] == 1 else proposals.single()
        previous = _feedback(result.masks)
    memo.keep(ClickRun(frame, prompt.refines, prompt.rounds, context, image, result.masks))
    return result


def _feedback(logits: Tensor) -> Tensor:
    """Mask logits as the next round starts from them."""
    return logits.clamp(-FEEDBACK_LIMIT, FEEDBACK_LIMIT)


def _points(rounds: list[Clicks], size: FrameSize, model: SAM2) -> tuple[Tensor, Tensor]:
    """Box corners, then points: coordinates [1, n, 2] in pixels of the network's input, and labels [1, n]."""
    corners = [corner for clicks in rounds if clicks.box for corner in (clicks.box[:2], clicks.box[2:])]
    corner_labels = [Label.BOX_TOP_LEFT, Label.BOX_BOTTOM_RIGHT] * (len(corners) // 2)
    points = corners + [point for clicks in rounds for point in clicks.points]
    labels = [int(label) for label in corner_labels] + [label for clicks in rounds for label in clicks.labels]
    scale = send([1 / size.width, 1 / size.height], model.device) * model.config.image_size
    return (send(points, model.device, torch.float32) * scale)[None], send([labels], model.device)
