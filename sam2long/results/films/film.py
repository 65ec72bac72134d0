"""Encodes pictures as a film, in any codec of FFmpeg, with the time stamps of the source."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from sam2long.video.paths import ffmpeg_url

# time base in ticks per second: exact for 24, 25, 30, 50, 60 and 30000/1001 fps, and within MPEG-4's limit of 65535
TICKS = 60000
_MOST_SIDE = 65535  # sizes have 16 bits in MP4, MOV and ProRes
_BT709, _LIMITED, _FULL = 1, 1, 2


@dataclass(frozen=True)
class FilmFormat:
    """How a film is encoded.

    Attributes:
        container: FFmpeg's name of the container; WebM and Matroska round time stamps to milliseconds.
        codec: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the pixel format.
        options: of the encoder.
        container_options: of the container.
        full_range: whether black is 0 and white the largest value, instead of video's narrower range.
    """

    container: str
    codec: str
    pixel_format: str
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    full_range: bool = False

    def supports(self, height: int, width: int) -> bool:
        """Whether FFmpeg has the encoder and accepts this size in pixels."""
        if max(height, width) > _MOST_SIDE:
            return False
        try:
            context = av.CodecContext.create(self.codec, "w")
            assert isinstance(context, av.VideoCodecContext)
            context.height, context.width = height, width
            context.pix_fmt, context.time_base = self.pixel_format, Fraction(1, TICKS)
            context.options = dict(self.options)
            context.open()
        except (av.error.FFmpegError, OSError, ValueError, OverflowError):
            return False
        return True


class Film:
    """A film being written; its time stamps start at 0 with the first picture. Raises OSError or PyAV's errors."""

    def __init__(
        self, path: Path, how: FilmFormat, height: int, width: int, fps: float, pixel_aspect: Fraction = Fraction(1)
    ) -> None:
        self._first_time: float | None = None
        self._last_pts = -1
        options = dict(how.container_options)
        self._container = av.open(ffmpeg_url(path), "w", format=how.container, options=options)
        rate = Fraction(fps).limit_denominator(1001)
        self._stream = self._container.add_stream(how.codec, rate=rate, options=dict(how.options))
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = how.pixel_format
        context = self._stream.codec_context
        context.time_base = Fraction(1, TICKS)
        context.sample_aspect_ratio = pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _FULL if how.full_range else _LIMITED

    def add(self, picture: av.VideoFrame, time: float) -> None:
        """Encode a picture of the film's size and pixel format, `time` seconds into the source; times increase."""
        if self._first_time is None:
            self._first_time = time
        pts = max(round((time - self._first_time) * TICKS), self._last_pts + 1)
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
