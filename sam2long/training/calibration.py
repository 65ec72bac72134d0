"""The last lesson of the two heads that judge: how good a mask is, and whether the object is there at all.

Clips of training are short, so these heads hardly see what becomes of a mask over many frames. Here the finished
network tracks long clips as it does in use, what the heads are given on every frame is kept, and they alone learn.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model import SAM2
from sam2long.training.augment import make_rows
from sam2long.training.clips import CLIPS_PER_SCENE, batches
from sam2long.training.coverage import area_fraction
from sam2long.training.loop import draw_memory
from sam2long.training.losses import answered_ious, presence_loss, true_ious
from sam2long.training.prompts import draw_prompts
from sam2long.training.rollout import roll_out
from sam2long.training.stages import Stage
from sam2long.training.statistics import average_precision, spearman
from sam2long.training.team import Team, run_team

_SEED = 777_000
_HELD_OUT = 5
"""Every fifth scene judges the heads instead of teaching them."""

_EPOCHS, _BATCH, _RATE, _DECAY = 60, 256, 5e-4, 0.05


@dataclass(frozen=True)
class Lessons:
    """What the heads saw and should have said on every tracked frame.

    Attributes:
        quality: float [frames, dim], input of the IoU head.
        presence: float [frames, dim], input of the object score's head.
        ious: float [frames, 4], true IoU of each mask.
        present: bool [frames], whether the object shows.
        scenes: int64 [frames], number of the scene that the clip was cut from.
    """

    quality: Tensor
    presence: Tensor
    ious: Tensor
    present: Tensor
    scenes: Tensor

    def of(self, which: Tensor) -> Lessons:
        """Those of some frames, by number or by bool [frames]."""
        return Lessons(*(getattr(self, field.name)[which] for field in fields(self)))

    @staticmethod
    def joined(parts: list[Lessons]) -> Lessons:
        """One after the other."""
        return Lessons(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Lessons)))


@dataclass(frozen=True)
class Judgement:
    """How well the heads judge: average precision of "absent", rank correlation of predicted and true IoU, loss."""

    absent: float
    rank: float
    loss: float


def calibrate(model: SAM2, stage: Stage, processes: int, workers: int) -> tuple[Judgement, Judgement]:
    """Teach the heads of a model on the CPU; returns their judgement of held-out scenes before and after."""
    with tempfile.TemporaryDirectory() as folder:
        run_team(processes, partial(_collect_share, model, stage, workers, Path(folder)))
        parts = [Lessons(**torch.load(path, weights_only=True)) for path in sorted(Path(folder).iterdir())]
    return teach(model, Lessons.joined(parts), stage.losses.absent)


def _collect_share(model: SAM2, stage: Stage, workers: int, folder: Path, team: Team) -> None:
    lessons = collect(model, replace(stage, image_size=model.config.image_size), workers, team)
    torch.save(vars(lessons), folder / f"{team.rank}.pt")


@torch.no_grad()
def collect(model: SAM2, stage: Stage, workers: int, team: Team) -> Lessons:
    """Track this member's share of the clips of a stage."""
    lessons = []
    for step, batch in enumerate(batches(stage, _SEED, 0, workers, team)):
        number = step * team.size + team.rank
        generator = torch.Generator().manual_seed(_SEED + number)
        rows = make_rows(batch, stage.objects, model.config, generator)
        prompts = draw_prompts(rows.masks[:, 0], stage.prompts, generator)
        scenes = number * stage.clips + rows.clips // CLIPS_PER_SCENE
        with _heard(model) as inputs:
            memory = draw_memory(stage, generator)
            for frame, proposals in enumerate(roll_out(model, rows, prompts, memory=memory, window=stage.window)):
                if frame:
                    truth, masks = rows.masks[:, frame], proposals.proposals.masks
                    covered = area_fraction(truth, masks.shape[-1])[:, None].expand_as(masks)
                    present = truth.flatten(1).any(1)
                    quality, presence = inputs
                    lessons.append(Lessons(quality, presence, true_ious(masks, covered), present, scenes))
        if team.leads:
            print(f"tracked {step + 1} of {stage.steps} batches", file=sys.stderr)
    return Lessons.joined(lessons)


@contextmanager
def _heard(model: SAM2) -> Iterator[list[Tensor]]:
    """What the IoU head and the object score's head were given last."""
    inputs = [torch.empty(0), torch.empty(0)]

    def listen(place: int, _head: nn.Module, given: tuple[Tensor]) -> None:
        inputs[place] = given[0]

    heads = (model.mask_decoder.iou_head, model.mask_decoder.object_score_head)
    hooks = [head.register_forward_pre_hook(partial(listen, place)) for place, head in enumerate(heads)]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()


def teach(model: SAM2, lessons: Lessons, absent: float = 1.0) -> tuple[Judgement, Judgement]:
    """Train the heads of a model on lessons, and keep of each the epoch that judges held-out scenes best.

    Args:
        model: learns.
        lessons: of all scenes.
        absent: weight of frames without the object, as in `losses.presence_loss`.

    Returns:
        the judgement of the held-out scenes before and after.
    """
    heads = nn.ModuleList([model.mask_decoder.iou_head, model.mask_decoder.object_score_head])
    heads.requires_grad_(True)
    held_out = lessons.scenes % _HELD_OUT == 0
    taught, judged = lessons.of(~held_out), lessons.of(held_out)
    generator = torch.Generator().manual_seed(_SEED)
    optimizer = torch.optim.AdamW(heads.parameters(), lr=_RATE, weight_decay=_DECAY)
    before = judge(heads, judged, absent)
    best = [_Best(head) for head in heads]
    _keep_better(best, _losses(heads, judged, absent))
    for _ in range(_EPOCHS):
        for part in torch.randperm(len(taught.scenes), generator=generator).split(_BATCH):
            optimizer.zero_grad()
            error, entropy = _losses(heads, taught.of(part), absent)
            torch.autograd.backward(error + entropy)
            optimizer.step()
        _keep_better(best, _losses(heads, judged, absent))
    for kept in best:
        kept.restore()
    return before, judge(heads, judged, absent)


@torch.no_grad()
def judge(heads: nn.ModuleList, lessons: Lessons, absent: float) -> Judgement:
    """How well the two heads judge; the IoU is that of the mask they choose."""
    logits, scores = _verdicts(heads, lessons)
    ious = logits.sigmoid()
    chosen = 1 + ious[:, 1:].argmax(1, keepdim=True)
    predicted, true = ious.gather(1, chosen)[lessons.present, 0], lessons.ious.gather(1, chosen)[lessons.present, 0]
    return Judgement(
        absent=average_precision(-scores.double().numpy(), ~lessons.present.numpy()),
        rank=spearman(predicted.double().numpy(), true.double().numpy()),
        loss=sum(float(loss) for loss in _losses(heads, lessons, absent)),
    )


def _losses(heads: nn.ModuleList, lessons: Lessons, absent: float) -> tuple[Tensor, Tensor]:
    """Divergence of the predicted IoU from that of what is answered, and cross-entropy of the object score.

    Cross-entropy makes the head predict the mean, as squared error does, and brings it back from 0 and 1, where a
    sigmoid hardly moves; less the entropy of what is true, nothing is left of it where all is right.
    """
    logits, scores = _verdicts(heads, lessons)
    answered = answered_ious(lessons.ious, scores, lessons.present)
    divergence = F.binary_cross_entropy_with_logits(logits, answered) - F.binary_cross_entropy(answered, answered)
    return divergence, presence_loss(scores, lessons.present.float(), absent)


class _Best:
    """A head, and its weights when its loss was least."""

    def __init__(self, head: nn.Module) -> None:
        self.head = head
        self.least, self.weights = float("inf"), head.state_dict()

    def offer(self, loss: float) -> None:
        """Keep the head's weights of now if they are the best so far."""
        if loss < self.least:
            self.least, self.weights = loss, copy.deepcopy(self.head.state_dict())

    def restore(self) -> None:
        """Give the head its best weights."""
        self.head.load_state_dict(self.weights)


def _keep_better(best: list[_Best], losses: tuple[Tensor, Tensor]) -> None:
    for head, loss in zip(best, losses, strict=True):
        head.offer(float(loss.detach()))


def _verdicts(heads: nn.ModuleList, lessons: Lessons) -> tuple[Tensor, Tensor]:
    """Logits [frames, 4] of the IoUs, and object scores [frames]."""
    quality, presence = heads
    return quality(lessons.quality), presence(lessons.presence).squeeze(1)
