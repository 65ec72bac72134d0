"""Reads a live source on its own thread: decodes, records, and connects again when the source is lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import NamedTuple

import av

from sam2long.errors import VideoError
from sam2long.video.live.address import Address
from sam2long.video.live.buffer import WAKE_SECONDS, FrameBuffer
from sam2long.video.live.connection import Connection
from sam2long.video.live.recording import Recording
from sam2long.video.live.timeline import Timeline

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""Seconds before the first and between later attempts to connect again; they double from one to the next."""


class Picture(NamedTuple):
    """A decoded picture, its time in seconds since the first one, and the moment of its arrival (monotonic clock)."""

    picture: av.VideoFrame
    time: float
    arrived: float


@dataclass(frozen=True)
class Terms:
    """How a live source is read.

    Attributes:
        drop: drop frames that are not tracked in time, or None to do so unless the source is a pipe or a file.
        buffer: number of frames that may wait.
        reconnect: seconds for which a lost source is tried again; 0 to end there.
        tell: receives one line when the source is lost and one when it is back, on the thread that reads.
    """

    drop: bool | None
    buffer: int
    reconnect: float
    tell: Callable[[str], None]


class Reader:
    """Fills a buffer with decoded pictures until the source ends or `stop` is called.

    Attributes:
        buffer: the pictures.
        first: the first connection.
        drops: whether frames are dropped.
        came_back: how often the source was lost and came back.
        lost: why the source ended although it should not have, or None.
        failure: an error that ended the reading, or None.
    """

    buffer: FrameBuffer[Picture]
    first: Connection
    drops: bool

    def __init__(self, address: Address, terms: Terms, recording: Recording | None) -> None:
        """Connect, and wait for the first picture.

        Raises:
            VideoError: there is no such source, or it sends no picture.
            OutputError: the recording cannot be made.
        """
        self.came_back = 0
        self.lost: str | None = None
        self.failure: BaseException | None = None
        self._address, self._terms, self._recording = address, terms, recording
        self._lost_since: float | None = None
        self._begun, self._stopped = Event(), Event()
        # A daemon, since a read from a pipe may never return.
        Thread(target=self._run, name="live", daemon=True).start()
        try:
            while not self._begun.wait(WAKE_SECONDS):
                pass
        except BaseException:  # Ctrl-C
            self._stopped.set()
            if recording is not None:
                recording.close()
            raise
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """End the reading; what is being waited for is abandoned."""
        self._stopped.set()
        self.buffer.close()
        if self._recording is not None:
            self._recording.close()

    def _run(self) -> None:
        try:
            self._read()
            if not self._begun.is_set():
                raise VideoError(f"{self._address.shown} sends a video, but none of its frames can be decoded")
        except BaseException as error:  # passed on to the consumer, whatever it is
            self.failure = error
        finally:
            if hasattr(self, "buffer"):
                self.buffer.end()
            if self._recording is not None:
                self._recording.close()
            self._begun.set()

    def _read(self) -> None:
        connection: Connection | None = Connection(self._address, low_delay=self._terms.drop is not False)
        assert connection is not None
        self.first = connection
        self.drops = not connection.finite if self._terms.drop is None else self._terms.drop
        self.buffer = FrameBuffer(self._terms.buffer, drop=self.drops)
        self._timeline = Timeline(by_arrival=self.drops)
        while connection is not None:
            try:
                self._pump(connection)
            finally:
                connection.close()
            if self._stopped.is_set() or (connection.ends and connection.lost is None):
                return
            if connection.finite:
                self.lost = f"{self._address.shown} broke off: {connection.lost}"
                return
            connection = self._connect_again(connection.lost or "the stream ended")

    def _pump(self, connection: Connection) -> None:
        """Read from a connection until it ends."""
        begun = False
        for arrived in connection.read():
            now = time.monotonic()
            if not begun:
                begun = True
                self._timeline.begin(connection, now)
                if self._recording is not None:
                    self._recording.begin(connection, self._timeline.base)
            times = [self._timeline.time(picture.pts, now) for picture in arrived.pictures]
            if self._recording is not None:
                self._recording.add(arrived, times)
            if self._lost_since is not None and arrived.pictures:
                self._is_back(self._lost_since)
            for picture, shown in zip(arrived.pictures, times, strict=True):
                self.buffer.put(Picture(picture, shown, now))
                self._begun.set()
            if self._stopped.is_set():
                return

    def _connect_again(self, why: str) -> Connection | None:
        """Try to connect until it succeeds; None if time runs out or there was no picture to go on from.

        The source is back when a picture arrives: a camera may accept connections and send nothing.
        """
        terms, shown = self._terms, self._address.shown
        if not self._begun.is_set() or terms.reconnect <= 0:
            self.lost = f"{shown} was lost: {why}"
            return None
        if self._lost_since is None:
            self._lost_since, self._pause, self._why = time.monotonic(), FIRST_PAUSE, why
            terms.tell(f"{shown} was lost ({why}); trying again for {terms.reconnect:g} s")
        while (left := self._lost_since + terms.reconnect - time.monotonic()) > 0:
            if self._stopped.wait(min(self._pause, left)):
                return None
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            with contextlib.suppress(VideoError):
                return Connection(self._address, low_delay=self.drops)
        self.lost = f"{shown} was lost ({self._why}) and did not come back within {terms.reconnect:g} s"
        return None

    def _is_back(self, since: float) -> None:
        self._lost_since = None
        self.came_back += 1
        self._terms.tell(f"{self._address.shown} is back after {time.monotonic() - since:.1f} s")
