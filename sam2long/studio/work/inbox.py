"""What the tabs have asked for and the worker has not taken up yet: a short queue, in which the latest wish wins."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Condition

from sam2long.studio.fields import Message
from sam2long.studio.tabs import Tab

_MOST = 256
"""Maximum number of waiting commands."""
_LATEST_WINS = ("preview", "show", "masks", "doubts")
"""Commands of which only the last one of each tab is answered."""


@dataclass(frozen=True)
class Command:
    """A message of a tab."""

    tab: Tab
    message: Message

    @property
    def kind(self) -> str:
        """The message's type."""
        return str(self.message["type"])


class Inbox:
    """A queue between the event loop and the worker."""

    def __init__(self) -> None:
        self._waiting: deque[Command] = deque()
        self._changed = Condition()

    def put(self, command: Command) -> bool:
        """Add a command, in place of an older wish that it makes pointless.

        Returns:
            whether there was room for it.
        """
        with self._changed:
            if command.kind in _LATEST_WINS:
                rest = (one for one in self._waiting if one.tab is not command.tab or one.kind != command.kind)
                self._waiting = deque(rest)
            if len(self._waiting) >= _MOST and command.kind not in ("open", "close"):
                return False
            self._waiting.append(command)
            self._changed.notify()
            return True

    def take(self, seconds: float) -> Command | None:
        """Take the oldest command, waiting for one for so long; None without one."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), seconds)
            return self._waiting.popleft() if self._waiting else None

    def __len__(self) -> int:
        """Number of waiting commands."""
        return len(self._waiting)
