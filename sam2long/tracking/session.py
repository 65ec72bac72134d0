"""The session: a video, the prompts of its objects, and their propagation."""

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
from sam2long.tracking.saving.archive import check_can_save, check_same, read_header, read_session, write_session
from sam2long.tracking.saving.autosave import AutoSaver
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.feature_cache import FeatureCache, parse_bytes
from sam2long.tracking.storage.store import ResultStore
from sam2long.tree import TraceRow, TreeConfig
from sam2long.video import VideoSource, open_video
from sam2long.video.fingerprint import Fingerprint, fingerprint

Source = str | Path | npt.NDArray[np.uint8] | Iterable[npt.NDArray[np.uint8]] | VideoSource


class Session:
    """Follows prompted objects through a video, and accepts corrections on any frame.

    Objects can be prompted, refined and removed before, between and during propagations. An edit makes outdated only
    what depends on it: forward results of the object from the edited frame to its next prompt, and backward results
    back to its previous prompt. The next propagation updates these; others are reused as stored (docs/corrections.md).

    Args:
        model: a SAM 2, see `load_model`.
        source: anything `sam2long.video.open_video` takes: a file, a folder or glob of images, an array
            [frames, height, width, 3], an iterator of frames [height, width, 3], uint8 RGB.
        tree: hyperparameters of the memory tree; `TreeConfig.greedy()` is plain SAM 2.
        trace: record how the pathways continue on each frame, in `traces`.
        keep_logits: include mask logits at the video's resolution in the results.
        max_delay: decide each frame after at most this many newer ones; None waits until its pathways agree. Besides
            the tree's hyperparameters, this is the only argument that can change results.
        keep_results: store results on disk (some kilobytes per object and frame, deleted with the session), so that
            corrections re-run only what they affect. Without it, as on a live source, each propagation starts afresh.
        feature_cache: size of the cache of image features, in bytes or as in "2GB"; cached frames are not encoded again
            (17 MB per frame at 1024 x 1024, in float32). 0 keeps only the latest four frames.
        results_folder: store results in a temporary folder inside this one; by default in the system's folder for
            temporary files (`TMPDIR`), which on some systems is in memory.
        autosave: save the session to this file during and after each propagation, so that a killed run can be resumed.
        autosave_every: seconds between saves; saving never takes more than a twentieth of the time.

    Raises:
        VideoError: the source cannot be read.
        ConfigError: `max_delay` is negative, `feature_cache` is not a valid size, or `autosave` has no results to save.
        OutputError: `results_folder` cannot be used, or `autosave` not be written.
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
        results_folder: str | Path | None = None,
        autosave: str | Path | None = None,
        autosave_every: float = 60.0,
    ) -> None:
        if max_delay is not None and max_delay < 0:
            raise ConfigError(f"max_delay is {max_delay}; it must be 0 or more")
        if autosave is not None:
            check_can_save(Path(autosave))
        self.model = model
        self._owns_source = not isinstance(source, VideoSource)
        self.source = open_video(source)
        self.tree = tree or TreeConfig()
        store = ResultStore(results_folder) if keep_results and self.source.seekable else None
        if autosave is not None and store is None:
            raise ConfigError("autosave needs stored results: keep_results=True and a video that is not a live source")
        cache = FeatureCache(model, self.source, parse_bytes(feature_cache))
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
        """Ids of the prompted objects, in the order of their first prompts."""
        return list(self._state.tracks)

    @property
    def prompts(self) -> dict[int, list[int]]:
        """Prompted frames of each object, in ascending order."""
        return {object_id: sorted(track.prompts) for object_id, track in self._state.tracks.items()}

    @property
    def delay(self) -> int:
        """Number of visited frames whose results have not been yielded yet, because their pathways disagree."""
        return len(self._edits.run.waiting) if self._edits.run else 0

    @property
    def traces(self) -> dict[int, list[TraceRow]]:
        """How each object's pathways continued on each frame, by object id; empty unless `trace` is set."""
        return {object_id: self._state.trace_of(object_id) for object_id in self.object_ids}

    def add_points(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None = None,
        replace: bool = False,
    ) -> None:
        """Prompt an object with clicks. Further clicks on the same frame refine the mask.

        Clicks on a tracked frame correct it: as in SAM 2 they start from the tracked mask and the object's memory, and
        tracking continues from the corrected frame.

        Args:
            frame: frame number, from 0.
            object_id: any number, 0 or more.
            points: (x, y) in pixels of the video.
            labels: for each point, 1 for the object (the default) or 0 for the background.
            replace: replace the earlier clicks, of which only the mask is kept as a start (the default of SAM 2's
                predictor); otherwise clicks accumulate.

        Raises:
            PromptError: the frame does not exist, a point is invalid or lies outside it, another thread is propagating,
                or the frame of a live source has already passed.
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
        """Prompt an object with a box (x0, y0, x1, y1) in pixels of the video, optionally with points.

        With `replace` they replace the earlier clicks on this frame, as in `add_points`.

        Raises:
            PromptError: as `add_points`; or the box is empty, or the object already has a prompt on this frame.
        """
        self._edits.add_clicks(frame, object_id, points, labels, box, replace)

    def add_mask(self, frame: int, object_id: int, mask: npt.ArrayLike, replace: bool = False) -> None:
        """Prompt an object with its mask, [height, width] at the video's resolution: bool, or 0 and 1, or 0 and 255.

        Clicks on the same frame refine it. With `replace` it replaces all prompts of the object on this frame.

        Raises:
            PromptError: as `add_points`; or the mask is empty or invalid, or the object already has a prompt here.
        """
        self._edits.add_mask(frame, object_id, mask, replace)

    def shared_prompts(self, other: Session) -> set[tuple[int, int]]:
        """(frame, object id) of the prompts that another session of the same video has in common with this one."""
        return {
            (frame, object_id)
            for object_id, track in self._state.tracks.items()
            for frame, prompt in track.prompts.items()
            if object_id in other._state.tracks and prompt.asks_as(other._state.tracks[object_id].prompts.get(frame))
        }

    def remove_prompt(self, frame: int, object_id: int) -> None:
        """Remove an object's prompts on a frame; an object with no prompt left is removed.

        Raises:
            PromptError: there is no prompt there, or as `add_points`.
        """
        self._edits.remove_prompt(frame, object_id)

    def remove_object(self, object_id: int) -> None:
        """Remove an object with its prompts and results.

        Raises:
            PromptError: there is no such object, or another thread is propagating.
        """
        self._edits.remove_object(object_id)

    def undo(self) -> int:
        """Undo the last edit, up to 20 of them in turn: prompts and results are exactly as they were before it.

        Returns:
            id of the edited object.

        Raises:
            PromptError: there is nothing to undo, or another thread is propagating.
        """
        return self._edits.undo()

    def preview(self, frame: int, object_id: int) -> Preview:
        """Return the mask of an object's prompts on a frame, without propagating.

        Raises:
            PromptError: there is no prompt there.
            VideoError: the frame cannot be read, or belongs to a live source, which cannot go back to it.
        """
        frame, object_id = self._edits.check_prompted(frame, object_id)
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
        """Follow the objects and yield the result of each frame, in the order of the visit, once it is decided.

        Results of an earlier propagation with the same direction and stride are reused unless an edit has made them
        outdated, and tracking continues where it stopped: two halves give the same results as one run, except for
        frames that were undecided where the first half ended.

        Edits between two results take effect at once: outdated results are tracked again, and later ones reflect the
        edit. Frames that have already been yielded are not yielded again; see `result`.

        Args:
            start: first frame; by default the first one with a prompt (backward: the last one).
            end: last frame, inclusive; by default the video's last (backward: frame 0).
            stride: visit every `stride`-th frame, and prompted ones.
            reverse: go backward.
            before_prompts: also track objects on the frames before their first prompt, from that later prompt, as
                SAM 2's predictor does; otherwise an object enters at its first prompt.

        Raises:
            PromptError: there is no prompt.
            ConfigError: the range, stride or direction does not fit the video; or another propagation starts meanwhile.
            VideoError: a frame cannot be read.
        """
        self._state.recover()
        plan = make_plan(self.source, self._state.prompted, start, end, stride, reverse)
        after_visit = None if self._saver is None else self._saver.tick
        return self._propagate(Propagation(self._state, plan, before_prompts, after_visit))

    def settle(self) -> Iterator[FrameResult]:
        """Yield the visited frames that an interrupted propagation has not yielded, as the best pathways have them."""
        self._state.recover()
        if self._edits.run is not None:
            self._edits.run.finish()
            yield from self._edits.run.results()

    def result(self, frame: int) -> FrameResult | None:
        """Return the stored result of a frame, with the objects whose results there are up to date; None without any.

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
        """Yield all stored results that are up to date, in the order of the frames.

        Raises:
            ConfigError: the session keeps no results.
        """
        for frame in self._kept().frames(self.object_ids):
            result = self.result(frame)
            if result is not None:
                yield result

    def review(self, budget: int = 20) -> list[Suggestion]:
        """Return the frames most worth checking, best first, each with a reason; see `sam2long.review.suggestions`.

        Args:
            budget: maximum number of frames.

        Raises:
            ConfigError: the budget is below 1, or the session keeps no results.
        """
        self._kept()
        return review(self._state.observations(), budget)

    def save(self, path: str | Path) -> None:
        """Save prompts, results, trace and the trees where tracking stopped; `Session.open` resumes from there.

        The file does not contain the history for `undo`. An existing file is replaced once the new one is complete.

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
        results_folder: str | Path | None = None,
        autosave: str | Path | None = None,
        autosave_every: float = 60.0,
    ) -> Session:
        """Open a saved session.

        Args:
            path: of the file.
            model: with the same weights as when the session was saved.
            source: the video; by default it is opened at its saved path.
            feature_cache: see `Session`.
            results_folder: see `Session`.
            autosave: see `Session`.
            autosave_every: see `Session`.

        Raises:
            SessionError: the file is damaged, of a newer version, or of another video or model.
            VideoError: the video cannot be read.
        """
        path = Path(path)
        header = read_header(path)
        source = header.source if source is None else source
        if source is None:
            raise SessionError(f"{path} was made from frames in memory; pass them as `source`")
        session = cls(
            model,
            source,
            tree=header.tree,
            **header.options,
            feature_cache=feature_cache,
            results_folder=results_folder,
            autosave=autosave,
            autosave_every=autosave_every,
        )
        weights = weights_digest(model)
        session._identity = check_same(header, path, session._state, weights), weights
        read_session(path, header, session._state)
        return session

    def close(self) -> None:
        """Delete stored results and cached features, and close the video unless it was passed already opened."""
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
                    raise ConfigError("another propagation of this session has started; this one cannot continue")
        except BaseException:
            self._state.recover()
            if self._saver is not None:
                self._saver.try_to_save()
            raise
        if self._saver is not None:
            self._saver.save()

    def _kept(self) -> ResultStore:
        if self._state.store is None:
            raise ConfigError("this session keeps no results; use keep_results=True and a video that is not live")
        return self._state.store
