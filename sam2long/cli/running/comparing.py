"""Files of `sam2long compare`: numbers of every frame, a summary, and a video of both runs and their difference."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from sam2long.cli.commands.side_by_side import Picture, SideBySide
from sam2long.errors import OutputError, VideoError
from sam2long.evaluation.difference import ObjectOnFrame
from sam2long.evaluation.run_pair import RunPair
from sam2long.results.drawing import Painter
from sam2long.results.writers.folder import OutputFolder
from sam2long.results.writers.output import why
from sam2long.video import Frame, VideoSource
from sam2long.video.described import DescribedVideo
from sam2long.video.paths import user_path

FILES = ("compare.json", "frames.csv", "side-by-side.mp4")

_COLUMNS = ("frame", "time", "object", "shown", "j", "f", "area_a", "area_b")
_LEAST, _MOST = 320, 640
"""Widths of a picture in the video, in pixels: smaller videos are enlarged, larger ones reduced."""
_ONLY_A, _ONLY_B, _BOTH = (255, 140, 0), (70, 150, 255), (235, 235, 235)
_GREY = 40

Mask = npt.NDArray[np.bool_]
Masks = Mapping[int, Mask]


class CompareFiles:
    """The output folder of one comparison; files appear in it at `finish`, and nothing is left by an exception.

    Args:
        out: output folder, created if it does not exist.
        pair: the runs.
        overwrite: replace the files of an earlier comparison.

    Raises:
        OutputError: the folder is not empty, or cannot be written.
    """

    def __init__(self, out: Path, pair: RunPair, overwrite: bool) -> None:
        self._folder = OutputFolder(user_path(out), FILES, overwrite=overwrite, continues=None)
        self._open = ExitStack()
        try:
            staging = self._folder.staging
            table = self._open.enter_context((staging / FILES[1]).open("w", encoding="utf-8", newline=""))
            self._rows = csv.writer(table, lineterminator="\n")
            self._rows.writerow(_COLUMNS)
            self._film = self._open.enter_context(_Film(staging / FILES[2], pair))
        except BaseException as error:
            self._folder.discard()
            self._raise(error)

    @property
    def files(self) -> list[Path]:
        """The files, which exist after `finish`."""
        return [self._folder.path / name for name in FILES]

    def __enter__(self) -> CompareFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._open.__exit__(kind, error, trace)
            self._folder.discard()
            self._raise(error)

    def add(self, frame: int, found: list[ObjectOnFrame], a: Masks, b: Masks) -> None:
        """Add what was found on a frame, and its masks; frames come in ascending order."""
        for item in found:
            scores = f"{item.j:.6f}", f"{item.f:.6f}"
            self._rows.writerow(
                (frame, f"{item.time:.6f}", item.object_id, item.shown, *scores, item.area_a, item.area_b)
            )
        self._film.add(frame, a, b)

    def finish(self, content: Mapping[str, Any]) -> None:
        """Complete the files, and move them into place."""
        self._open.close()
        with (self._folder.staging / FILES[0]).open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
        self._folder.publish()

    def _raise(self, error: BaseException) -> None:
        if isinstance(error, (OSError, av.error.FFmpegError)):
            raise OutputError(f"the comparison cannot be written to {self._folder.path}: {why(error)}") from error


class _Film:
    """The masks of both runs over the video, and where they differ."""

    def __init__(self, path: Path, pair: RunPair) -> None:
        self._video = pair.video
        height, width = self._video.height, self._video.width
        scale = min(max(width, _LEAST), _MOST) / width
        self._size = (round(width * scale), round(height * scale))
        self._painter = Painter(height, width)
        first, second = pair.names
        titles = [f"A: {first}", f"B: {second}", "only A: orange, only B: blue"]
        self._film = SideBySide(path, titles, [self._size[::-1]] * 3, self._video.fps)
        self._frames = _pictures(self._video, pair)

    def __enter__(self) -> _Film:
        self._film.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._film.__exit__(kind, error, trace)

    def add(self, number: int, a: Masks, b: Masks) -> None:
        frame = next((frame for frame in self._frames if frame.index >= number), None)
        if frame is None or frame.index > number:
            raise VideoError(f"frame {number} of {self._video.name} cannot be decoded: {self._video.stopped_early}")
        pictures = [self._painter.paint(frame.image, masks) for masks in (a, b)]
        pictures.append(_difference(frame.image, a, b))
        panes = [self._resized(picture) for picture in pictures]
        place = (6, panes[2].shape[0] - 8)
        cv2.putText(panes[2], f"frame {number}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _BOTH, 1, cv2.LINE_AA)
        self._film.add(panes, frame.time)

    def _resized(self, picture: Picture) -> Picture:
        method = cv2.INTER_AREA if self._size[0] < picture.shape[1] else cv2.INTER_CUBIC
        resized: Picture = cv2.resize(picture, self._size, interpolation=method)
        return resized


def _pictures(video: VideoSource, pair: RunPair) -> Iterator[Frame]:
    """The frames of the video, or grey ones if it is not at hand."""
    if not isinstance(video, DescribedVideo):
        return video.frames(pair.frames[0])
    grey = np.full((video.height, video.width, 3), _GREY, np.uint8)
    return (Frame(number, pair.time(number), grey) for number in pair.frames)


def _difference(image: Picture, a: Masks, b: Masks) -> Picture:
    """A dark grey picture on which what only one of the runs has, or both have, is coloured, whatever the object."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) // 3
    canvas: Picture = np.repeat(grey[:, :, None], 3, axis=2)
    only_a, only_b, both = (np.zeros(image.shape[:2], bool) for _ in range(3))
    nothing = np.zeros(image.shape[:2], bool)
    for object_id in a.keys() | b.keys():
        first, second = a.get(object_id, nothing), b.get(object_id, nothing)
        only_a |= first & ~second
        only_b |= second & ~first
        both |= first & second
    for where, colour, strength in ((both, _BOTH, 0.3), (only_b, _ONLY_B, 0.9), (only_a, _ONLY_A, 0.9)):
        canvas[where] = canvas[where] * (1 - strength) + np.array(colour) * strength
    return canvas
