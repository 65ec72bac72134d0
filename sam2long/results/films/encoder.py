"""Encodes RGB images as an mp4 file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from sam2long.results.films.film import Film, FilmFormat

# quantiser scale of the MPEG-4 fallback, 1 (best) to 31
MPEG4_QUALITY = "3"


class Mp4Encoder:
    """Encodes H.264 (yuv420p, BT.709) with per-frame time stamps; MPEG-4 part 2 if FFmpeg lacks libx264.

    Odd sizes are padded to even ones by repeating the last row or column. `pixel_aspect` is pixel width divided by
    pixel height. Raises OSError or PyAV's errors.
    """

    def __init__(self, path: Path, height: int, width: int, fps: float, pixel_aspect: Fraction = Fraction(1)) -> None:
        self._pad = (height % 2, width % 2)
        self._film = Film(path, _format(), height + height % 2, width + width % 2, fps, pixel_aspect)

    def add(self, image: npt.NDArray[np.uint8], time: float) -> None:
        """Encode uint8 [height, width, 3] RGB, shown `time` seconds into the source; times must increase.

        The time stamps of the file start at 0 with the first frame.
        """
        padded = np.pad(image, ((0, self._pad[0]), (0, self._pad[1]), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        self._film.add(rgb.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"), time)

    def close(self) -> None:
        """Flush the encoder and complete the file."""
        self._film.close()

    def abort(self) -> None:
        """Close the file as it is; never raises."""
        self._film.abort()


def can_encode(height: int, width: int) -> bool:
    """Return whether the encoder supports this image size in pixels."""
    return _format().supports(height + height % 2, width + width % 2)


def _format() -> FilmFormat:
    if "libx264" in av.codecs_available:
        # With mbtree x264 now and then encodes the same pictures to other bytes.
        codec, options = "libx264", {"crf": "20", "preset": "veryfast", "x264-params": "mbtree=0"}
    else:
        codec, options = "mpeg4", {"qscale": MPEG4_QUALITY}
    return FilmFormat("mp4", codec, "yuv420p", options, {"movflags": "+faststart"})
