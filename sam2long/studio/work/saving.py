"""Keeps the session file up to date, and tells the tabs whether it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sam2long.errors import UserError
from sam2long.studio.fields import Message
from sam2long.tracking import Session

_EVERY, _SHARE = 1.0, 20
"""Seconds between saves while following, and at least how many times as long as the last one took."""
_LONGEST_REST = 5.0
"""Seconds without a command after which even a save that takes long begins."""
_QUICK = 0.5
"""Seconds that a save may take where somebody waits for it."""
_RETRY = 5.0
"""Seconds after a failed save until the next one."""


class Saver:
    """Saves a session to its file. What is newer than the file is told to the tabs before it is shown to them.

    Args:
        session: the session, whose file exists.
        path: of the file.
        tell: sends a message to all tabs.
    """

    def __init__(self, session: Session, path: Path, tell: Callable[[Message], None]) -> None:
        self._session, self._path, self._tell = session, path, tell
        self._tried, self._took = time.monotonic(), 0.0
        self._urgent = False
        self.message = _saved(time.time())

    def note(self, edit: bool = False) -> None:
        """Tell the tabs if the session is newer than its file; to be called after each change, before it is shown."""
        if self._session.unsaved:
            self._urgent = self._urgent or edit
            if self.message["at"] is not None:
                self._say(_saved(None))

    def while_following(self) -> None:
        """Save between two visits: edits at once, results at intervals."""
        pause = 0.0 if self._urgent else max(_EVERY, _SHARE * self._took)
        if time.monotonic() - self._tried > max(pause, self._least_pause()):
            self.save()

    def while_idle(self, seconds: float) -> bool:
        """Save, if nothing has been asked for so many seconds that the next command will not have to wait for it.

        Returns:
            whether there was something to save.
        """
        pending = self._session.unsaved and time.monotonic() - self._tried > self._least_pause()
        if pending and seconds > min(_LONGEST_REST, 2 * self._took):
            self.save()
        return pending

    def after_following(self) -> None:
        """Save, unless that takes long."""
        if self._took < _QUICK:
            self.save()

    def save(self) -> None:
        """Save, if there is anything to save."""
        if not self._session.unsaved:
            return
        began = time.monotonic()
        try:
            self._session.save(self._path)
            saved = _saved(time.time())
        except UserError as error:
            saved = _saved(None, str(error))
        self._tried, self._urgent = time.monotonic(), False
        self._took = self._tried - began
        self._say(saved)

    def _least_pause(self) -> float:
        return _RETRY if self.message["message"] else 0.0

    def _say(self, message: Message) -> None:
        # A save that keeps failing is told once.
        if message != self.message:
            self.message = message
            self._tell(message)


def _saved(at: float | None, message: str | None = None) -> Message:
    return {"type": "saved", "at": at, "message": message}
