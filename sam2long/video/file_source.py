"""Video files, decoded forward, backward and from anywhere with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from sam2long.errors import VideoError
from sam2long.video.cut_short import is_cut_short
from sam2long.video.decoder import DamageError, Decoder
from sam2long.video.frame_index import FORMATS_WITHOUT_TIMES, FrameIndex, index_frames, index_packets
from sam2long.video.source import DEFAULT_FPS, Frame, VideoSource
from sam2long.video.upright import turn_of, upright

# a backward pass holds at most this many decoded pictures, and at most this many bytes of them
MOST_HELD = 64
MOST_HELD_BYTES = 192 * 2**20
SEEK_ATTEMPTS = 4


class FileSource(VideoSource):
    """A video file that PyAV decodes; every pass opens the file on its own.

    A forward pass from frame 0 counts the frames that come out of the decoder. Any other access needs an index, made
    on first use: from the time stamps of the packets, without decoding, where one packet is one frame; by decoding the
    file once where it is not (VP8, AVI, raw streams). Once a pass has met damage, the file is decoded on one thread,
    always from its beginning, so that every later pass counts the same frames.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self.name = path.stem
        self._damaged = False
        self._index: FrameIndex | None = None
        self._count: int | None = None
        with Decoder(path, tolerant=True) as decoder:
            stream = decoder.stream
            first = next(decoder.frames(), None)
            if first is None:
                raise VideoError(f"{path} has a video stream, but no frame of it can be decoded")
            self.fps = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
            self._first_pts = first.pts
            self._timed = first.pts is not None and decoder.container.format.name not in FORMATS_WITHOUT_TIMES
            self._tick = float(stream.time_base)
            self._announced_seconds = _announced_seconds(decoder)
            self._announced_count = _count_in_container(stream)
        self._coded_size = (first.width, first.height)
        matrix = first.side_data.get("DISPLAYMATRIX")
        self._turn = turn_of(None if matrix is None else bytes(matrix))
        self.height, self.width = self._to_frame(0, first).image.shape[:2]
        self._cut_short = is_cut_short(path)

    @property
    def frame_count(self) -> int:
        """Number of frames.

        What a complete pass has counted; before that the container's own count where it keeps one sample a frame
        (MP4, MOV) and the file is whole, otherwise the length of the index.
        """
        if self._count is None and self._announced_count is not None and not self._cut_short and not self._damaged:
            return self._announced_count
        return self._known_index().count if self._count is None else self._count

    def frame(self, index: int) -> Frame:
        """Return frame number `index`; raises VideoError if there is no such frame."""
        if index != 0:
            self._check_exists(index)
        for number, picture in self._pictures(index):
            return self._to_frame(number, picture)
        raise VideoError(f"frame {index} of {self.path} cannot be decoded")

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step); see VideoSource."""
        if start != 0:
            self._check_exists(start)
        if step < 0:
            return self._backward(self._numbers(start, stop, step))
        if step == 0:
            raise ValueError("step must not be 0")
        return self._forward(start, stop, step)

    def _forward(self, start: int, stop: int | None, step: int) -> Iterator[Frame]:
        for number, picture in self._pictures(start):
            if stop is not None and number >= stop:
                return
            if (number - start) % step == 0:
                yield self._to_frame(number, picture)

    def _backward(self, numbers: range) -> Iterator[Frame]:
        """Decode the last few wanted frames forward, hold only those, yield them in reverse; then those before."""
        width, height = self._coded_size
        most = max(1, min(MOST_HELD, MOST_HELD_BYTES // (width * height * 3 // 2)))
        while numbers:
            lowest = numbers[min(most, len(numbers)) - 1]
            key = self._known_index().key_at_or_after(lowest)
            if key is not None and key <= numbers[0]:
                lowest = key  # begin where decoding begins anyway
            chunk = numbers[: (numbers[0] - lowest) // -numbers.step + 1]
            held = [(n, picture) for n, picture in self._pictures(lowest, chunk[0] + 1) if n in chunk]
            while held:
                yield self._to_frame(*held.pop())
            numbers = numbers[len(chunk) :]

    def _pictures(self, start: int, stop: int | None = None) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded pictures with their numbers, [start, stop); goes on from the beginning of the file on damage."""
        if not self._damaged:
            try:
                for number, picture in self._healthy_pictures(start):
                    if stop is not None and number >= stop:
                        return
                    yield number, picture
                    start = number + 1
                return
            except DamageError:
                self._damaged, self._index, self._count = True, None, None
        for number, picture in self._counted_pictures():
            if stop is not None and number >= stop:
                return
            if number >= start:
                yield number, picture

    def _healthy_pictures(self, start: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """From the key frame before `start`; raises DamageError where the stream does not fit its index."""
        index = self._known_index() if start else self._index
        with Decoder(self.path, tolerant=False) as decoder:
            number = _seek(decoder, index, start) if index is not None and start else 0
            for picture in _from(number, index, decoder.frames()):
                if index is not None and not index.fits(number, picture.pts):
                    raise DamageError(f"frame {number} is missing")
                if number >= start:
                    yield number, picture
                number += 1
            if index is not None and number != index.count:
                raise DamageError(f"only {number} of {index.count} frames decode")
            self._ended(decoder, number)

    def _counted_pictures(self) -> Iterator[tuple[int, av.VideoFrame]]:
        with Decoder(self.path, tolerant=True) as decoder:
            number = 0
            for picture in decoder.frames():
                yield number, picture
                number += 1
            self._ended(decoder, number)

    def _ended(self, decoder: Decoder, count: int) -> None:
        """Remember what a pass that came to the end of the file has learned."""
        self._count = count
        if decoder.read_error is not None:
            self.stopped_early = f"{self.path} cannot be read after frame {count - 1}: {decoder.read_error}."
        elif self._cut_short:
            whole = "" if self._announced_seconds is None else f" of the {self._announced_seconds:.2f} s it announces"
            self.stopped_early = (
                f"{self.path} is cut short: {count} frames could be decoded{whole}; the rest is missing."
            )

    def _known_index(self) -> FrameIndex:
        if self._index is None:
            self._index = (None if self._damaged else self._quick_index()) or index_frames(self.path, tolerant=True)
        return self._index

    def _quick_index(self) -> FrameIndex | None:
        try:
            index = index_packets(self.path) or index_frames(self.path, tolerant=False)
            if self._count not in (None, index.count):
                raise DamageError(f"{self._count} frames were counted, but {index.count} packets")
        except DamageError:
            self._damaged = True
            return None
        return index

    def _to_frame(self, number: int, picture: av.VideoFrame) -> Frame:
        if (picture.width, picture.height) != self._coded_size:
            width, height = self._coded_size
            raise VideoError(
                f"frame {number} of {self.path} is {picture.width}x{picture.height} pixels, but the video began as"
                f" {width}x{height}; all frames must have one size"
            )
        return Frame(number, self._time(number, picture), upright(_to_rgb(picture), self._turn))

    def _time(self, number: int, picture: av.VideoFrame) -> float:
        if self._timed and picture.pts is not None:
            return float(picture.pts - self._first_pts) * self._tick
        return number / self.fps


def _to_rgb(picture: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """Convert to uint8 [height, width, 3]; ranges are spelt out because some versions of PyAV guess them wrong."""
    known_range = picture.color_range or None
    rgb = picture.reformat(format="rgb24", src_color_range=known_range, dst_color_range="JPEG")
    image: npt.NDArray[np.uint8] = rgb.to_ndarray()
    return image


def _seek(decoder: Decoder, index: FrameIndex, frame: int) -> int:
    """Move to a key frame at or before `frame`; returns its number, 0 after a reopened beginning."""
    key = index.key_at_or_before(frame)
    for _ in range(SEEK_ATTEMPTS):
        if key == 0 or index.pts is None:
            break
        if decoder.seek(int(index.pts[key])):
            return key
        key = index.key_at_or_before(key - 1)
    decoder.rewind()
    return 0


def _from(number: int, index: FrameIndex | None, pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Leave out pictures shown before key frame `number`: they may lack what they refer to."""
    if number == 0 or index is None or index.pts is None:
        return pictures
    first = index.pts[number]
    return dropwhile(lambda picture: picture.pts is not None and picture.pts < first, pictures)


def _count_in_container(stream: av.VideoStream) -> int | None:
    """The number of samples of an MP4 or MOV track that are not empty, if none is hidden by an edit list."""
    entries = getattr(stream, "index_entries", None)
    if "mp4" not in stream.container.format.name or not stream.frames or entries is None:
        return None
    shown = sum(not entry.is_discard for entry in entries)
    return sum(entry.size > 0 for entry in entries) if shown == stream.frames else None


def _announced_seconds(decoder: Decoder) -> float | None:
    stream, container = decoder.stream, decoder.container
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base
