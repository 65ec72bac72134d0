"""The buffer between a live source and the tracker."""

from __future__ import annotations

import threading

from sam2long.video.live.buffer import FrameBuffer


def test_when_full_the_oldest_are_dropped_and_counted() -> None:
    buffer: FrameBuffer[int] = FrameBuffer(3, drop=True)
    buffer.put(0)
    assert buffer.take() == 0
    for number in range(1, 11):
        buffer.put(number)
    assert buffer.dropped == 7
    buffer.end()
    assert [buffer.take() for _ in range(4)] == [8, 9, 10, None]


def test_what_came_before_the_consumer_began_is_not_counted_and_only_the_newest_is_kept() -> None:
    buffer: FrameBuffer[int] = FrameBuffer(3, drop=True)
    for number in range(10):
        buffer.put(number)
    assert buffer.take() == 9
    assert buffer.dropped == 0


def test_without_dropping_the_producer_waits_and_nothing_is_lost() -> None:
    buffer: FrameBuffer[int] = FrameBuffer(2, drop=False)
    most, held = 0, 0

    def produce() -> None:
        nonlocal held, most
        for number in range(50):
            buffer.put(number)
            held += 1
            most = max(most, held - taken)
        buffer.end()

    taken = 0
    thread = threading.Thread(target=produce)
    thread.start()
    received = []
    while (item := buffer.take()) is not None:
        received.append(item)
        taken += 1
    thread.join()
    assert received == list(range(50))
    assert most <= 4  # two in the buffer, and one in each hand
    assert buffer.dropped == 0


def test_closing_frees_a_waiting_producer_and_discards_what_waits() -> None:
    buffer: FrameBuffer[int] = FrameBuffer(1, drop=False)
    buffer.put(1)
    thread = threading.Thread(target=buffer.put, args=(2,))
    thread.start()
    buffer.close()
    thread.join(30)
    assert not thread.is_alive()
    assert buffer.over
    assert buffer.take() is None
