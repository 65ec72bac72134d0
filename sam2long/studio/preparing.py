"""Encodes the frame that is shown ahead of the next click, from the image that is decoded for the page anyway."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from sam2long.errors import UserError
from sam2long.studio.decoding import BusyError
from sam2long.studio.fields import Message
from sam2long.tracking import Session
from sam2long.video import Frame

_REST = 0.08
"""Seconds that a frame must have been shown: while frames are skimmed, their images need the processor."""
_LONG_REST = 0.4
"""The same for what only a correction there needs."""


class Preparer:
    """Encodes one frame at a time; a newer wish takes the place of an older one.

    Args:
        session: the session.
        decoded: decodes a frame, see `FrameImages.decoded`.
        tell: sends a message to all tabs.
    """

    def __init__(
        self, session: Session, decoded: Callable[[int], Future[Frame]], tell: Callable[[Message], None]
    ) -> None:
        self._session, self._decoded, self._tell = session, decoded, tell
        self._frame: int | None = None
        self._wanted = 0.0
        self._decoding: tuple[int, Future[Frame]] | None = None
        self._corrections: Iterator[int] | None = None
        self._needed: int | None = None

    @property
    def waiting(self) -> bool:
        """Whether there is something to do."""
        return self._frame is not None or self._corrections is not None

    def want(self, frame: int) -> None:
        """Encode this frame next."""
        self.forget()
        self._frame, self._wanted = frame, time.monotonic()

    def forget(self) -> None:
        """Prepare no further corrections, since results may change."""
        self._corrections = self._needed = None

    def go_on(self) -> bool:
        """Encode the frame that is wanted, if any, once the page rests on it and it is decoded.

        Returns:
            whether anything was done.
        """
        frame = self._frame
        if frame is None:
            return False
        place = {"type": "encoding", "frame": frame}
        if not self._session.prepared(frame):
            if time.monotonic() - self._wanted < _REST:
                return False
            try:
                if not self._encode_when_decoded(frame, {**place, "state": "busy"}):
                    return False
            except UserError as error:
                self._tell({"type": "error", "id": None, "message": str(error)})
        self._frame = self._decoding = None
        self._corrections = self._session.prepare_corrections(frame)
        self._tell({**place, "state": "ready"})
        return True

    def prepare_corrections(self) -> bool:
        """Take a step towards answering corrections on the shown frame at once. Returns whether one was taken."""
        if self._corrections is None or time.monotonic() - self._wanted < _LONG_REST:
            return False
        try:
            if self._needed is None or self._session.prepared(self._needed):
                self._needed = next(self._corrections, None)
                if self._needed is None:
                    self.forget()
                return True
            return self._encode_when_decoded(self._needed)
        except UserError:  # told when the frame itself is shown
            self.forget()
            return False

    def _encode_when_decoded(self, frame: int, message: Message | None = None) -> bool:
        """Encode a frame if its image is there, else ask for it and tell so. Returns whether it was encoded."""
        if self._decoding is None or self._decoding[0] != frame:
            if self._decoding is not None:
                self._decoding[1].cancel()
            self._decoding = frame, self._decoded(frame)
            if message is not None:
                self._tell(message)
        if not self._decoding[1].done():
            return False
        self._encode(frame, self._decoding[1])
        return True

    def finish(self, frame: int) -> None:
        """Encode a frame now, unless it is encoded, since a prompt on it has come.

        Raises:
            VideoError: it cannot be read.
        """
        if not self._session.prepared(frame):
            self._encode(frame, self._decoded(frame))

    def _encode(self, frame: int, decoded: Future[Frame]) -> None:
        try:
            self._session.prepare(decoded.result())
        except BusyError:
            self._session.prepare(frame)
