"""Joins videos of the same size side by side, each under its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.results.encoder import Mp4Encoder
from sam2long.video import VideoSource, open_video

_TITLE_HEIGHT = 24


def write_side_by_side(videos: Mapping[str, Path], path: Path) -> None:
    """Write the videos, keyed by title and equally long, side by side into one mp4, via a temporary file."""
    partial = path.with_name(path.name + ".part")
    with ExitStack() as opened:
        sources = [opened.enter_context(open_video(video)) for video in videos.values()]
        _write(sources, list(videos), partial)
    partial.replace(path)


def _write(sources: Sequence[VideoSource], titles: Sequence[str], path: Path) -> None:
    height, width = sources[0].height, sum(source.width for source in sources)
    plates = np.hstack([_title(title, source.width) for title, source in zip(titles, sources, strict=True)])
    encoder = Mp4Encoder(path, height + _TITLE_HEIGHT, width, sources[0].fps)
    try:
        for frames in zip(*(source.frames() for source in sources), strict=True):
            encoder.add(np.vstack([plates, np.hstack([frame.image for frame in frames])]), frames[0].time)
        encoder.close()
    except BaseException:
        encoder.abort()
        path.unlink(missing_ok=True)
        raise


def _title(text: str, width: int) -> npt.NDArray[np.uint8]:
    plate = np.full((_TITLE_HEIGHT, width, 3), 24, np.uint8)
    cv2.putText(plate, text, (8, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (240, 240, 240), 1, cv2.LINE_AA)
    return plate
