"""Video files, decoded forwards, backwards or from any frame in bounded memory."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import dropwhile, islice, takewhile
from pathlib import Path
from typing import NamedTuple

import av

from sam2long.errors import VideoError
from sam2long.video.files.clock import Clock
from sam2long.video.files.cut_short import begins_again, is_cut_short
from sam2long.video.files.decoder import DamageError, Decoder
from sam2long.video.files.frame_index import FORMATS_WITHOUT_TIMES, FrameIndex
from sam2long.video.files.shared_index import SharedIndex
from sam2long.video.files.upright import swaps_axes, turn_of, upright
from sam2long.video.images.animation import durations
from sam2long.video.pixels.colours import ColourConverter, is_deep
from sam2long.video.pixels.levels import Levels
from sam2long.video.source import DEFAULT_FPS, Frame, VideoSource

# most decoded pictures, and most bytes of them, held by a backward pass
MOST_HELD = 64
MOST_HELD_BYTES = 192 * 2**20
SEEK_ATTEMPTS = 4
# number of places across a video where brightness is measured, or of pictures at its beginning if it cannot seek
SAMPLES = 8
# most pictures decoded to reach a sample: the key frame before it may be far away
MOST_BEFORE_SAMPLE = 150
# FFmpeg's flag for containers whose time stamps may leap
TIMES_MAY_LEAP = 0x0200


class _Shown(NamedTuple):
    """A decoded picture with its frame number and presentation time in seconds."""

    number: int
    time: float
    picture: av.VideoFrame


class FileSource(VideoSource):
    """A video file decoded with PyAV; each pass opens the file itself, on any thread.

    A forward pass from frame 0 counts the decoded frames. Any other access needs an index, made on first use: from the
    packet time stamps, without decoding, if each packet is one frame; otherwise (VP8, AVI, raw streams, joined
    recordings) by decoding the file once. After a pass has met damage, the file is always decoded on one thread and
    from its beginning, so that every later pass counts the same frames.
    """

    def __init__(self, path: Path, *, levels: Levels | None = None) -> None:
        self.path: Path = path
        self.name = path.stem
        self._index = SharedIndex(path)
        self._cut_short = is_cut_short(path)
        with Decoder(path, tolerant=True) as decoder:
            stream = decoder.stream
            first = next(decoder.frames(), None)
            if first is None:
                raise VideoError(f"{path} has a video stream, but none of its frames can be decoded")
            self.fps = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
            self._timed = first.pts is not None and _has_times(decoder)
            self._tick = float(stream.time_base)
            self._leaps = bool(decoder.container.format.flags & TIMES_MAY_LEAP)
            self._announced_seconds = _announced_seconds(decoder)
            self._announced_count = _count_in_container(stream)
            self._size = (first.width, first.height)
            self._picture_bytes = max(1, first.width * first.height * first.format.padded_bits_per_pixel // 8)
            matrix = first.side_data.get("DISPLAYMATRIX")
            self._turn = turn_of(None if matrix is None else bytes(matrix))
            self.pixel_aspect = _pixel_aspect(stream, swapped=swaps_axes(self._turn))
            colours = stream.codec_context
            samples = [first, *_samples(decoder)] if is_deep(first) and levels is None else [first]
            self._to_rgb = ColourConverter(str(path), samples, colours.color_trc, colours.color_primaries, levels)
        self.height, self.width = self._to_frame(_Shown(0, 0, first)).image.shape[:2]
        if shown := _durations(path):
            self.fps = len(shown) / sum(shown)

    @property
    def frame_count(self) -> int:
        """Number of frames.

        After a complete pass, the number it counted; before that, the count in the container if it has one sample per
        frame (MP4, MOV) and the file is complete, otherwise the length of the index.
        """
        count = self._index.count
        if count is not None:
            return count
        if self._announced_count is not None and not self._cut_short and not self._index.damaged:
            return self._announced_count
        return self._index.get().count

    def frame(self, index: int) -> Frame:
        """Return frame number `index`; raises VideoError if it does not exist or differs in size."""
        if index != 0:
            self._check_exists(index)
        for shown in self._pictures(index):
            return self._to_frame(shown)
        raise VideoError(f"frame {index} of {self.path} cannot be decoded")

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step); see VideoSource."""
        if start != 0:
            self._check_exists(start)
        if step == 0:
            raise ValueError("step must not be 0")
        shown = self._forward(start, stop, step) if step > 0 else self._backward(self._numbers(start, stop, step))
        return self._until_unreadable((one.number, partial(self._to_frame, one)) for one in shown)

    def _forward(self, start: int, stop: int | None, step: int) -> Iterator[_Shown]:
        for shown in self._pictures(start):
            if stop is not None and shown.number >= stop:
                return
            if (shown.number - start) % step == 0:
                yield shown

    def _backward(self, numbers: range) -> Iterator[_Shown]:
        """Decode the last few requested frames forward, hold only these, yield them in reverse; then those before."""
        most = max(1, min(MOST_HELD, MOST_HELD_BYTES // self._picture_bytes))
        while numbers:
            lowest = numbers[min(most, len(numbers)) - 1]
            key = self._index.get().key_at_or_after(lowest)
            if key is not None and key <= numbers[0]:
                lowest = key  # start at the key frame, where decoding starts anyway
            chunk = numbers[: (numbers[0] - lowest) // -numbers.step + 1]
            held = [shown for shown in self._pictures(lowest, chunk[0] + 1) if shown.number in chunk]
            while held:
                yield held.pop()
            numbers = numbers[len(chunk) :]

    def _pictures(self, start: int, stop: int | None = None) -> Iterator[_Shown]:
        """Yield the pictures of the frames [start, stop); on damage, restarts from the beginning of the file."""
        if not self._index.damaged:
            try:
                for shown in self._healthy_pictures(start):
                    if stop is not None and shown.number >= stop:
                        return
                    yield shown
                    start = shown.number + 1
                    if self._index.damaged:  # another pass met damage: from now on frames are numbered anew
                        raise DamageError("found by another pass")
                return
            except DamageError:
                self._index.mark_damaged()
        for shown in self._counted_pictures():
            if stop is not None and shown.number >= stop:
                return
            if shown.number >= start:
                yield shown

    def _healthy_pictures(self, start: int, hurry: bool = True) -> Iterator[_Shown]:
        """Decode from the key frame before `start`; raises DamageError if the stream does not match its index.

        With `hurry` it leaves out frames before `start` that no other one needs, where that is possible.
        """
        index = self._index.get() if start else self._index.known
        clock = self._clock()
        with Decoder(self.path, tolerant=False) as decoder:
            number = _seek(decoder, index, start) if index is not None and start else 0
            target = None
            if hurry and number < start and index is not None and index.pts is not None and decoder.can_hurry:
                number, target = start, int(index.pts[start])
            if number and index is not None and index.pts is not None:
                clock.go_to(index.pts, number)
            for picture in _from(number, index, decoder.frames(target)):
                if index is not None and not index.fits(number, picture.pts):
                    if target is not None and number == start:
                        yield from self._healthy_pictures(start, hurry=False)
                        return
                    raise DamageError(f"frame {number} is missing")
                time = self._time(number, picture, clock)
                if number >= start:
                    yield _Shown(number, time, picture)
                number += 1
            if target is not None and number == start:
                yield from self._healthy_pictures(start, hurry=False)
                return
            if index is not None and number != index.count:
                raise DamageError(f"only {number} of {index.count} frames decode")
            self._ended(decoder, number)

    def _counted_pictures(self) -> Iterator[_Shown]:
        clock = self._clock()
        with Decoder(self.path, tolerant=True) as decoder:
            number = 0
            for picture in decoder.frames():
                yield _Shown(number, self._time(number, picture, clock), picture)
                number += 1
            self._ended(decoder, number)

    def _ended(self, decoder: Decoder, count: int) -> None:
        """Record the frame count and any damage after a pass that reached the end of the file."""
        self._index.learn_count(count, damaged=decoder.tolerant)
        if decoder.read_error is not None:
            self.stopped_early = f"{self.path} cannot be read after frame {count - 1}: {decoder.read_error}"
        elif self._cut_short:
            whole = "" if self._announced_seconds is None else f" of the stated {self._announced_seconds:.2f} s"
            self.stopped_early = (
                f"{self.path} is cut short: {count} frames{whole} could be decoded; the rest is missing"
            )
        elif begins_again(self.path, after=decoder.position):
            self.stopped_early = (
                f"{self.path} was joined from several files; FFmpeg reads it only up to frame {count - 1}"
            )
        elif decoder.lost_at_end:
            self.stopped_early = f"{self.path} cannot be decoded after frame {count - 1}: the rest is damaged"
        elif decoder.lost:
            warnings.warn(
                f"{self.path} is damaged: {decoder.lost} of its packets cannot be decoded; frame numbers do not"
                " count them",
                stacklevel=2,
            )

    def _to_frame(self, shown: _Shown) -> Frame:
        picture = shown.picture
        if (picture.width, picture.height) != self._size:
            width, height = self._size
            raise VideoError(
                f"frame {shown.number} of {self.path} is {picture.width}x{picture.height} pixels, but the video starts"
                f" with {width}x{height}; all frames must have the same size"
            )
        return Frame(shown.number, shown.time, upright(self._to_rgb(picture), self._turn))

    def _clock(self) -> Clock:
        return Clock(self._tick, self.fps, jumps=self._leaps)

    def _time(self, number: int, picture: av.VideoFrame, clock: Clock) -> float:
        return clock.ticks(picture.pts) * self._tick if self._timed else number / self.fps


def _has_times(decoder: Decoder) -> bool:
    """Return whether time stamps are usable; in AVI they are packet numbers, valid only if frames are not reordered."""
    if decoder.container.format.name not in FORMATS_WITHOUT_TIMES:
        return True
    return not decoder.stream.codec_context.has_b_frames


def _durations(path: Path) -> list[float]:
    """Frame durations in seconds of GIF and animated PNG, as FFmpeg only guesses their average; else empty."""
    try:
        return durations(path)
    except (OSError, IndexError):  # cut short
        return []


def _samples(decoder: Decoder) -> Iterator[av.VideoFrame]:
    """Yield a few pictures from across the video, or from its beginning if it cannot seek; skips undecodable ones."""
    stream = decoder.stream
    length = (_announced_seconds(decoder) or 0) / stream.time_base
    found = False
    for part in range(1, SAMPLES + 1) if length else ():
        pts = (stream.start_time or 0) + round(length * part / SAMPLES)
        for picture in _picture_before(decoder, pts):
            found = True
            yield picture
    if not found:
        decoder.rewind()
        yield from islice(decoder.frames(), 1, SAMPLES)


def _picture_before(decoder: Decoder, pts: int) -> Sequence[av.VideoFrame]:
    """Return the last picture shown at or before `pts`, or an earlier one if the key frame is far; may be empty."""
    if not decoder.seek(pts):
        return ()
    before = takewhile(lambda picture: picture.pts is None or picture.pts <= pts, decoder.frames())
    return deque(islice(before, MOST_BEFORE_SAMPLE), maxlen=1)


def _seek(decoder: Decoder, index: FrameIndex, frame: int) -> int:
    """Seek in a file just opened to a key frame at or before `frame`; return its number, 0 at the beginning."""
    key = index.key_at_or_before(frame)
    if key == 0:
        return 0
    for _ in range(SEEK_ATTEMPTS):
        if key == 0 or index.pts is None:
            break
        if decoder.seek(int(index.pts[key])):
            return key
        key = index.key_at_or_before(key - 1)
    decoder.rewind()
    return 0


def _from(number: int, index: FrameIndex | None, pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Drop pictures shown before key frame `number`, whose reference frames may be missing."""
    if number == 0 or index is None or index.pts is None:
        return pictures
    first = index.pts[number]
    return dropwhile(lambda picture: picture.pts is not None and picture.pts < first, pictures)


def _pixel_aspect(stream: av.VideoStream, *, swapped: bool) -> Fraction:
    """Return displayed pixel width divided by height; 1 if the file does not state it."""
    aspect = Fraction(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)
    if aspect <= 0:
        return Fraction(1)
    return 1 / aspect if swapped else aspect


def _count_in_container(stream: av.VideoStream) -> int | None:
    """Return the number of non-empty samples of an MP4 or MOV track, unless an edit list hides some."""
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
