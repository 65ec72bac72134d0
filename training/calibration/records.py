"""What the two score heads read while the tracker follows objects, and what they should have said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sam2long.model import SAM2
from sam2long.model.preprocess import prepare_image
from sam2long.tracking.frame.tracker import Tracker
from sam2long.tracking.prompting.click_memo import ClickMemo
from sam2long.tracking.prompting.conditioning import condition
from sam2long.tracking.prompting.prompts import FrameSize, ObjectPrompt
from sam2long.tree import Clock, ObjectTree, TreeConfig
from training.data.augment import make_rows
from training.data.clips import ClipBatch
from training.data.coverage import area_fraction
from training.data.prompts import draw_prompts
from training.loop import draw_refinement
from training.losses import true_ious
from training.rollout import roll_out
from training.stages import Stage

_OBJECT = 1
WAYS = (TreeConfig.greedy(), TreeConfig())
"""How clips are followed: as plain SAM 2, and with the memory tree."""
TRACKED = torch.tensor([[False, True, True, True]])
"""The masks that a tracked frame may be answered with."""


@dataclass(frozen=True)
class Records:
    """Calls of the mask decoder, one per row.

    Attributes:
        iou_tokens: [rows, dim], what the head of the predicted IoU reads.
        object_tokens: [rows, dim], what the head of the object score reads.
        ious: [rows, 4], true IoU of the masks, whether or not the object is judged present.
        present: bool [rows], whether the object shows.
        eligible: bool [rows, 4], the masks that the call may be answered with.
        clips: int64 [rows], number of the clip.
    """

    iou_tokens: Tensor
    object_tokens: Tensor
    ious: Tensor
    present: Tensor
    eligible: Tensor
    clips: Tensor

    def __len__(self) -> int:
        return len(self.clips)

    @staticmethod
    def joined(parts: Sequence[Records]) -> Records:
        """The rows of several."""
        return Records(*(torch.cat([getattr(part, each.name) for part in parts]) for each in fields(Records)))


@dataclass
class Listener:
    """Notes what the heads read in every call of a network's mask decoder, until `drain`.

    Attributes:
        calls: (IoU tokens [rows, dim], object tokens [rows, dim], mask logits [rows, 4, side, side]).
    """

    calls: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    _read: dict[str, Tensor] = field(default_factory=dict)

    @contextmanager
    def listening(self, model: SAM2) -> Iterator[None]:
        """Listen to a network."""
        decoder = model.mask_decoder
        hooks = [
            decoder.iou_head.register_forward_pre_hook(self._note("iou")),
            decoder.object_score_head.register_forward_pre_hook(self._note("object")),
            decoder.register_forward_hook(self._end),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def drain(self, truth: Tensor, eligible: Tensor, clip: int) -> Records:
        """The calls since the last time as records.

        Args:
            truth: bool [rows, height, width], or [1, height, width] if it is the same for all rows.
            eligible: bool [rows, 4] or [1, 4], the masks that the calls may be answered with.
            clip: its number.
        """
        iou_tokens, object_tokens, logits = (torch.cat(part) for part in zip(*self.calls, strict=True))
        self.calls.clear()
        rows, count = logits.shape[:2]
        coverage = area_fraction(truth, logits.shape[-1])[:, None].expand(rows, count, -1, -1)
        return Records(
            iou_tokens.float(),
            object_tokens.float(),
            true_ious(logits, coverage),
            truth.flatten(1).any(1).expand(rows).clone(),
            eligible.expand(rows, -1).clone(),
            torch.full((rows,), clip),
        )

    def _note(self, name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self._read[name] = inputs[0].detach()

        return hook

    def _end(self, _module: nn.Module, _inputs: Any, outputs: tuple[Tensor, ...]) -> None:
        self.calls.append((self._read["iou"], self._read["object"], outputs[0].detach()))


@torch.no_grad()
def follow(model: SAM2, images: npt.NDArray[np.uint8], truth: npt.NDArray[np.bool_], clip: int) -> Records:
    """Follow an object in every one of `WAYS` and record all its pathways, the prompted frame left out.

    Args:
        model: the network.
        images: uint8 [frames, height, width, 3] RGB.
        truth: bool [frames, height, width]; the first one is the prompt.
        clip: its number.
    """
    listener, parts = Listener(), []
    first = model.encode_image(prepare_image(images[0], model.config, model.device))
    trackers = []
    for way in WAYS:
        size, prompt = FrameSize(*truth.shape[1:]), ObjectPrompt(mask=truth[0])
        made = condition(model, first, 0, prompt, size, way.binary_prompts, None, ClickMemo())
        trackers.append(Tracker(model, trees={_OBJECT: ObjectTree(way, Clock(), [made.node])}))
    for number in range(1, len(images)):
        features = model.encode_image(prepare_image(images[number], model.config, model.device))
        with listener.listening(model):
            for tracker in trackers:
                tracker.step(number, features, [_OBJECT])
        parts.append(listener.drain(torch.from_numpy(truth[number : number + 1]), TRACKED, clip))
    return Records.joined(parts)


@torch.no_grad()
def answer_prompts(model: SAM2, stage: Stage, batch: ClipBatch, clip: int) -> Records:
    """Prompt the objects of single pictures as a stage does, and record what is read for the last answer.

    Args:
        model: the network.
        stage: of one frame, with prompts by points only.
        batch: the pictures.
        clip: their number.
    """
    generator = torch.Generator().manual_seed(clip)
    rows = make_rows(batch, stage.objects, model.config, generator)
    prompts = draw_prompts(rows.masks[:, 0], stage.prompts, generator)
    listener = Listener()
    with listener.listening(model):
        (frame,) = roll_out(model, rows, prompts, refinement=draw_refinement(stage, generator))
    del listener.calls[:-1]
    return listener.drain(rows.masks[:, 0], frame.eligible, clip)
