"""One propagation: its tracker, and the frames on their way out in the order of the visit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from sam2long.model.image_encoder import ImageFeatures
from sam2long.tracking.conditioning import Conditioning
from sam2long.tracking.outcome import Outcome
from sam2long.tracking.plan import Plan
from sam2long.tracking.prompts import FrameSize
from sam2long.tracking.tracker import Decided, Tracker
from sam2long.video import Frame, FrameResult

_UNPACKED = 8
"""Newest undecided frames whose mask logits are kept; older ones are packed to a few kilobytes each."""


@dataclass
class WaitingFrame:
    """A visited frame that waits until all its objects are decided."""

    frame: int
    time: float
    objects: tuple[int, ...]
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every object is decided."""
        return len(self.outcomes) == len(self.objects)


@dataclass
class Propagation:
    """Feeds frames to the tracker and lets results out, oldest first.

    Attributes:
        plan: the frames to visit.
        tracker: the memory trees.
        entries: the frame at which each object enters.
        size: of the video.
        keep_logits: whether results carry logits.
        waiting: visited frames that are not out yet, by number, in the order of the visit.
        next_frame: where a propagation that goes on from here would begin; None while this one is not complete.
    """

    plan: Plan
    tracker: Tracker
    entries: dict[int, int]
    size: FrameSize
    keep_logits: bool
    waiting: OrderedDict[int, WaitingFrame] = field(default_factory=OrderedDict)
    next_frame: int | None = None

    def present(self, frame: int) -> list[int]:
        """Ids of the objects that have entered by `frame`."""
        direction = 1 if self.plan.stride > 0 else -1
        return [object_id for object_id, entry in self.entries.items() if (frame - entry) * direction >= 0]

    def visit(self, frame: Frame, features: ImageFeatures, prompted: dict[int, Conditioning]) -> None:
        """Visit the next frame."""
        present = self.present(frame.index)
        self.waiting[frame.index] = WaitingFrame(frame.index, frame.time, tuple(present))
        tracked = [object_id for object_id in present if object_id not in prompted]
        self._settle(self.tracker.step(frame.index, features, prompted, tracked))
        if not self.keep_logits:
            self.tracker.pack(_UNPACKED, self.size)

    def finish(self) -> None:
        """Decide what is undecided, as the best pathways have it."""
        self._settle(self.tracker.finish())

    def results(self) -> Iterator[FrameResult]:
        """Let out the results that are decided; whatever is not taken stays."""
        while self.waiting and next(iter(self.waiting.values())).complete:
            yield self._result(self.waiting.popitem(last=False)[1])

    def _settle(self, decided: list[Decided]) -> None:
        for item in decided:
            self.waiting[item.frame].outcomes[item.object_id] = item.outcome

    @torch.inference_mode()
    def _result(self, entry: WaitingFrame) -> FrameResult:
        outcomes = {object_id: entry.outcomes[object_id] for object_id in entry.objects}
        return FrameResult(
            frame=entry.frame,
            time=entry.time,
            masks={i: outcome.mask(self.size) for i, outcome in outcomes.items()},
            scores={i: outcome.iou for i, outcome in outcomes.items()},
            object_scores={i: outcome.object_score for i, outcome in outcomes.items()},
            disagreement={i: outcome.disagreement for i, outcome in outcomes.items()},
            leads={i: outcome.lead for i, outcome in outcomes.items()},
            logits={i: outcome.full_logits(self.size) for i, outcome in outcomes.items()} if self.keep_logits else {},
        )
