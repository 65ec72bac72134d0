"""The session: a video, the prompts of its objects, and their propagation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError, SessionError
from sam2long.model.checkpoints.digest import weights_digest
from sam2long.model.sam2 import SAM2
from sam2long.results import FrameResult
from sam2long.tracking.plan import make_plan
from sam2long.tracking.progress import Progress
from sam2long.tracking.prompting.edits import UNDO_DEPTH
from sam2long.tracking.prompting.prompt_edits import PromptEdits
from sam2long.tracking.propagation import Propagation
from sam2long.tracking.rebuild import frames_remembered
from sam2long.tracking.saving.archive import check_can_save, check_same, read_header, read_session, write_session
from sam2long.tracking.saving.autosave import AutoSaver
from sam2long.tracking.scenes import SceneCuts
from sam2long.tracking.session_prompts import SessionPrompts
from sam2long.tracking.session_results import SessionResults
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.feature_cache import FeatureCache, parse_bytes
from sam2long.tracking.storage.store import ResultStore
from sam2long.tree import TreeConfig
from sam2long.video import Frame, VideoSource, open_video
from sam2long.video.fingerprint import Fingerprint, fingerprint

Source = str | Path | npt.NDArray[np.uint8] | Iterable[npt.NDArray[np.uint8]] | VideoSource


class Session(SessionPrompts, SessionResults):
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
        soft_edges: include masks with soft edges in the results, as `FrameResult.soft`.
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
        undo_depth: number of edits that can be undone, None for all; what they outdate stays on disk until then.
        cuts: what scene cuts mean: "keep" tracks on as if there were none; "pause" remembers nothing of an object
            behind a cut until it is found again; "stop" ends propagations there (docs/cuts.md).

    Raises:
        VideoError: the source cannot be read.
        ConfigError: `cuts`, `max_delay`, `undo_depth` or `feature_cache` is not valid, or `autosave` has no results to
            save.
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
        undo_depth: int | None = UNDO_DEPTH,
        cuts: str = "keep",
        soft_edges: bool = False,
    ) -> None:
        scenes = SceneCuts(cuts)
        for name, number, least in (("max_delay", max_delay, 0), ("undo_depth", undo_depth, 1)):
            if number is not None and number < least:
                raise ConfigError(f"{name} is {number}; it must be {least} or more")
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
        self._state.scenes = scenes
        self._state.soft_edges = soft_edges
        self._edits = PromptEdits(self._state, undo_depth)
        self._identity: tuple[Fingerprint, str] | None = None
        self._saver = None if autosave is None else AutoSaver(Path(autosave), autosave_every, self.save)
        self._saved = self._state.stamp

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def delay(self) -> int:
        """Number of visited frames whose results have not been yielded yet, because their pathways disagree."""
        return len(self._edits.run.waiting) if self._edits.run else 0

    @property
    def stopped_at_cut(self) -> int | None:
        """First frame of the new scene at which the propagation started last has ended, with `cuts="stop"`."""
        return self._edits.run.ended_at if self._edits.run else None

    @property
    def progress(self) -> Progress | None:
        """How far the propagation started last has come, or None before the first; may be read from any thread."""
        return self._edits.run.progress() if self._edits.run else None

    def cancel(self) -> None:
        """End the running propagation, if any, after its current visit; may be called from any thread.

        Its iterator ends as at the end of the video, but frames that are undecided stay so: `propagate` continues from
        there, and `settle` decides them.
        """
        if self._edits.run is not None:
            self._edits.run.cancelled.set()

    def prepared(self, frame: int) -> bool:
        """Whether a frame's image features are cached, so that prompts on it are answered at once."""
        return self._state.features.known(frame) is not None

    def prepare(self, frame: int | Frame) -> None:
        """Encode a frame ahead of time, unless it is prepared.

        Args:
            frame: frame number, or the decoded frame, which is then not decoded again.

        Raises:
            VideoError: the frame cannot be read.
        """
        if isinstance(frame, int):
            self._state.features.features(frame)
        elif not self.prepared(frame.index):
            self._state.features.encode(frame)

    def prepare_corrections(self, frame: int) -> Iterator[int]:
        """Encode ahead of time the memories that clicks on a tracked frame attend to, one memory per step.

        To be given up after an edit, and when a propagation starts.

        Yields:
            the number of the frame that the next step needs the image of; preparing it first makes the step short.
        """
        for object_id in list(self._state.tracks):
            yield from frames_remembered(self._state, object_id, frame)

    def propagate(
        self,
        start: int | None = None,
        end: int | None = None,
        stride: int = 1,
        reverse: bool = False,
        before_prompts: bool = False,
        objects: Collection[int] | None = None,
        on_visit: Callable[[], object] | None = None,
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
            objects: follow only these; by default all.
            on_visit: called after each visited frame, on this thread; it may read `progress`, edit the session as
                between two results, and `cancel`.

        Raises:
            PromptError: there is no prompt, or one of `objects` has none.
            ConfigError: the range, stride or direction does not fit the video; or another propagation starts meanwhile.
            VideoError: a frame cannot be read.
        """
        self._state.recover()
        chosen = None if objects is None else frozenset(self._edits.known(object_id) for object_id in objects)
        followed = [track for object_id, track in self._state.tracks.items() if chosen is None or object_id in chosen]
        prompts = {frame for track in followed for frame in track.prompts}
        searched = any(track.references for track in followed)
        plan = make_plan(self.source, prompts, start, end, stride, reverse, searched)

        def after_visit() -> None:
            if self._saver is not None:
                self._saver.tick()
            if on_visit is not None:
                on_visit()

        return self._propagate(Propagation(self._state, plan, before_prompts, after_visit, chosen))

    def settle(self) -> Iterator[FrameResult]:
        """Yield the visited frames that an interrupted propagation has not yielded, as the best pathways have them."""
        self._state.recover()
        if self._edits.run is not None:
            self._edits.run.finish()
            yield from self._edits.run.results()

    def save(self, path: str | Path) -> None:
        """Save prompts, styles, results, trace and the trees where tracking stopped; `Session.open` resumes from there.

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
        self._saved = self._state.stamp

    @property
    def unsaved(self) -> bool:
        """Whether an edit or a result is newer than the last save, or than the file that the session was read from."""
        return self._state.stamp != self._saved

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
        undo_depth: int | None = UNDO_DEPTH,
        soft_edges: bool = False,
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
            undo_depth: see `Session`.
            soft_edges: see `Session`; every session file has what they are made from.

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
            undo_depth=undo_depth,
            soft_edges=soft_edges,
        )
        weights = weights_digest(model)
        session._identity = check_same(header, path, session._state, weights), weights
        read_session(path, header, session._state)
        session._saved = session._state.stamp
        return session

    def _repr_html_(self) -> str:
        """What a notebook shows: a frame with its masks, and what is known of each object over time."""
        from sam2long.tracking.notebooks.session_html import session_html

        return session_html(self, self._edits.run)

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
