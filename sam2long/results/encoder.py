"""Encodes RGB images as an mp4 file."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from sam2long.video.paths import ffmpeg_url

# time base in ticks per second: exact for 24, 25, 30, 50, 60 and 30000/1001 fps, and within MPEG-4's limit of 65535
TICKS = 60000
# quantiser scale of the MPEG-4 fallback, 1 (best) to 31
MPEG4_QUALITY = "3"


class Mp4Encoder:
    """Encodes H.264 (yuv420p, BT.709) with per-frame time stamps; MPEG-4 part 2 if FFmpeg lacks libx264.

    Odd sizes are padded to even ones by repeating the last row or column. `pixel_aspect` is pixel width divided by
    pixel height. Raises OSError or PyAV's errors.
    """

    def __init__(self, path: Path, height: int, width: int, fps: float, pixel_aspect: Fraction = Fraction(1)) -> None:
        self._pad = (height % 2, width % 2)
        self._first_time: float | None = None
        self._last_pts = -1
        self._container = av.open(ffmpeg_url(path), "w", format="mp4", options={"movflags": "+faststart"})
        rate = Fraction(fps).limit_denominator(1001)
        self._stream = self._container.add_stream(_codec(), rate=rate, options=_options())
        self._stream.height, self._stream.width = height + height % 2, width + width % 2
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = Fraction(1, TICKS)
        context.sample_aspect_ratio = pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = 1  # limited

    def add(self, image: npt.NDArray[np.uint8], time: float) -> None:
        """Encode uint8 [height, width, 3] RGB, shown `time` seconds into the source; times must increase.

        The time stamps of the file start at 0 with the first frame.
        """
        if self._first_time is None:
            self._first_time = time
        pts = max(round((time - self._first_time) * TICKS), self._last_pts + 1)
        padded = np.pad(image, ((0, self._pad[0]), (0, self._pad[1]), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        picture = rgb.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        picture.pts, picture.time_base = pts, Fraction(1, TICKS)
        self._container.mux(self._stream.encode(picture))
        self._last_pts = pts

    def close(self) -> None:
        """Flush the encoder and complete the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abort(self) -> None:
        """Close the file as it is; never raises."""
        with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
            self._container.close()


def can_encode(height: int, width: int) -> bool:
    """Return whether the encoder supports this image size in pixels."""
    context = av.CodecContext.create(_codec(), "w")
    assert isinstance(context, av.VideoCodecContext)
    context.height, context.width = height + height % 2, width + width % 2
    context.pix_fmt, context.time_base, context.options = "yuv420p", Fraction(1, TICKS), _options()
    try:
        context.open()
    except (av.error.FFmpegError, OSError, ValueError, OverflowError):
        return False
    return True


def _codec() -> str:
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"


def _options() -> dict[str, str]:
    if _codec() == "libx264":
        # With mbtree x264 now and then encodes the same pictures to other bytes.
        return {"crf": "20", "preset": "veryfast", "x264-params": "mbtree=0"}
    return {"qscale": MPEG4_QUALITY}
