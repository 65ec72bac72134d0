"""Finds the doubtful frames anew after a change, while nobody works."""

from __future__ import annotations

from collections.abc import Callable

from sam2long.studio.fields import Message
from sam2long.tracking import Session

_MOST = 50
"""Number of doubtful frames that are listed."""


class Reviewer:
    """Keeps the list of doubtful frames.

    Args:
        session: the session.
        tell: sends a message to all tabs.

    Attributes:
        due: whether results have changed since the list was made.
        message: the `doubts` message.
    """

    def __init__(self, session: Session, tell: Callable[[Message], None]) -> None:
        self._session, self._tell = session, tell
        self.due = True
        self.message: Message = {"type": "doubts", "revision": 0, "items": []}

    def go_on(self, revision: int) -> None:
        """Make the list anew, if it is due, and tell it."""
        if not self.due:
            return
        self.due = False
        items = [
            {"frame": one.frame, "time": one.time, "object": one.object_id, "doubt": one.doubt, "reason": one.reason}
            for one in self._session.review(_MOST)
        ]
        self.message = {"type": "doubts", "revision": revision, "items": items}
        self._tell(self.message)
