"""One connection to a live source: opens it, and yields its packets with their decoded pictures."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av

from sam2long.errors import VideoError
from sam2long.video.files.decoder import TEXT_FORMATS, video_stream
from sam2long.video.live.address import CAMERA, HTTP, PIPE, RTSP, Address
from sam2long.video.source import DEFAULT_FPS

# FFmpeg's flags: time stamps may leap; the format has none
_TIMES_MAY_LEAP, _NO_TIMES = 0x0200, 0x0080
# formats that list further addresses, whose own size says nothing
_PLAYLISTS = frozenset({"hls", "dash"})


class Arrived(NamedTuple):
    """A packet of any recorded stream, the pictures that it completes, and whether it is damaged."""

    packet: av.Packet
    pictures: list[av.VideoFrame]
    damaged: bool = False


class Connection:
    """An open live source; used by one thread.

    Attributes:
        video: the video stream.
        streams: the video stream, then the audio streams.
        finite: whether it is a pipe or a file of known length, of which nothing need be dropped.
        fps: average frames per second.
        tick: duration of a tick of its time stamps in seconds.
        timed: whether packets carry time stamps.
        leaps: whether time stamps may leap.
        pixel_aspect: displayed width of a pixel divided by its height.
        lost: why reading failed before the end of the stream, or None.
        ends: whether an end without a failure is the end, rather than a camera or a server that went away.
    """

    def __init__(self, address: Address, *, low_delay: bool) -> None:
        """Connect, and find the video stream.

        Args:
            address: where to connect.
            low_delay: give up decoding frames in parallel, which delays each by as many frames as there are threads.

        Raises:
            VideoError: there is no such source, it does not answer, or it has no video.
        """
        self.lost: str | None = None
        self._seconds = address.seconds
        self._container = _open(address)
        try:
            self.video = video_stream(self._container, address.shown)
        except VideoError:
            self._container.close()
            raise
        self.streams: list[av.VideoStream | av.AudioStream] = [self.video, *self._container.streams.audio]
        self.finite = address.kind == PIPE or (address.kind == HTTP and _is_file(self._container))
        self.ends = self.finite or address.kind == HTTP
        self.fps = float(self.video.average_rate or self.video.guessed_rate or DEFAULT_FPS)
        self.tick = float(self.video.time_base)
        flags = self._container.format.flags
        self.timed = not flags & _NO_TIMES
        self.leaps = bool(flags & _TIMES_MAY_LEAP) or address.kind == RTSP
        aspect = Fraction(self.video.sample_aspect_ratio or self.video.codec_context.sample_aspect_ratio or 1)
        self.pixel_aspect = aspect if aspect > 0 else Fraction(1)
        self.video.thread_type = "SLICE" if low_delay else "AUTO"

    def read(self) -> Iterator[Arrived]:
        """Yield what arrives until the stream ends or fails; damaged packets have no pictures."""
        packets = self._container.demux(self.streams)
        while True:
            try:
                packet = next(packets, None)
            except av.error.ExitError:
                self.lost = f"it sent nothing for {self._seconds:g} s"
                packet = None
            except (av.error.FFmpegError, OSError) as error:
                self.lost = error.strerror or type(error).__name__
                packet = None
            if packet is None or (not packet.size and packet.stream is self.video):
                # The end: what the decoder still holds.
                yield self._decoded(av.Packet())
                return
            if packet.size:
                yield self._decoded(packet) if packet.stream is self.video else Arrived(packet, [])

    def close(self) -> None:
        """Close the connection."""
        self._container.close()

    def _decoded(self, packet: av.Packet) -> Arrived:
        try:
            return Arrived(packet, self.video.codec_context.decode(packet if packet.size else None))
        except (av.error.FFmpegError, EOFError):
            return Arrived(packet, [], damaged=True)


def _open(address: Address) -> av.container.InputContainer:
    timeout = None if address.seconds is None else (address.seconds, address.seconds)
    try:
        container = av.open(
            address.url, format=address.format, options=address.options, timeout=timeout, metadata_errors="replace"
        )
    except av.error.ExitError as error:
        raise VideoError(f"{address.shown} did not answer within {address.seconds:.0f} s") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(_why_not_opened(address, error)) from error
    if container.format.name in TEXT_FORMATS:
        container.close()
        raise VideoError(f"{address.shown} is text, not a video")
    return container


def _why_not_opened(address: Address, error: Exception) -> str:
    why = getattr(error, "strerror", None) or str(error)
    if address.kind == PIPE:
        return (
            "the pipe is empty, or no video that can be read from a pipe: use Matroska, MPEG-TS or y4m, and see that"
            " the program before it did not fail"
        )
    if "no container format" in why:
        return f"{address.shown} cannot be opened: this build of PyAV has no {address.format}, which reads cameras"
    if isinstance(error, FileNotFoundError):
        return f"{address.shown} does not exist ({address.url})" if address.kind == CAMERA else _refused(address, why)
    if isinstance(error, av.error.InvalidDataError):
        return f"{address.shown} does not send a video that can be decoded"
    return _refused(address, why)


def _refused(address: Address, why: str) -> str:
    return f"{address.shown} cannot be opened: {why}"


def _is_file(container: av.container.InputContainer) -> bool:
    """Whether a server has announced how much there is: its size or, of a playlist, its duration."""
    if container.format.name.split(",")[0] in _PLAYLISTS:
        return container.duration is not None
    return bool(container.size > 0)
