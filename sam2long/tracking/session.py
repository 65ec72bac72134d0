"""A video, its prompts, and their propagation through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sam2long.errors import ConfigError, SessionError
from sam2long.model.checkpoints.digest import weights_digest
from sam2long.model.sam2 import SAM2
from sam2long.results import FrameResult
from sam2long.review.suggestions import Suggestion, review
from sam2long.tracking.plan import make_plan
from sam2long.tracking.preview import Preview
from sam2long.tracking.prompting.prompt_edits import PromptEdits
from sam2long.tracking.prompting.prompts import whole_number
from sam2long.tracking.propagation import Propagation
from sam2long.tracking.rebuild import conditioning_of
from sam2long.tracking.saving.archive import check_same, read_header, read_session, write_session
from sam2long.tracking.saving.autosave import AutoSaver
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.feature_cache import FeatureCache, parse_bytes
from sam2long.tracking.storage.store import ResultStore
from sam2long.tree import TraceRow, TreeConfig
from sam2long.video import VideoSource, open_video
from sam2long.video.fingerprint import Fingerprint, fingerprint

Source = str | Path | npt.NDArray[np.uint8] | Iterable[npt.NDArray[np.uint8]] | VideoSource


class Session:
    """Follows prompted objects through a video, and takes corrections anywhere.

    Objects may be prompted, refined and removed before, between and during propagations. Every edit makes outdated what
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
        keep_results: keep results on disk (some kilobytes per object and frame, deleted with the session), so that
            corrections re-run only what they touch. Without it, as with a live source, every propagation starts anew.
        feature_cache: bytes, or a size such as "2GB", of image features to keep, so that a frame that is looked at
            again needs no encoding (17 MB per frame at 1024 x 1024, in float32); 0 keeps the latest four frames only.
        feature_cache_folder: keep them in a temporary folder inside this one instead of in memory.
        results_folder: keep results in a temporary folder inside this one; by default in the system's folder for
            temporary files (`TMPDIR`), which on some systems is memory.
        autosave: save the session to this file while it propagates and at the end, so that a killed run can go on.
        autosave_every: seconds between two such saves; saving never takes more than a twentieth of the time.

    Raises:
        VideoError: the source cannot be read.
        ConfigError: `max_delay` is negative, `feature_cache` is not a size, or `autosave` has no results to save.
        OutputError: `feature_cache_folder` or `results_folder` cannot be used.
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
        feature_cache_folder: str | Path | None = None,
        results_folder: str | Path | None = None,
        autosave: str | Path | None = None,
        autosave_every: float = 60.0,
    ) -> None:
        if max_delay is not None and max_delay < 0:
            raise ConfigError(f"max_delay is {max_delay}; it must be 0 or more")
        self.model = model
        self._owns_source = not isinstance(source, VideoSource)
        self.source = open_video(source)
        self.tree = tree or TreeConfig()
        store = ResultStore(results_folder) if keep_results and self.source.seekable else None
        if autosave is not None and store is None:
            raise ConfigError("autosave needs kept results: keep_results=True and a video, not a stream")
        cache = FeatureCache(model, self.source, parse_bytes(feature_cache), feature_cache_folder)
        self._state = SessionState(model, self.source, self.tree, cache, store, keep_logits, max_delay, trace)
        self._edits = PromptEdits(self._state)
        self._identity: tuple[Fingerprint, str] | None = None
        self._saver = None if autosave is None else AutoSaver(Path(autosave), autosave_every, self.save)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def object_ids(self) -> list[int]:
        """Ids of the marked objects, in the order they were first marked."""
        return list(self._state.tracks)

    @property
    def prompts(self) -> dict[int, list[int]]:
        """Frames with a prompt of each object, in order."""
        return {object_id: sorted(track.prompts) for object_id, track in self._state.tracks.items()}

    @property
    def delay(self) -> int:
        """Visited frames whose results are not out yet, because the pathways still disagree about them."""
        return len(self._edits.run.waiting) if self._edits.run else 0

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
        """Prompt an object by clicks. More clicks on the same frame refine the mask of the earlier ones.

        Clicks on a frame that was tracked correct it: they start from the tracked mask and from what the object is
        remembered by (SAM 2), and tracking takes up from there.

        Args:
            frame: frame number, from 0.
            object_id: any number, 0 or more.
            points: (x, y) in pixels of the video.
            labels: for each point, 1 for the object (the default) or 0 for what is not the object.
            replace: let these stand in for the earlier clicks, of which only the mask is kept to start from (what
                SAM 2's predictor does by default); otherwise clicks accumulate.

        Raises:
            PromptError: the frame does not exist, a point lies outside it, or the object has a mask there; or another
                thread is propagating; or a stream has passed the frame.
        """
        self._edits.add_clicks(frame, object_id, points, labels, None, replace)

    def add_box(
        self,
        frame: int,
        object_id: int,
        box: Sequence[float],
        points: Sequence[Sequence[float]] = (),
        labels: Sequence[int] | None = None,
        replace: bool = False,
    ) -> None:
        """Prompt an object by a box (x0, y0, x1, y1) in pixels of the video, perhaps with points.

        With `replace` they stand in for the earlier clicks on this frame, as in `add_points`.

        Raises:
            PromptError: as `add_points`; or the box is empty, or the object has a prompt on this frame already.
        """
        self._edits.add_clicks(frame, object_id, points, labels, box, replace)

    def add_mask(self, frame: int, object_id: int, mask: npt.ArrayLike, replace: bool = False) -> None:
        """Prompt an object by its mask, [height, width] at the video's resolution: bool, or all 0 and 1, or 0 and 255.

        Clicks on the same frame refine it. With `replace` it replaces all prompts of the object there.

        Raises:
            PromptError: the mask is empty, of another size or has other values, or the object has a prompt there.
        """
        self._edits.add_mask(frame, object_id, mask, replace)

    def shared_prompts(self, other: Session) -> set[tuple[int, int]]:
        """(frame, object id) of what is prompted in another session of the same video just as it is in this one."""
        return {
            (frame, object_id)
            for object_id, track in self._state.tracks.items()
            for frame, prompt in track.prompts.items()
            if object_id in other._state.tracks and prompt.asks_as(other._state.tracks[object_id].prompts.get(frame))
        }

    def remove_prompt(self, frame: int, object_id: int) -> None:
        """Take back an object's prompts on a frame; an object without any prompt left is removed.

        Raises:
            PromptError: there is no prompt there, or as `add_points`.
        """
        self._edits.remove_prompt(frame, object_id)

    def remove_object(self, object_id: int) -> None:
        """Forget an object: its prompts and its results.

        Raises:
            PromptError: there is no such object, or as `add_points`.
        """
        self._edits.remove_object(object_id)

    def undo(self) -> int:
        """Take back the last edit (of the last 20): prompts and results are exactly as they were before it.

        Returns:
            id of the object that it was about.

        Raises:
            PromptError: there is no edit to take back, or another thread is propagating.
        """
        return self._edits.undo()

    def preview(self, frame: int, object_id: int) -> Preview:
        """Return the mask that an object's prompts on a frame mean, without propagating.

        Raises:
            PromptError: there is no prompt there.
            VideoError: the frame cannot be read; a live source has no frame to go back to.
        """
        frame, object_id = self._edits.check_marked(frame, object_id)
        outcome, size = conditioning_of(self._state, object_id, frame).outcome, self._state.size
        with torch.inference_mode():
            logits = outcome.full_logits(size).to(self.model.device)
            return Preview(outcome.mask(size), logits, outcome.iou, outcome.object_score)

    def propagate(
        self,
        start: int | None = None,
        end: int | None = None,
        stride: int = 1,
        reverse: bool = False,
        before_prompts: bool = False,
    ) -> Iterator[FrameResult]:
        """Follow the objects and yield every frame's result, in the order of the visit, once it is decided.

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
            PromptError: there is no prompt.
            ConfigError: the range, the stride or the direction does not fit the video; or, from the iterator, another
                propagation of this session has begun meanwhile.
            VideoError: a frame cannot be read.
        """
        self._state.recover()
        plan = make_plan(self.source, self._state.prompted, start, end, stride, reverse)
        after_visit = None if self._saver is None else self._saver.tick
        return self._propagate(Propagation(self._state, plan, before_prompts, after_visit))

    def settle(self) -> Iterator[FrameResult]:
        """Yield the visited frames that a propagation broken off has kept back, as the best pathways have them."""
        self._state.recover()
        if self._edits.run is not None:
            self._edits.run.finish()
            yield from self._edits.run.results()

    def result(self, frame: int) -> FrameResult | None:
        """What is known of a frame: the objects whose results there are up to date, or None if there are none.

        Raises:
            ConfigError: the session keeps no results.
        """
        self._kept()
        frame = whole_number(frame, "a frame number")
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

    def review(self, budget: int = 20) -> list[Suggestion]:
        """The frames most worth a look, best first, each with its reason; see `sam2long.review.suggestions`.

        Args:
            budget: how many at most.

        Raises:
            ConfigError: the budget is below 1, or the session keeps no results.
        """
        self._kept()
        return review(self._state.observations(), budget)

    def save(self, path: str | Path) -> None:
        """Save prompts, results, trace and where tracking stopped; `Session.open` goes on from there.

        Edits that could be undone are settled in the file. A file of that name is replaced once the new one is whole.

        Raises:
            ConfigError: the session keeps no results, so there is nothing to save.
            OutputError: the file cannot be written.
        """
        self._kept()
        self._state.recover()
        if self._identity is None:
            self._identity = fingerprint(self.source), weights_digest(self.model)
        write_session(Path(path), self._state, *self._identity)

    @classmethod
    def open(
        cls,
        path: str | Path,
        model: SAM2,
        source: Source | None = None,
        *,
        feature_cache: str | int = 0,
        feature_cache_folder: str | Path | None = None,
        results_folder: str | Path | None = None,
        autosave: str | Path | None = None,
        autosave_every: float = 60.0,
    ) -> Session:
        """Open a saved session.

        Args:
            path: of the file.
            model: with the weights that the session was made with.
            source: the video; by default it is opened where it was.
            feature_cache: see `Session`.
            feature_cache_folder: see `Session`.
            results_folder: see `Session`.
            autosave: see `Session`.
            autosave_every: see `Session`.

        Raises:
            SessionError: the file is damaged, of a newer version, or of another video or model.
            VideoError: the video cannot be read.
        """
        path = Path(path)
        header = read_header(path)
        if source is None:
            source = header.source
        if source is None:
            raise SessionError(f"{path} is of frames that came from memory; give them as `source`")
        session = cls(
            model,
            source,
            tree=header.tree,
            **header.options,
            feature_cache=feature_cache,
            feature_cache_folder=feature_cache_folder,
            results_folder=results_folder,
            autosave=autosave,
            autosave_every=autosave_every,
        )
        weights = weights_digest(model)
        session._identity = check_same(header, path, session._state, weights), weights
        read_session(path, header, session._state)
        return session

    def close(self) -> None:
        """Let go of the results, and of the video unless it was given opened, now rather than when Python collects."""
        if self._state.store is not None:
            self._state.store.close()
        self._state.features.close()
        if self._owns_source:
            self.source.close()

    def _propagate(self, run: Propagation) -> Iterator[FrameResult]:
        self._edits.run = run
        try:
            for result in run.run():
                yield result
                if self._edits.run is not run:
                    raise ConfigError("another propagation of this session has begun; this one cannot go on")
        except BaseException:
            self._state.recover()
            if self._saver is not None:
                self._saver.try_to_save()
            raise
        if self._saver is not None:
            self._saver.save()

    def _kept(self) -> ResultStore:
        if self._state.store is None:
            raise ConfigError("this session keeps no results; that takes keep_results=True and a video, not a stream")
        return self._state.store
