"""Records what a live source sends, without re-encoding it where the file format allows that."""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from pathlib import Path
from threading import Lock

import av

from sam2long.errors import OutputError
from sam2long.video.live.connection import Arrived, Connection
from sam2long.video.paths import ffmpeg_url

_RAW = frozenset({"rawvideo", "wrapped_avframe"})
"""Codecs of uncompressed pictures, which are encoded: a minute of HD would take ten gigabytes."""

_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
_SAFE, _SAFE_OF = (
    {"flush_packets": "1"},
    {".mkv": {"cluster_time_limit": "1000"}, ".mp4": _FRAGMENTS, ".mov": _FRAGMENTS},
)
"""Options of FFmpeg, some by suffix, with which a file is nearly whole even if the process is killed."""

_TICKS = Fraction(1, 1000)
_WRITE_ERRORS = (av.error.FFmpegError, OSError, ValueError)


class Recording:
    """A file of everything that arrives, from the first key frame on, with the times of the frames that are tracked.

    Packets are copied as they are, except damaged ones; uncompressed pictures are encoded as H.264. A file can be
    played even if the process is killed, except for its end: about a second in Matroska, the frames after the last key
    frame in MP4. Used by the thread that reads; `keep`, `close` and `discard_unless_kept` may be called by any.

    Attributes:
        path: of the file.
        failure: why it could not be completed, or None.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Check that the file can be written; nothing is written yet.

        Raises:
            OutputError: the file exists, its folder does not, or FFmpeg knows no format of this suffix.
        """
        if path.exists() and not overwrite:
            raise OutputError(f"the recording {path} exists; choose another name, or pass --overwrite")
        if not path.parent.is_dir():
            raise OutputError(f"the recording {path} cannot be written: the folder {path.parent} does not exist")
        self.path = path
        self.failure: str | None = None
        self._lock = Lock()
        self._output: av.container.OutputContainer | None = None
        self._closed = self._created = self._kept = False
        self._replaced = path.with_name(f".{path.name}.replaced")  # where a file of this name is until it is kept
        self._copies: dict[int, av.stream.Stream] = {}
        self._encoder: av.VideoStream | None = None
        self._last: dict[int, float] = {}  # by stream, time of the latest packet in seconds

    def begin(self, connection: Connection, base: float) -> None:
        """Take packets from a connection, whose first frame is at `base` seconds; the first one creates the file.

        Raises:
            OutputError: the file cannot be created, or its format cannot hold the streams.
        """
        self._base = base
        self._order = {stream.index: place for place, stream in enumerate(connection.streams)}
        self._shift: float | None = None  # seconds to add to time stamps; known from the first key frame on
        self._due: dict[int, int] = {}  # by stream, the time stamp of a next packet that has none
        with self._lock:
            if self._output is None and not self._closed:
                try:
                    self._create(connection)
                except _WRITE_ERRORS as error:
                    self._discard()
                    raise OutputError(f"the recording {self.path} cannot be written: {_why(error)}") from error

    def add(self, arrived: Arrived, times: list[float]) -> None:
        """Add a packet, whose pictures have these times in seconds; a failure ends the recording, not the run."""
        with self._lock:
            if self._output is None or self._closed or self.failure is not None:
                return
            try:
                if self._encoder is not None:
                    self._encode(arrived.pictures, times)
                elif arrived.packet.size and not arrived.damaged:
                    self._copy(arrived.packet)
                    self._follow(arrived.pictures, times)
            except _WRITE_ERRORS as error:
                self.failure = f"the recording {self.path} ends early: {_why(error)}"

    def keep(self) -> None:
        """Keep the file: what it is recorded beside has begun."""
        with self._lock:
            if not self._kept:
                self._kept = True
                self._replaced.unlink(missing_ok=True)

    def discard_unless_kept(self) -> None:
        """Complete the file if it is kept, else leave everything as it was before."""
        self.close()
        with self._lock:
            if not self._kept:
                self._restore()

    def close(self) -> None:
        """Complete the file."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._output is None:
                return
            try:
                if self._encoder is not None and self.failure is None:
                    self._output.mux(self._encoder.encode(None))
                self._output.close()
            except _WRITE_ERRORS as error:
                self.failure = self.failure or f"the recording {self.path} ends early: {_why(error)}"

    def _create(self, connection: Connection) -> None:
        if self.path.is_file() and not self._kept:
            self.path.replace(self._replaced)
        options = _SAFE | _SAFE_OF.get(self.path.suffix.lower(), {})
        self._output = av.open(ffmpeg_url(self.path), "w", options=options)
        raw = connection.video.codec_context.name in _RAW
        for place, stream in enumerate(connection.streams):
            if place == 0 and raw:
                self._encoder = self._encoding(connection)
            elif not raw:
                self._copies[place] = self._output.add_stream_from_template(stream)
        self._created = True
        self._output.start_encoding()

    def _encoding(self, connection: Connection) -> av.VideoStream:
        assert self._output is not None
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"preset": "ultrafast", "crf": "18"} if codec == "libx264" else {"qscale": "3"}
        rate = Fraction(connection.fps).limit_denominator(1001)
        stream = self._output.add_stream(codec, rate=rate, options=options)
        context = connection.video.codec_context
        stream.width, stream.height = context.width // 2 * 2, context.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TICKS
        stream.codec_context.sample_aspect_ratio = connection.pixel_aspect
        return stream

    def _encode(self, pictures: list[av.VideoFrame], times: list[float]) -> None:
        assert self._output is not None and self._encoder is not None
        for picture, time in zip(pictures, times, strict=True):
            encoded = picture.reformat(self._encoder.width, self._encoder.height, "yuv420p")
            time = max(time, self._last.get(0, -1.0) + float(_TICKS))
            encoded.pts, encoded.time_base, self._last[0] = round(time / _TICKS), _TICKS, time
            self._output.mux(self._encoder.encode(encoded))

    def _copy(self, packet: av.Packet) -> None:
        """Copy a packet with its time stamps moved, so that the first key frame is at the base."""
        assert self._output is not None
        place = self._order[packet.stream.index]
        if place not in self._copies or packet.time_base is None:
            return
        tick = float(packet.time_base)
        if packet.dts is None:  # the first packets over RTSP have no time stamps at all
            packet.dts = packet.pts if packet.pts is not None else self._due.get(place, 0)
            packet.pts = packet.dts if packet.pts is None else packet.pts
        self._due[place] = packet.dts + max(1, packet.duration or 0)
        if self._shift is None:
            if place != 0 or not packet.is_keyframe or packet.pts is None:
                return
            self._shift = self._base - packet.pts * tick
        ticks = round(self._shift / tick)
        time, last = (packet.dts + ticks) * tick, self._last.get(place, -math.inf)
        if time <= last:  # the clock of the source was set back
            ticks += round((last - time) / tick) + 1
        self._last[place] = (packet.dts + ticks) * tick
        packet.dts, packet.pts = packet.dts + ticks, None if packet.pts is None else packet.pts + ticks
        packet.stream = self._copies[place]
        self._output.mux(packet)

    def _follow(self, pictures: list[av.VideoFrame], times: list[float]) -> None:
        """Move time stamps as those of the frames are moved, which do not follow leaps of the source's clock."""
        for picture, time in zip(pictures, times, strict=True):
            if self._shift is not None and picture.pts is not None:
                self._shift = time - picture.pts * float(picture.time_base)

    def _discard(self) -> None:
        """Leave no file behind."""
        self._closed = True
        with contextlib.suppress(*_WRITE_ERRORS):
            if self._output is not None:
                self._output.close()
        self._restore()

    def _restore(self) -> None:
        """Delete the file, and put the one that it replaces back."""
        if self._created and self.path.is_file():  # rather than a device
            self.path.unlink()
        self._created = False
        if self._replaced.exists():
            self._replaced.replace(self.path)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
