"""A video, what is marked on it, and the propagation of the marks through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sam2long.errors import ConfigError, PromptError
from sam2long.model.sam2 import SAM2
from sam2long.tracking.conditioner import Conditioner
from sam2long.tracking.plan import Plan, make_plan
from sam2long.tracking.prompts import ObjectPrompt, check_clicks, check_mask
from sam2long.tracking.propagation import Propagation
from sam2long.tracking.tracker import Tracker
from sam2long.tree import Clock, TraceRow, TreeConfig
from sam2long.video import FrameResult, VideoSource, open_video
from sam2long.video.read_ahead import read_ahead

_DECODE_AHEAD = 4

Source = str | Path | npt.NDArray[np.uint8] | Iterable[npt.NDArray[np.uint8]] | VideoSource


@dataclass(frozen=True)
class Preview:
    """What the prompts of one object on one frame mean, without propagating.

    Attributes:
        mask: bool [height, width] at the video's resolution.
        logits: float32 [height, width], > 0 inside.
        score: predicted IoU, 0..1 (1 for a mask prompt).
        object_score: a logit; > 0 means visible.
    """

    mask: npt.NDArray[np.bool_]
    logits: Tensor
    score: float
    object_score: float


class Session:
    """Marks objects on a video and follows them.

    Args:
        model: a SAM 2, see `load_model`.
        source: anything `sam2long.video.open_video` takes: a file, a folder or glob of images, an array
            [frames, height, width, 3], an iterator of frames [height, width, 3], uint8 RGB.
        tree: the memory tree's numbers; `TreeConfig.greedy()` is plain SAM 2.
        trace: keep what happened to every pathway in `traces` (grows with the video).
        keep_logits: give results their mask logits at the video's resolution.
        max_delay: force a frame's decision after this many newer frames; None lets it take as long as the pathways
            disagree. Forcing is the one setting here that may change results besides the tree's own.

    Raises:
        VideoError: the source cannot be read.
        ConfigError: `max_delay` is negative.
    """

    def __init__(
        self,
        model: SAM2,
        source: Source,
        *,
        tree: TreeConfig | None = None,
        trace: bool = False,
        keep_logits: bool = False,
        max_delay: int | None = None,
    ) -> None:
        if max_delay is not None and max_delay < 0:
            raise ConfigError(f"max_delay is {max_delay}; it must be 0 or more")
        self.model = model
        self.source = open_video(source)
        self.tree = tree or TreeConfig()
        self.traces: dict[int, list[TraceRow]] = {}
        self._trace = trace
        self._keep_logits = keep_logits
        self._max_delay = max_delay
        self._conditioner = Conditioner(model, self.source, self.tree.binary_prompts)
        self._prompts: dict[int, dict[int, ObjectPrompt]] = {}
        self._last: Propagation | None = None

    @property
    def object_ids(self) -> list[int]:
        """Ids of the marked objects, in the order they were first marked."""
        return list(self._prompts)

    @property
    def delay(self) -> int:
        """Visited frames whose results are not out yet, because the pathways still disagree about them."""
        return len(self._last.waiting) if self._last else 0

    def add_points(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None = None,
        replace: bool = False,
    ) -> None:
        """Mark an object by clicks. More clicks on the same frame refine the mask of the earlier ones.

        Args:
            frame: frame number, from 0.
            object_id: any number, 1 or more.
            points: (x, y) in pixels of the video.
            labels: for each point, 1 for the object (the default) or 0 for what is not the object.
            replace: let these stand in for the earlier clicks, of which only the mask is kept to start from (what
                SAM 2's predictor does unless told otherwise); by default clicks accumulate.

        Raises:
            PromptError: the frame does not exist, a point lies outside it, or the object has a mask there.
        """
        self._add_clicks(frame, object_id, points, labels, None, replace)

    def add_box(
        self,
        frame: int,
        object_id: int,
        box: Sequence[float],
        points: Sequence[Sequence[float]] = (),
        labels: Sequence[int] | None = None,
    ) -> None:
        """Mark an object by a box (x0, y0, x1, y1) in pixels of the video, perhaps with points.

        Raises:
            PromptError: as `add_points`; or the box is empty, or the object is marked on this frame already.
        """
        self._add_clicks(frame, object_id, points, labels, box)

    def add_mask(self, frame: int, object_id: int, mask: npt.ArrayLike) -> None:
        """Mark an object by its mask, bool [height, width] at the video's resolution.

        Raises:
            PromptError: the mask is empty or of another size, or the object is marked on this frame already.
        """
        where = self._place(frame, object_id)
        if self._prompt(frame, object_id) is not None:
            raise PromptError(f"{where} is marked already; take that back first if the mask is to replace it")
        self._set_prompt(frame, object_id, ObjectPrompt(mask=check_mask(mask, self._conditioner.size, where)))

    def remove_prompt(self, frame: int, object_id: int) -> None:
        """Take back everything marked for an object on a frame.

        Raises:
            PromptError: nothing is marked there.
        """
        self._marked(frame, object_id)
        del self._prompts[object_id][frame]
        if not self._prompts[object_id]:
            del self._prompts[object_id]
        self._changed(frame, object_id)

    def preview(self, frame: int, object_id: int) -> Preview:
        """Return the mask that an object's prompts on a frame mean, without propagating.

        Raises:
            PromptError: nothing is marked there.
            VideoError: the frame cannot be read; a live source has no frame to go back to.
        """
        prompt = self._marked(frame, object_id)
        outcome = self._conditioner.condition(object_id, frame, prompt).outcome
        size = self._conditioner.size
        with torch.inference_mode():
            return Preview(outcome.mask(size), outcome.full_logits(size), outcome.iou, outcome.object_score)

    def propagate(
        self,
        start: int | None = None,
        end: int | None = None,
        stride: int = 1,
        reverse: bool = False,
        before_prompts: bool = False,
    ) -> Iterator[FrameResult]:
        """Follow the marked objects and yield every frame's result, in the order of the visit, once it is decided.

        A propagation that begins where the last one ended, in the same direction and with the same prompts, goes on
        from its memory: two halves give what the whole gives, but for frames that were undecided at the seam.

        Args:
            start: first frame; by default the first one with a prompt (backward: the last one).
            end: last frame, inclusive; by default the video's last (backward: frame 0).
            stride: visit every `stride`-th frame, and prompted ones.
            reverse: go backward.
            before_prompts: also predict objects on frames that come before their first prompt, from that later prompt,
                as SAM 2's predictor does; otherwise an object enters at its first prompt.

        Raises:
            PromptError: nothing is marked.
            ConfigError: the range, the stride or the direction does not fit the video.
            VideoError: a frame cannot be read.
        """
        prompted = {frame for frames in self._prompts.values() for frame in frames}
        plan = make_plan(self.source, prompted, start, end, stride, reverse)
        return self._propagate(plan, prompted, before_prompts)

    def settle(self) -> Iterator[FrameResult]:
        """Yield the visited frames that a propagation broken off has kept back, as the best pathways have them."""
        if self._last is not None:
            self._last.finish()
            yield from self._last.results()

    def _propagate(self, plan: Plan, prompted: set[int], before_prompts: bool) -> Iterator[FrameResult]:
        run = self._begin(plan, before_prompts)
        last = plan.start
        for frame in read_ahead(plan.frames(self.source, prompted), _DECODE_AHEAD):
            features = self._conditioner.features(frame)
            conditionings = {
                object_id: self._conditioner.condition(object_id, frame.index, prompt)
                for object_id in run.present(frame.index)
                if (prompt := self._prompt(frame.index, object_id)) is not None
            }
            run.visit(frame, features, conditionings)
            self._record(run)
            last = frame.index
            yield from run.results()
        run.finish()
        yield from run.results()
        run.next_frame = last + plan.stride

    def _begin(self, plan: Plan, before_prompts: bool) -> Propagation:
        """Go on from the last propagation where it ended, or start anew."""
        before = self._last
        if before is not None and (before.next_frame, before.plan.stride) == (plan.start, plan.stride):
            before.plan, before.next_frame = plan, None
            return before
        count, config = self.source.frame_count, self.model.config
        pointers = config.max_pointers if count is None else min(config.max_pointers, count)
        tracker = Tracker(self.model, self.tree, Clock(plan.stride, pointers, config.memory_slots), self._max_delay)
        entries = {}
        for object_id, prompts in self._prompts.items():
            first = max(prompts) if plan.stride < 0 else min(prompts)
            entries[object_id] = plan.start if before_prompts else first
            nodes = [
                self._conditioner.condition(object_id, frame, prompts[frame]).node for frame in self._known(prompts)
            ]
            tracker.add_object(object_id, nodes, before.tracker if before is not None else None)
        self.traces = {object_id: [] for object_id in self._prompts}
        self._last = Propagation(plan, tracker, entries, self._conditioner.size, self._keep_logits)
        return self._last

    def _known(self, prompts: dict[int, ObjectPrompt]) -> list[int]:
        """Prompted frames that can be looked at before the visit: all of them, but none of a live source."""
        return sorted(prompts) if self.source.seekable else []

    def _record(self, run: Propagation) -> None:
        if self._trace:
            for object_id, row in run.tracker.trace.items():
                self.traces[object_id].append(row)

    def _add_clicks(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None,
        box: Sequence[float] | None,
        replace: bool = False,
    ) -> None:
        where = self._place(frame, object_id)
        labels = [1] * len(points) if labels is None else labels
        clicks = check_clicks(points, labels, box, self._conditioner.size, where, replace)
        prompt = self._prompt(frame, object_id)
        if prompt is not None and prompt.mask is not None:
            raise PromptError(f"{where} is marked by a mask already; points and boxes cannot refine a mask")
        if prompt is not None and box is not None:
            raise PromptError(f"{where} is marked already; a box must come first, and there can be only one")
        self._set_prompt(frame, object_id, ObjectPrompt(rounds=[*(prompt.rounds if prompt else []), clicks]))

    def _place(self, frame: int, object_id: int) -> str:
        """Name a place for messages, once it is known to exist."""
        where = f"object {object_id} on frame {frame}"
        if object_id < 1:
            raise PromptError(f"{where}: object ids start at 1")
        count = self.source.frame_count
        if frame < 0 or (count is not None and frame >= count):
            have = "" if count is None else f"; {self.source.name} has frames 0 to {count - 1}"
            raise PromptError(f"{where}: there is no frame {frame}{have}")
        return where

    def _prompt(self, frame: int, object_id: int) -> ObjectPrompt | None:
        return self._prompts.get(object_id, {}).get(frame)

    def _marked(self, frame: int, object_id: int) -> ObjectPrompt:
        prompt = self._prompt(frame, object_id)
        if prompt is None:
            raise PromptError(f"object {object_id} on frame {frame} is not marked")
        return prompt

    def _set_prompt(self, frame: int, object_id: int, prompt: ObjectPrompt) -> None:
        self._prompts.setdefault(object_id, {})[frame] = prompt
        self._changed(frame, object_id)

    def _changed(self, frame: int, object_id: int) -> None:
        self._conditioner.forget(object_id, frame)
        if self._last is not None:
            self._last.next_frame = None
