from __future__ import annotations

import threading
from itertools import count

import pytest

from sam2long.video.read_ahead import read_ahead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "read-ahead"]


class Endless:
    """Counts how far it was read, and knows whether it was closed, and by which thread."""

    def __init__(self) -> None:
        self.given = 0
        self.closed = threading.Event()

    def __iter__(self):
        return self

    def __next__(self) -> int:
        self.given += 1
        return self.given

    def close(self) -> None:
        self.closed.set()


def test_every_item_in_order():
    assert list(read_ahead(iter(range(1000)), 3)) == list(range(1000))
    assert list(read_ahead(iter([None, None]), 1)) == [None, None]
    assert not threads()


def test_it_runs_on_another_thread_and_starts_late():
    seen = read_ahead(threading.current_thread().name for _ in range(1))
    assert not threads()
    assert next(seen) == "read-ahead"


def test_it_runs_ahead_but_only_so_far():
    source = Endless()
    ahead = read_ahead(source, 4)
    next(ahead)
    for _ in range(200):
        if source.given >= 4:
            break
        threading.Event().wait(0.01)
    threading.Event().wait(0.05)
    assert source.given == 4  # the item in the consumer's hands counts
    ahead.close()


def test_an_error_comes_after_the_items_before_it():
    def broken():
        yield 1
        raise OSError("disk gone")

    ahead = read_ahead(broken(), 2)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(ahead)
    assert not threads()


@pytest.mark.parametrize("leave", ["close", "exception", "interrupt", "forget"])
def test_leaving_early_ends_the_thread_and_closes_the_source(leave):
    source = Endless()
    ahead = read_ahead(source, 2)
    next(ahead)
    if leave == "close":
        ahead.close()
    elif leave == "forget":
        del ahead
    else:
        error = KeyboardInterrupt if leave == "interrupt" else RuntimeError
        with pytest.raises(error):
            ahead.throw(error())
    assert source.closed.wait(5)
    assert not threads()


def test_a_generator_can_be_read_ahead_and_dropped():
    ahead = read_ahead(count(), 1)
    assert [next(ahead) for _ in range(5)] == [0, 1, 2, 3, 4]
    ahead.close()
    assert not threads()


def test_depth_must_be_positive():
    with pytest.raises(ValueError):
        read_ahead(iter([1]), 0)
