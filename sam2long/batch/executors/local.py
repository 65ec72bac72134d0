"""Worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from sam2long.batch.executors.base import Beat, Died, Ended, Event, Ready, Unable
from sam2long.batch.work import Place, Pulse, Work, attempt
from sam2long.errors import UserError
from sam2long.running.interrupt import StopSignals

_BEAT = 0.5
"""Seconds between two messages about progress."""


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    busy: bool = True
    read: list[Event] = field(default_factory=list)


class LocalExecutor:
    """One process per place, started with `spawn`, so that nothing of this process is shared.

    Attributes:
        slots: number of workers.
    """

    def __init__(self, work: Work, places: Sequence[Place]) -> None:
        self.slots = len(places)
        self._work, self._places = work, places
        self._context = multiprocessing.get_context("spawn")
        self._workers: dict[int, _Worker] = {}

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        return time.monotonic()

    def start(self, slot: int) -> None:
        """Start a process."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, slot, self._work, self._places[slot]), name=f"worker-{slot}", daemon=True
        )
        process.start()
        theirs.close()
        self._workers[slot] = _Worker(process, ours)

    def submit(self, slot: int, payload: Any) -> None:
        """Send a payload; a process that has died meanwhile is noticed by `wait`."""
        self._workers[slot].busy = True
        with suppress(OSError):
            self._workers[slot].pipe.send(payload)

    def kill(self, slot: int) -> None:
        """Kill a process."""
        worker = self._workers.pop(slot, None)
        if worker is not None:
            worker.process.kill()
            self._bury(worker)

    def wait(self, seconds: float) -> list[Event]:
        """Read messages, and notice the processes that have died."""
        watched: list[Any] = [worker.pipe for worker in self._workers.values()]
        watched += [worker.process.sentinel for worker in self._workers.values()]
        if not watched:
            time.sleep(seconds)
            return []
        connection.wait(watched, max(0.0, seconds))
        return [event for slot in list(self._workers) for event in self._read(slot)]

    def close(self, grace: float) -> None:
        """End all processes; busy ones get SIGTERM first, upon which they save their sessions."""
        for worker in self._workers.values():
            if worker.busy and grace > 0:
                worker.process.terminate()
            else:
                worker.process.kill()
        until = time.monotonic() + grace
        for worker in self._workers.values():
            worker.process.join(max(0.0, until - time.monotonic()))
            worker.process.kill()
            self._bury(worker)
        self._workers.clear()

    def _read(self, slot: int) -> Iterator[Event]:
        worker = self._workers[slot]
        alive = worker.process.is_alive()  # asked first: what it sent before it died is still read
        try:
            while worker.pipe.poll():
                event = worker.pipe.recv()
                worker.busy = worker.busy and not isinstance(event, Ready | Ended)
                if isinstance(event, Unable):
                    self.kill(slot)
                    yield event
                    return
                yield event
        except (EOFError, OSError):
            worker.process.join(5)
            alive = False
        if not alive:
            code = worker.process.exitcode
            self.kill(slot)
            yield Died(slot, _reason(code))

    @staticmethod
    def _bury(worker: _Worker) -> None:
        worker.process.join()
        worker.pipe.close()


def _reason(code: int | None) -> str:
    if code == -signal.SIGKILL if sys.platform != "win32" else False:
        return "the worker process was killed (SIGKILL); the system does that when memory runs out"
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"the worker process died ({signal.Signals(-code).name})"
    return f"the worker process ended with status {code}"


def _serve(pipe: Connection, slot: int, work: Work, place: Place) -> None:
    """The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    threading.Thread(target=_die_with_parent, name="parent", daemon=True).start()
    warnings.showwarning = _show_warning
    place.settle()
    try:
        runner = work.start(place)
    except Exception as error:
        pipe.send(Unable(slot, " ".join(str(error).split()) or repr(error), isinstance(error, UserError)))
        return
    pipe.send(Ready(slot, dict(runner.facts)))
    with suppress(EOFError, BrokenPipeError):
        while True:
            payload, pulse, stop = pipe.recv(), Pulse(), StopSignals()
            with _beating(pipe, slot, pulse):
                outcome = attempt(runner, payload, pulse, stop)
            if outcome is None:
                return
            pipe.send(Ended(slot, outcome))


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning in one line, as the command does; those of a job go into its summary instead."""
    sys.stderr.write(f"warning: {message}\n")


@contextmanager
def _beating(pipe: Connection, slot: int, pulse: Pulse) -> Iterator[None]:
    """Send signs of life from another thread while the context lasts; nobody else may send meanwhile."""
    done = threading.Event()

    def beat() -> None:
        last = -1
        while not done.wait(_BEAT):
            if pulse.alive != last:
                last = pulse.alive
                with suppress(OSError):
                    pipe.send(Beat(slot, pulse.frames, last))

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _die_with_parent() -> None:
    """End this process when the parent is gone, however it went; a resumed batch will do its job again."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
