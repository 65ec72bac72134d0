"""Frames of a live source: a camera, a network stream or a pipe."""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from sam2long.errors import ConfigError, VideoError
from sam2long.video.files.upright import swaps_axes, turn_of, upright
from sam2long.video.live.address import parse_address
from sam2long.video.live.reader import Picture, Reader, Terms
from sam2long.video.live.recording import Recording
from sam2long.video.pixels.colours import ColourConverter
from sam2long.video.pixels.levels import Levels
from sam2long.video.source import Frame, VideoSource

BUFFER = 4
RECONNECT = 60.0
LOWEST_PYAV = (17, 1)
"""Earlier ones crash where a stream is opened again."""


class LiveSource(VideoSource):
    """Frames as they arrive: a single forward pass, read on a thread of its own from the moment it is opened.

    Frames are numbered in the order in which they are taken; dropped ones are not counted. Their times are seconds
    since the first frame that arrived, and go on when a lost source comes back.

    Args:
        text: `camera:0`, an address that starts with rtsp, rtsps, http or https, or `-`, a pipe on standard input.
        drop: whether frames that are not taken in time are dropped, the oldest first. By default they are, except
            those of a pipe, or of a file that a server sends: there, reading waits.
        buffer: number of decoded frames that may wait.
        reconnect: seconds for which a source that is lost is tried again, except a pipe or a file.
        record: file for everything that arrives, see `Recording`.
        overwrite: whether that file may exist.
        levels: values of black and white, see `open_video`.
        tell: receives a line when the source is lost or back, on another thread; by default a warning.

    Raises:
        VideoError: there is no such source, it does not answer, or it sends no video; PyAV is too old.
        OutputError: the recording cannot be made.
        ConfigError: `buffer` or `reconnect` is not valid.
    """

    seekable = False
    paced = True

    def __init__(
        self,
        text: str,
        *,
        drop: bool | None = None,
        buffer: int = BUFFER,
        reconnect: float = RECONNECT,
        record: Path | None = None,
        overwrite: bool = False,
        levels: Levels | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        if buffer < 1:
            raise ConfigError(f"the buffer must hold at least 1 frame, not {buffer}")
        if not 0 <= reconnect < float("inf"):
            raise ConfigError(f"the time to reconnect must be 0 seconds or more, not {reconnect:g}")
        address = parse_address(text)
        check_pyav()
        self.name, self.shown = address.name, address.shown
        self._recording = None if record is None else Recording(record, overwrite=overwrite)
        try:
            self._reader = Reader(address, Terms(drop, buffer, reconnect, tell or warnings.warn), self._recording)
        except BaseException:
            self._end_recording()
            raise
        self._held: deque[Frame] | None = None
        self._taken, self._longest_wait = 0, 0.0
        self._passed = False
        try:
            self._begin(levels)
        except BaseException:
            self.close()
            raise

    @property
    def frame_count(self) -> None:
        """None: a live source ends when it ends."""
        return None

    @property
    def next_frame(self) -> int:
        """Number of the frame that is taken next."""
        return self._taken

    @property
    def drops(self) -> bool:
        """Whether frames that are not taken in time are dropped."""
        return self._reader.drops

    @property
    def over(self) -> bool:
        """Whether no frame is left to take, and none will come."""
        return self._reader.buffer.over

    @property
    def repeatable(self) -> bool:
        """Whether frames are held for a second pass, see `hold`."""
        return self._held is not None

    @property
    def recording_failure(self) -> str | None:
        """Why the recording is not complete, or None."""
        return None if self._recording is None else self._recording.failure

    def frame(self, index: int) -> Frame:
        """Not supported; raises VideoError."""
        raise VideoError(f"frame {index} cannot be read on its own; a live source allows only a single forward pass")

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step) as they arrive, once.

        Raises:
            VideoError: a second or backward pass is asked for.
        """
        if step < 1 or start < self._taken:
            raise VideoError(f"{self.shown} is live and can only be read forward, from frame {self._taken}")
        if self._passed:
            raise VideoError(f"{self.shown} is live and can be read only once")
        self._passed = True
        return self._pass(start, stop, step)

    def frames_again(self, start: int = 0) -> Iterator[Frame]:
        """Yield the held frames, from `start` on, behind the pass of `frames`; see `hold`."""
        if self._held is None:
            raise VideoError(f"{self.shown} is live and can be read only once")
        while self._held:
            frame = self._held.popleft()
            if frame.index >= start:
                yield frame

    def hold(self, most: int) -> None:
        """Hold the frames taken from now on in memory for `frames_again`, at most the newest `most` of them."""
        self._held = deque(maxlen=most)

    def end(self) -> None:
        """End the video here: no more frames are yielded. Any thread may call this."""
        self._reader.stop()

    def keep_recording(self) -> None:
        """Keep the recording, even if no frame is ever taken; until one is, closing the source leaves no file."""
        if self._recording is not None:
            self._recording.keep()

    def close(self) -> None:
        """End the reading, and complete the recording, or delete it if there is nothing that it lies beside."""
        self._reader.stop()
        self._end_recording()

    def _end_recording(self) -> None:
        if self._recording is not None:
            self._recording.discard_unless_kept()

    def facts(self) -> dict[str, object]:
        """What has happened so far, for the summary: frames dropped, longest wait in seconds, reconnections."""
        return {
            "dropped": self._reader.buffer.dropped,
            "longest_wait": round(self._longest_wait, 3),
            "reconnections": self._reader.came_back,
        }

    def _begin(self, levels: Levels | None) -> None:
        first = self._reader.buffer.peek()
        if first is None:
            raise VideoError(f"{self.shown} ended before its first frame")
        connection, picture = self._reader.first, first.picture
        matrix = picture.side_data.get("DISPLAYMATRIX")
        self._turn = turn_of(None if matrix is None else bytes(matrix))
        self._size = (picture.width, picture.height)
        self.width, self.height = self._size[::-1] if swaps_axes(self._turn) else self._size
        self.fps = connection.fps
        self.pixel_aspect = 1 / connection.pixel_aspect if swaps_axes(self._turn) else connection.pixel_aspect
        colours = connection.video.codec_context
        self._to_rgb = ColourConverter(self.shown, [picture], colours.color_trc, colours.color_primaries, levels)

    def _pass(self, start: int, stop: int | None, step: int) -> Iterator[Frame]:
        while stop is None or self._taken < stop:
            taken = self._reader.buffer.take()
            if taken is None:
                break
            if self._taken == 0:
                self.keep_recording()
            number, self._taken = self._taken, self._taken + 1
            self._longest_wait = max(self._longest_wait, time.monotonic() - taken.arrived)
            if number < start or (number - start) % step:
                continue
            if (taken.picture.width, taken.picture.height) != self._size:
                self.stopped_early = self._changed_size(number, taken)
                return
            frame = Frame(number, taken.time, upright(self._to_rgb(taken.picture), self._turn))
            if self._held is not None:
                self._held.append(frame)
            yield frame
        if self._reader.failure is not None:
            raise self._reader.failure
        self.stopped_early = self._reader.lost

    def _changed_size(self, number: int, taken: Picture) -> str:
        width, height = self._size
        return (
            f"frame {number} of {self.shown} is {taken.picture.width}x{taken.picture.height} pixels, but the video"
            f" starts with {width}x{height}; all frames must have the same size"
        )


def check_pyav(version: str = av.__version__) -> None:
    """Raise VideoError where PyAV is so old that it may crash when a stream is lost and opened again."""
    if tuple(int(part) for part in version.split(".")[:2]) < LOWEST_PYAV:
        needed = ".".join(map(str, LOWEST_PYAV))
        raise VideoError(f"live sources need PyAV {needed} or later, and this is {version}: pip install --upgrade av")
