"""A fingerprint that identifies a video within milliseconds, whatever its length."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from sam2long.errors import VideoError
from sam2long.video.source import VideoSource

_SAMPLE = 1 << 20
"""Number of bytes hashed at the start, the middle and the end of a file."""


@dataclass(frozen=True)
class Fingerprint:
    """Identifies a video.

    Attributes:
        frames: number of frames, or None if unknown.
        width: width in pixels.
        height: height in pixels.
        digest: hexadecimal SHA-256 of the file size and parts of the file, or of the first, middle and last frame.
    """

    frames: int | None
    width: int
    height: int
    digest: str


def fingerprint(source: VideoSource) -> Fingerprint:
    """Compute the fingerprint of a video that can be read more than once.

    Raises:
        VideoError: the first frame cannot be read.
    """
    is_file = source.path is not None and source.path.is_file()
    digest = _of_file(source.path) if is_file and source.path else _of_frames(source)
    return Fingerprint(source.frame_count, source.width, source.height, digest)


def _of_file(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for start in (0, max(0, size // 2 - _SAMPLE // 2), max(0, size - _SAMPLE)):
            file.seek(start)
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def _of_frames(source: VideoSource) -> str:
    last = (source.frame_count or 1) - 1
    digest = hashlib.sha256()
    digest.update(source.frame(0).image.tobytes())
    for index in (last // 2, last):
        with contextlib.suppress(VideoError):  # a pass would end at this frame; it is still the same video
            digest.update(source.frame(index).image.tobytes())
    return digest.hexdigest()
