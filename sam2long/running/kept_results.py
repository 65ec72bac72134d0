"""What an earlier run has kept, in an output folder or a session file: one way to read both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError, SessionError, VideoError
from sam2long.results import FrameResult
from sam2long.results.reading import FinishedRun, ResultsError
from sam2long.running.session_file import names_in
from sam2long.tracking.saving.archive import Header, is_session
from sam2long.tracking.saving.stored_results import StoredResults
from sam2long.video import VideoSource, open_video
from sam2long.video.described import DescribedVideo
from sam2long.video.fingerprint import Fingerprint, fingerprint
from sam2long.video.source import DEFAULT_FPS

Levels = tuple[float, float]


@dataclass(frozen=True)
class KeptResults:
    """Results of an earlier run.

    Attributes:
        path: the output folder or the session file.
        source: the video; a `DescribedVideo` if its frames are not at hand.
        object_ids: ids of all objects, ascending.
        names: names by object id, of the objects that were given one.
        prompted: (frame, object id) of every prompt.
        settings: how the results were made, for a summary.
        complete: whether they are all that was asked for.
        stopped: why not, or None.
        times: time in seconds by frame, of the frames with results, ascending.
        results: yields the results, in the order in which they were written, of a session ascending.
        masks: returns the masks of a frame by object id, bool [height, width].
    """

    path: Path
    source: VideoSource
    object_ids: list[int]
    names: Mapping[int, str]
    prompted: set[tuple[int, int]]
    settings: Mapping[str, object]
    complete: bool
    stopped: str | None
    times: Mapping[int, float]
    results: Callable[[], Iterator[FrameResult]]
    masks: Callable[[int], Mapping[int, npt.NDArray[np.bool_]]]

    @property
    def missing_video(self) -> str | None:
        """Why the frames of the video are not at hand, and what to do; None if they are."""
        return self.source.missing if isinstance(self.source, DescribedVideo) else None


@contextmanager
def open_kept(
    path: Path, video: str | None = None, levels: Levels | None = None, pixels: bool = True
) -> Iterator[KeptResults]:
    """Open an output folder or a session file.

    Args:
        path: the folder or file.
        video: where its video is now; by default where it was then.
        levels: see `open_video`; by default those of the run.
        pixels: whether the frames of the video are needed. Without them a video that is not found is no error.

    Raises:
        UserError: there are no results, they are damaged, or `video` is not the video they are of.
    """
    with ExitStack() as stack:
        if path.is_file() and is_session(path):
            yield _session(path, video, levels, stack)
        elif path.is_dir():
            yield _run(path, video, levels, pixels, stack)
        else:
            what = "is neither an output folder nor a session file" if path.exists() else "does not exist"
            raise ResultsError(f"{path} {what}; give the folder that sam2long track has written, or its .s2l file")


def _run(path: Path, video: str | None, levels: Levels | None, pixels: bool, stack: ExitStack) -> KeptResults:
    run = stack.enter_context(FinishedRun(path))
    source: VideoSource = run.video
    if pixels or video is not None:
        wanted = _Wanted(path, run.video, levels or run.levels, whole=run.complete)
        source = stack.enter_context(wanted.find(video, run.video_path))
    return KeptResults(
        path=path,
        source=source,
        object_ids=run.object_ids,
        names=run.names,
        prompted=run.prompted(),
        settings=run.settings,
        complete=run.complete,
        stopped=run.stopped,
        times=run.times,
        results=run.results,
        masks=run.masks,
    )


def _session(path: Path, video: str | None, levels: Levels | None, stack: ExitStack) -> KeptResults:
    stored = stack.enter_context(StoredResults(path))
    header, seen = stored.header, stored.header.video
    name = Path(header.source).stem if header.source else "array"
    described = DescribedVideo(name, seen.height, seen.width, _rate(stored.times), seen.frames)
    source = stack.enter_context(_Wanted(path, described, levels, print=seen).find(video, header.source))
    waiting = _undecided(header, path)
    return KeptResults(
        path=path,
        source=source,
        object_ids=sorted(stored.object_ids),
        names=names_in(header, path),
        prompted=stored.prompted,
        settings={
            "model": header.data["model"].get("name"),
            "tree": header.data["tree"],
            "max_delay": header.options["max_delay"],
        },
        complete=not waiting,
        stopped=f"{waiting} frames of the session are not decided yet" if waiting else None,
        times=stored.times,
        results=stored.results,
        masks=lambda frame: stored.result(frame).masks,
    )


@dataclass(frozen=True)
class _Wanted:
    """The video that results are of.

    Attributes:
        path: of the results, for messages.
        described: what they say of it.
        levels: see `open_video`.
        whole: whether its number of frames is told; it is not of a video that was cut short.
        print: its fingerprint, if they have it.
    """

    path: Path
    described: DescribedVideo
    levels: Levels | None
    whole: bool = True
    print: Fingerprint | None = None

    def find(self, given: str | None, recorded: str | None) -> VideoSource:
        """Open the video where the user or the results say; raises VideoError if the user is wrong."""
        if given is not None:
            return self._open(given)
        if recorded is None:
            return self._without(f"{self.path} does not say where its video is")
        try:
            return self._open(recorded)
        except (VideoError, ConfigError) as error:
            return self._without(str(error))

    def _without(self, why: str) -> DescribedVideo:
        self.described.missing = f"{why}; pass --video FILE"
        return self.described

    def _open(self, name: str) -> VideoSource:
        source, fps = open_video(name, levels=self.levels), self.described.fps
        if abs(source.fps - fps) > 1e-5 * fps:
            with suppress(ConfigError):  # only images have the rate that the user gave them
                again = open_video(name, fps=fps, levels=self.levels)
                source.close()
                source = again
        if self._is_other(source):
            source.close()
            was, now = (f"{one.frame_count} frames of {one.width}x{one.height}" for one in (self.described, source))
            detail = f": that had {was}, this has {now}" if was != now else ""
            raise VideoError(f"{name} is not the video of {self.path}, or has changed{detail}")
        return source

    def _is_other(self, source: VideoSource) -> bool:
        if self.print is not None:
            return fingerprint(source) != self.print
        counts = {self.described.frame_count, source.frame_count} - {None}
        size = self.described.width, self.described.height
        return size != (source.width, source.height) or (self.whole and len(counts) > 1)


def _rate(times: Mapping[int, float]) -> float:
    """Frames per second, from the times of the first and the last frame."""
    frames = list(times)
    if len(frames) < 2 or not times[frames[-1]] > times[frames[0]]:
        return DEFAULT_FPS
    return round((frames[-1] - frames[0]) / (times[frames[-1]] - times[frames[0]]), 6)


def _undecided(header: Header, path: Path) -> int:
    """Number of frames that were visited, but whose results wait in the trees."""
    try:
        lives = [item["live"] for item in header.data["objects"] if item["live"]]
        return len({int(frame) for live in lives for frame, *_ in live["pending"]})
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise SessionError(f"{path} is damaged or not a session file ({error!r})") from error
