"""The command in a process that gets a signal midway, and what it leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

DYING_COMMAND = """
import os, sys, time
from sam2long.model import SAM2
from sam2long.tracking import session
encode, calls, number, call = SAM2.encode_memory, [0], int(sys.argv.pop(1)), int(sys.argv.pop(1))
def counted(*words, **settings):
    calls[0] += 1
    if calls[0] == call:
        os.kill(os.getpid(), number)
    time.sleep(0.03)  # time to save the session
    return encode(*words, **settings)
SAM2.encode_memory = counted
saver = session.AutoSaver
session.AutoSaver = lambda path, every, write: saver(path, 0.05, write)
from sam2long.cli.app import main
main()
"""


def dies(number: int, call: int, *words: object) -> int:
    """Runs the command in a process that gets a signal while it encodes memory number `call`; the exit status."""
    command = [sys.executable, "-c", DYING_COMMAND, str(int(number)), str(call), *map(str, words)]
    # A test run in the background may have SIGINT ignored, and children inherit that.
    sound = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    return subprocess.run(command, capture_output=True, check=False, timeout=100, preexec_fn=sound).returncode


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
