"""`--control FILE`: commands given while a live run goes on, one JSON object per line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, BinaryIO

from sam2long.errors import ConfigError, PromptError

STDIN = "-"
_POLL_SECONDS = 0.1
_MOST_BYTES = 1 << 20
"""Longest line; a longer one is not a command."""


@dataclass(frozen=True)
class Command:
    """One line of the control input.

    Attributes:
        where: its place, for messages.
        entry: the JSON object: an entry of a prompt file whose `frame` may be missing, or {"remove": OBJECT}.
        folder: folder that its mask files are relative to.
    """

    where: str
    entry: dict[str, Any]
    folder: Path


class Control:
    """Reads commands on its own thread from a file that grows, a named pipe, or standard input.

    A file may be created later; lines that it already has are read at once. {"stop": true} takes effect immediately.

    Args:
        name: path of the file, or `-` for standard input.

    Attributes:
        shown: the input's name for messages.

    Raises:
        ConfigError: the folder of the file does not exist, or it is a folder itself.
    """

    def __init__(self, name: str) -> None:
        self._path = None if name == STDIN else Path(name).expanduser()
        self.shown = "standard input" if self._path is None else str(self._path)
        self._commands: SimpleQueue[Command | PromptError] = SimpleQueue()
        self._closed = Event()
        if self._path is not None and (self._path.is_dir() or not self._path.parent.is_dir()):
            what = "is a folder" if self._path.is_dir() else f"the folder {self._path.parent} does not exist"
            raise ConfigError(f"--control {name}: {what}")

    def start(self, on_stop: Callable[[], None]) -> None:
        """Begin to read; `on_stop` is called on the reading thread."""
        Thread(target=self._run, args=(on_stop,), name="control", daemon=True).start()

    def take(self, seconds: float = 0.0) -> Command | None:
        """Return the next command, waiting up to this many seconds for it, or None.

        Raises:
            PromptError: the next line is not a JSON object.
        """
        try:
            command = self._commands.get(timeout=seconds) if seconds else self._commands.get_nowait()
        except Empty:
            return None
        if isinstance(command, PromptError):
            raise command
        return command

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()

    def _run(self, on_stop: Callable[[], None]) -> None:
        folder = Path() if self._path is None else self._path.parent
        for number, line in enumerate(self._lines(), start=1):
            where = f"{self.shown}, line {number}"
            entry = _parsed(line, where)
            if entry == {"stop": True}:
                on_stop()
            elif entry is not None:
                self._commands.put(entry if isinstance(entry, PromptError) else Command(where, entry, folder))

    def _lines(self) -> Iterator[bytes]:
        if self._path is None:
            yield from sys.stdin.buffer
            return
        while not self._path.exists():
            if self._closed.wait(_POLL_SECONDS):
                return
        try:
            with self._path.open("rb") as file:  # of a named pipe, this waits for a writer
                yield from self._growing(file)
        except OSError as error:
            self._commands.put(PromptError(f"--control {self._path} cannot be read: {error.strerror}"))

    def _growing(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the lines of a file, and those added later; at the end of a named pipe, wait for the next writer."""
        line = b""
        while not self._closed.is_set():
            part = file.readline(_MOST_BYTES)
            line += part
            if line.endswith(b"\n") or len(line) >= _MOST_BYTES:
                yield line
                line = b""
            elif not part:
                self._closed.wait(_POLL_SECONDS)


def _parsed(line: bytes, where: str) -> dict[str, Any] | PromptError | None:
    """The JSON object of a line, an error, or None for an empty line."""
    if not line.strip():
        return None
    try:
        entry = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return PromptError(f"{where}: not JSON ({getattr(error, 'msg', type(error).__name__)}); the line is ignored")
    if not isinstance(entry, dict):
        return PromptError(f"{where}: expected an object in braces, {{...}}; the line is ignored")
    return entry
