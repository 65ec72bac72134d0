"""A video, what is marked on it, and the propagation of the marks through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from threading import get_ident

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sam2long.errors import ConfigError, PromptError
from sam2long.model.sam2 import SAM2
from sam2long.tracking.edits import EditLog
from sam2long.tracking.feature_cache import FeatureCache, parse_bytes
from sam2long.tracking.plan import make_plan
from sam2long.tracking.prompts import ObjectPrompt, Tracked, check_clicks, check_mask
from sam2long.tracking.propagation import Propagation
from sam2long.tracking.recall import conditioning_of
from sam2long.tracking.state import SessionState
from sam2long.tracking.store import ResultStore
from sam2long.tracking.track import Cut
from sam2long.tree import TraceRow, TreeConfig
from sam2long.video import FrameResult, VideoSource, open_video

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
    """Marks objects on a video, follows them, and takes corrections anywhere.

    Objects may be marked, refined and removed before, between and during propagations. Every edit makes outdated what
    depends on it and nothing else: going forward an object's results from the edited frame to its next prompt, going
    backward those back to its previous one. The next propagation brings just that up to date; the rest is taken from
    the store as it is. See docs/corrections.md.

    Args:
        model: a SAM 2, see `load_model`.
        source: anything `sam2long.video.open_video` takes: a file, a folder or glob of images, an array
            [frames, height, width, 3], an iterator of frames [height, width, 3], uint8 RGB.
        tree: the memory tree's numbers; `TreeConfig.greedy()` is plain SAM 2.
        trace: keep what happened to every pathway in `traces`.
        keep_logits: give results their mask logits at the video's resolution.
        max_delay: force a frame's decision after this many newer frames; None lets it take as long as the pathways
            disagree. Forcing is the one setting here that may change results besides the tree's own.
        keep_results: keep results on disk (some kilobytes for each object and frame, deleted with the session), so that
            corrections re-run only what they touch. Without it, as with a live source, every propagation starts anew.
        feature_cache: bytes, or a size such as "2GB", of image features to keep, so that a frame that is looked at
            again needs no encoding (17 MB a frame at 1024 x 1024, in float32); 0 keeps the latest four frames only.
        feature_cache_folder: keep them in a temporary folder inside this one instead of in memory.

    Raises:
        VideoError: the source cannot be read.
        ConfigError: `max_delay` is negative, or `feature_cache` is no size.
        OutputError: `feature_cache_folder` cannot be used.
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
        keep_results: bool = True,
        feature_cache: str | int = 0,
        feature_cache_folder: Path | None = None,
    ) -> None:
        if max_delay is not None and max_delay < 0:
            raise ConfigError(f"max_delay is {max_delay}; it must be 0 or more")
        self.model = model
        self.source = open_video(source)
        self.tree = tree or TreeConfig()
        store = ResultStore() if keep_results and self.source.seekable else None
        cache = FeatureCache(model, self.source, parse_bytes(feature_cache), feature_cache_folder)
        self._state = SessionState(model, self.source, self.tree, cache, store, keep_logits, max_delay, trace)
        self._edits = EditLog(self._state)
        self._run: Propagation | None = None

    @property
    def object_ids(self) -> list[int]:
        """Ids of the marked objects, in the order they were first marked."""
        return list(self._state.tracks)

    @property
    def prompts(self) -> dict[int, list[int]]:
        """Frames on which each object is marked, in order."""
        return {object_id: sorted(track.prompts) for object_id, track in self._state.tracks.items()}

    @property
    def delay(self) -> int:
        """Visited frames whose results are not out yet, because the pathways still disagree about them."""
        return len(self._run.waiting) if self._run else 0

    @property
    def traces(self) -> dict[int, list[TraceRow]]:
        """What happened to each object's pathways, frame by frame, if the session keeps a trace."""
        return {object_id: self._state.trace_of(object_id) for object_id in self.object_ids}

    def add_points(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None = None,
        replace: bool = False,
    ) -> None:
        """Mark an object by clicks. More clicks on the same frame refine the mask of the earlier ones.

        Clicks on a frame that was tracked correct it: they start from the tracked mask and from what the object is
        remembered by (SAM 2), and tracking takes up from there.

        Args:
            frame: frame number, from 0.
            object_id: any number, 0 or more.
            points: (x, y) in pixels of the video.
            labels: for each point, 1 for the object (the default) or 0 for what is not the object.
            replace: let these stand in for the earlier clicks, of which only the mask is kept to start from (what
                SAM 2's predictor does unless told otherwise); by default clicks accumulate.

        Raises:
            PromptError: the frame does not exist, a point lies outside it, or the object has a mask there; or another
                thread is propagating; or a stream has passed the frame.
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
        self._set_prompt(frame, object_id, ObjectPrompt(mask=check_mask(mask, self._state.size, where)))

    def remove_prompt(self, frame: int, object_id: int) -> None:
        """Take back everything marked for an object on a frame; without any mark left it is removed.

        Raises:
            PromptError: nothing is marked there, or as `add_points`.
        """
        self._marked(frame, object_id)
        self._check_free(frame)
        self._changed(self._edits.set_prompt(object_id, frame, None))

    def remove_object(self, object_id: int) -> None:
        """Forget an object: its marks and its results.

        Raises:
            PromptError: there is no such object, or as `add_points`.
        """
        self._known(object_id)
        self._check_free(None)
        self._changed(self._edits.remove(object_id))

    def undo(self) -> int:
        """Take back the last edit (of the last 20): marks and results are exactly as they were before it.

        Returns:
            id of the object that it was about.

        Raises:
            PromptError: there is no edit to take back, or another thread is propagating.
        """
        if not self._edits:
            raise PromptError("there is nothing to undo")
        self._check_free(None)
        object_id, cuts = self._edits.undo()
        self._changed(cuts)
        return object_id

    def preview(self, frame: int, object_id: int) -> Preview:
        """Return the mask that an object's prompts on a frame mean, without propagating.

        Raises:
            PromptError: nothing is marked there.
            VideoError: the frame cannot be read; a live source has no frame to go back to.
        """
        self._marked(frame, object_id)
        outcome, size = conditioning_of(self._state, object_id, frame).outcome, self._state.size
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

        What an earlier propagation in the same direction and stride has found, and no edit has made outdated since, is
        taken as it is, and tracking goes on where it stopped: two halves give what the whole gives, but for frames that
        were undecided at the seam.

        Edits between two results take effect at once: what they make outdated is tracked again, and the results that
        follow know of it. Frames that are out already are not sent again; see `result`.

        Args:
            start: first frame; by default the first one with a prompt (backward: the last one).
            end: last frame, inclusive; by default the video's last (backward: frame 0).
            stride: visit every `stride`-th frame, and prompted ones.
            reverse: go backward.
            before_prompts: also predict objects on frames that come before their first prompt, from that later prompt,
                as SAM 2's predictor does; otherwise an object enters at its first prompt.

        Raises:
            PromptError: nothing is marked.
            ConfigError: the range, the stride or the direction does not fit the video; or, from the iterator, another
                propagation of this session has begun meanwhile.
            VideoError: a frame cannot be read.
        """
        plan = make_plan(self.source, self._state.prompted, start, end, stride, reverse)
        return self._propagate(Propagation(self._state, plan, before_prompts))

    def settle(self) -> Iterator[FrameResult]:
        """Yield the visited frames that a propagation broken off has kept back, as the best pathways have them."""
        if self._run is not None:
            self._run.finish()
            yield from self._run.results()

    def result(self, frame: int) -> FrameResult | None:
        """What is known of a frame: the objects whose results there are up to date, or None if there are none.

        Raises:
            ConfigError: the session keeps no results.
        """
        self._kept()
        found = {object_id: self._state.result(object_id, frame) for object_id in self.object_ids}
        rows = {object_id: row for object_id, row in found.items() if row is not None}
        if not rows:
            return None
        outcomes = {object_id: self._state.outcome(row) for object_id, row in rows.items()}
        return self._state.report(frame, next(iter(rows.values())).time, outcomes)

    def results(self) -> Iterator[FrameResult]:
        """Everything that is known, frame by frame.

        Raises:
            ConfigError: the session keeps no results.
        """
        for frame in self._kept().frames(self.object_ids):
            result = self.result(frame)
            if result is not None:
                yield result

    def close(self) -> None:
        """Let go of the results and the video."""
        if self._state.store is not None:
            self._state.store.close()
        self._state.features.close()
        self.source.close()

    def _propagate(self, run: Propagation) -> Iterator[FrameResult]:
        self._run = run
        for result in run.run():
            yield result
            if self._run is not run:
                raise ConfigError("another propagation of this session has begun; this one cannot go on")

    def _kept(self) -> ResultStore:
        if self._state.store is None:
            raise ConfigError("this session keeps no results; that takes keep_results=True and a video, not a stream")
        return self._state.store

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
        clicks = check_clicks(points, labels, box, self._state.size, where, replace)
        prompt = self._prompt(frame, object_id)
        if prompt is not None and prompt.mask is not None:
            raise PromptError(f"{where} is marked by a mask already; points and boxes cannot refine a mask")
        if prompt is not None and box is not None:
            raise PromptError(f"{where} is marked already; a box must come first, and there can be only one")
        if prompt is None:
            prompt = ObjectPrompt(refines=self._tracked(frame, object_id))
        self._set_prompt(frame, object_id, replace_fields(prompt, rounds=(*prompt.rounds, clicks)))

    def _place(self, frame: int, object_id: int) -> str:
        """Name a place for messages, once it is known to exist."""
        where = f"object {object_id} on frame {frame}"
        if object_id < 0:
            raise PromptError(f"{where}: object ids start at 0")
        count = self.source.frame_count
        if frame < 0 or (count is not None and frame >= count):
            have = "" if count is None else f"; {self.source.name} has frames 0 to {count - 1}"
            raise PromptError(f"{where}: there is no frame {frame}{have}")
        return where

    def _prompt(self, frame: int, object_id: int) -> ObjectPrompt | None:
        track = self._state.tracks.get(object_id)
        return track.prompts.get(frame) if track else None

    def _marked(self, frame: int, object_id: int) -> None:
        self._known(object_id)
        if self._prompt(frame, object_id) is None:
            frames = ", ".join(str(place) for place in self.prompts[object_id])
            raise PromptError(f"object {object_id} on frame {frame} is not marked; it is marked on {frames}")

    def _known(self, object_id: int) -> None:
        if object_id not in self._state.tracks:
            known = ", ".join(str(other) for other in self.object_ids) or "none"
            raise PromptError(f"object {object_id} is not marked; the objects are: {known}")

    def _tracked(self, frame: int, object_id: int) -> Tracked | None:
        """What tracking says of an object on a frame now, which clicks there correct."""
        track = self._state.tracks.get(object_id)
        if track is None:
            return None
        result = self._state.result(object_id, frame)
        if result is not None:
            return Tracked(self._kept().packed(result).logits, result.stride)
        undecided = track.live.tree.best_chain() if track.live else []
        outcome = next((branch.outcome for branch in undecided if branch.frame == frame), None)
        if outcome is None or track.live is None or self._state.store is None:
            return None
        return Tracked(outcome.pack(self._state.size, self._state.keep_logits).logits, track.live.stride)

    def _set_prompt(self, frame: int, object_id: int, prompt: ObjectPrompt) -> None:
        self._check_free(frame)
        self._changed(self._edits.set_prompt(object_id, frame, prompt))
        if prompt.refines is not None:
            # A correction is worked out from what the object is remembered by now.
            conditioning_of(self._state, object_id, frame)

    def _check_free(self, frame: int | None) -> None:
        """Edits come from the thread that propagates, and a stream cannot go back for them."""
        run = self._run
        if run is None or not run.running:
            return
        if run.thread != get_ident():
            raise PromptError("another thread is propagating; edit from there, between two results, or end it first")
        if frame is not None and self._state.store is None and run.has_passed(frame):
            raise PromptError(f"frame {frame} has gone by; without kept results a mark must be on a frame to come")

    def _changed(self, cuts: tuple[Cut, ...]) -> None:
        if self._run is not None:
            self._run.note(cuts)
