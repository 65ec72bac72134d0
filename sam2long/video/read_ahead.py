"""Runs an iterator, such as a decoder, on its own thread, a few items ahead of the consumer."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

# timeout in seconds: a live source may block forever in next(), and its daemon thread is then abandoned
JOIN_SECONDS = 5.0


@dataclass(frozen=True)
class _End:
    error: BaseException | None


class _Producer(Generic[T]):
    """Fills a queue from an iterator; `slots` limits how far it may run ahead."""

    def __init__(self, iterator: Iterator[T], depth: int) -> None:
        self.queue: SimpleQueue[T | _End] = SimpleQueue()
        self.slots = Semaphore(depth)
        self._iterator = iterator
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wake the thread if it is waiting, and wait for it to end."""
        self._stopped.set()
        self.slots.release()
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._pump()
        except BaseException as caught:  # passed on to the consumer, whatever it is
            error = caught
        self.queue.put(_End(error))

    def _pump(self) -> None:
        try:
            while self._wait_for_slot():
                item = next(self._iterator, _End(None))
                if isinstance(item, _End):
                    return
                self.queue.put(item)
        finally:
            close = getattr(self._iterator, "close", None)
            if close is not None:
                close()

    def _wait_for_slot(self) -> bool:
        self.slots.acquire()
        return not self._stopped.is_set()


def read_ahead(iterator: Iterator[T], depth: int = 4) -> Generator[T, None, None]:
    """Yield the items of `iterator`, which runs on a separate thread, at most `depth` items ahead.

    The thread starts when the first item is requested. An exception of the iterator is raised here, after the items
    before it. If the consumer stops early (close, an exception, Ctrl-C), the thread ends and closes the iterator.

    Raises:
        ValueError: `depth` is less than 1.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
    return _consume(iterator, depth)


def _consume(iterator: Iterator[T], depth: int) -> Generator[T, None, None]:
    producer = _Producer(iterator, depth)
    try:
        while True:
            item = producer.queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            producer.slots.release()
    finally:
        producer.stop()
