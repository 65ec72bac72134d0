"""Two runs of one video, in whatever form they are kept: folders, sessions, or plain folders of masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError
from sam2long.results.reading.mask_folder import MaskFolder
from sam2long.results.writers.folder import SUMMARY
from sam2long.running.kept_results import open_kept
from sam2long.video import VideoSource, open_video
from sam2long.video.described import DescribedVideo

_SHOWN_NAMES = 2


@dataclass(frozen=True)
class MaskSequence:
    """The masks of one run.

    Attributes:
        path: where they are.
        video: the video, or a `DescribedVideo` if its frames are not at hand.
        times: time in seconds by frame, of the frames with results, ascending; None of a plain folder of masks.
        masks: returns the masks of a frame by object id, bool [height, width].
    """

    path: Path
    video: VideoSource
    times: Mapping[int, float | None]
    masks: Callable[[int], Mapping[int, npt.NDArray[np.bool_]]]

    @property
    def span(self) -> str:
        """Number of frames, the first and the last."""
        frames = list(self.times)
        return f"{len(frames)} frames ({frames[0]} to {frames[-1]})" if frames else "no frames"


@dataclass(frozen=True)
class RunPair:
    """Two runs of one video.

    Attributes:
        a: the first.
        b: the second.
        frames: numbers of the frames that both have, ascending.
    """

    a: MaskSequence
    b: MaskSequence
    frames: list[int]

    @property
    def video(self) -> VideoSource:
        """The video of the first run that knows where it is."""
        known = [run.video for run in (self.a, self.b) if not isinstance(run.video, DescribedVideo)]
        return known[0] if known else self.a.video

    @property
    def names(self) -> tuple[str, str]:
        """Short names of the two, which differ."""
        paths = [run.path.resolve() for run in (self.a, self.b)]
        count = next((n for n in range(1, 9) if paths[0].parts[-n:] != paths[1].parts[-n:]), 1)
        first, second = ("/".join(path.parts[-count:]) for path in paths)
        return first, second

    def time(self, frame: int) -> float:
        """Time of a common frame in seconds."""
        known = [time for run in (self.a, self.b) if (time := run.times[frame]) is not None]
        return known[0] if known else frame / self.video.fps


@contextmanager
def open_pair(a: Path, b: Path, video: str | None, pixels: bool) -> Iterator[RunPair]:
    """Open two runs.

    Args:
        a: output folder, session file or folder of masks.
        b: the same of the other run.
        video: where their video is; by default where it was.
        pixels: whether the frames of the video are wanted; if they are not found, a pair has none.

    Raises:
        UserError: one cannot be read, or they are not of the same video.
    """
    with ExitStack() as stack:
        plain = [_is_plain(path) for path in (a, b)]
        given = video if video is not None and not all(plain) else None
        runs = [None if alone else _kept(path, given, pixels, stack) for path, alone in zip((a, b), plain, strict=True)]
        other = next((run for run in runs if run is not None), None)
        known = {} if other is None else {other.video.frame_name(frame): frame for frame in other.times}
        first, second = (run or _plain(path, known) for path, run in zip((a, b), runs, strict=True))
        if video is not None and given is None:
            first = _with_video(first, stack.enter_context(open_video(video)))
        yield RunPair(first, second, _common(first, second))


def _is_plain(path: Path) -> bool:
    return path.is_dir() and not (path / SUMMARY).is_file()


def _kept(path: Path, video: str | None, pixels: bool, stack: ExitStack) -> MaskSequence:
    kept = stack.enter_context(open_kept(path, video, pixels=pixels))
    return MaskSequence(path, kept.source, kept.times, kept.masks)


def _plain(path: Path, known: Mapping[str, int]) -> MaskSequence:
    folder = MaskFolder(path, known)
    return MaskSequence(path, folder.video, dict.fromkeys(folder.frames), folder.masks)


def _with_video(run: MaskSequence, video: VideoSource) -> MaskSequence:
    return MaskSequence(run.path, video, run.times, run.masks)


def _common(a: MaskSequence, b: MaskSequence) -> list[int]:
    sizes = [f"{run.video.width}x{run.video.height}" for run in (a, b)]
    if sizes[0] != sizes[1]:
        raise ConfigError(f"{a.path} is {sizes[0]} pixels, but {b.path} is {sizes[1]}; compare runs of one video")
    frames = sorted(a.times.keys() & b.times.keys())
    if not frames:
        raise ConfigError(
            f"{a.path} has {a.span} and {b.path} {b.span}: none in common, so there is nothing to compare"
        )
    return frames
