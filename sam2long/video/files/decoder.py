"""Reads packets and decoded frames of a video stream in order, even if the file is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import av

from sam2long.errors import VideoError
from sam2long.video.files.cut_short import is_cut_short
from sam2long.video.paths import ffmpeg_url

# text demuxers that would render any .txt file as a "video"
TEXT_FORMATS = frozenset({"tty", "ansi", "bin", "xbin", "adf", "idf"})
FLUSH_ATTEMPTS = 64
# in others, such as HEVC with temporal layers, a frame that is called unreferenced may be referenced after all
_CODECS_THAT_MARK_REFERENCES = frozenset({"h264"})


class DamageError(Exception):
    """The stream cannot be decoded, or does not match the index made from its packets."""


class Decoder:
    """The video stream of a file; a context manager.

    Attributes:
        stream: video stream of PyAV.
        tolerant: skip damage, decoding on one thread because with several the result would depend on timing;
            otherwise damage raises DamageError.
        read_error: why reading packets failed before the end of the file, or None.
        position: byte offset of the latest packet in the file.
        lost: number of packets after the first frame that could not be decoded.
        lost_at_end: how many of them came after the latest frame.
    """

    def __init__(self, path: Path, *, tolerant: bool) -> None:
        self.tolerant = tolerant
        self.read_error: str | None = None
        self.position = 0
        self.lost = self.lost_at_end = 0
        self._path = path
        self._pending: list[av.Packet] = []
        self._open()

    def packets(self) -> Iterator[av.Packet]:
        """Yield the remaining packets of the stream, then one empty packet, which drains the decoder.

        Skips empty packets in the container (dropped frames), which a decoder would take for the end, and incomplete
        packets of a truncated file. Other packets flagged as corrupt usually decode: where recordings were joined, only
        a counter is wrong.
        """
        pending, self._pending = self._pending, []
        yield from pending
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self.read_error = error.strerror
                packet = None
            if packet is None:
                yield av.Packet()
                return
            self.position = max(self.position, packet.pos or 0)
            if packet.size and not (packet.is_corrupt and is_cut_short(self._path)):
                yield packet

    @property
    def can_hurry(self) -> bool:
        """Whether frames that no other one needs can be told by their packets, for certain."""
        return self.stream.codec_context.name in _CODECS_THAT_MARK_REFERENCES

    def frames(self, hurry_to: int | None = None) -> Iterator[av.VideoFrame]:
        """Yield the decoded frames in presentation order; raises DamageError on damage unless tolerant.

        Args:
            hurry_to: time stamp; frames before it that no other one needs are left out, to reach it in half the time.
        """
        began = False
        for packet in self.packets():
            if hurry_to is not None:
                early = packet.pts is not None and packet.pts < hurry_to
                self.stream.codec_context.skip_frame = "NONREF" if early else "DEFAULT"
            try:
                for frame in self.stream.codec_context.decode(packet if packet.size else None):
                    began, self.lost_at_end = True, 0
                    yield frame
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                if not self.tolerant:
                    raise DamageError(error.strerror) from error
                self.lost += began
                self.lost_at_end += began
                if not packet.size:
                    yield from self._drain()

    def seek(self, pts: int) -> bool:
        """Seek to the last key frame at or before `pts`; False if the container ended up after it."""
        try:
            self.container.seek(pts, stream=self.stream, backward=True)
        except av.error.FFmpegError:
            return False
        packet = next(self.packets(), None)
        if packet is None or packet.pts is None or packet.pts > pts:
            return False
        self._pending = [packet]
        return True

    def rewind(self) -> None:
        """Go back to the beginning by reopening the file, as not every container can seek there."""
        self.container.close()
        self._pending = []
        self._open()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    def _open(self) -> None:
        self.container = _open_container(self._path)
        try:
            self.stream = video_stream(self.container, str(self._path))
        except VideoError:
            self.container.close()
            raise
        self.stream.thread_type = "NONE" if self.tolerant else "AUTO"

    def _drain(self) -> Iterator[av.VideoFrame]:
        """Yield the frames that the decoder still holds after damage in its last packets."""
        for _ in range(FLUSH_ATTEMPTS):
            try:
                yield from self.stream.codec_context.decode(None)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                continue
            return


def _open_container(path: Path) -> av.container.InputContainer:
    try:
        container = av.open(ffmpeg_url(path), metadata_errors="replace")
    except (PermissionError, IsADirectoryError, FileNotFoundError) as error:
        raise VideoError(f"{path} cannot be read: {error.strerror}") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(_why_not_opened(path)) from error
    if container.format.name in TEXT_FORMATS:
        container.close()
        raise VideoError(f"{path} is a text file, not a video")
    return container


def _why_not_opened(path: Path) -> str:
    if path.stat().st_size == 0:
        return f"{path} is empty"
    if is_cut_short(path):
        return f"{path} is cut short; the index, which some formats keep at the end of the file, is missing"
    return f"{path} is not a video that can be decoded"


def video_stream(container: av.container.InputContainer, shown: str) -> av.VideoStream:
    """The first video stream that is not the cover picture of a song.

    Raises:
        VideoError: there is none, or it cannot be decoded; the message calls the video `shown`.
    """
    cover = av.stream.Disposition.attached_pic
    stream = next((s for s in container.streams.video if not s.disposition & cover), None)
    if stream is None:
        raise VideoError(f"{shown} has no video stream")
    if stream.codec_context is None:
        raise VideoError(f"{shown} uses a video codec that this build of FFmpeg cannot decode")
    return stream
