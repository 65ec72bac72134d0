"""Ctrl-C: real signals to this very process, at chosen moments."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from sam2long.running.interrupt import StopSignals


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def items(pressed_while_making: int | None = None) -> Iterator[int]:
    for number in range(1, 6):
        if number == pressed_while_making:
            press()
        yield number


def test_without_a_press_everything_arrives() -> None:
    with StopSignals() as stop:
        assert list(stop.until_asked(items())) == [1, 2, 3, 4, 5]
    assert not stop.asked


def test_a_press_while_waiting_gives_up_the_item_waited_for() -> None:
    with StopSignals() as stop:
        assert list(stop.until_asked(items(pressed_while_making=3))) == [1, 2]
    assert stop.asked


def test_a_press_while_the_caller_works_lets_the_work_end() -> None:
    finished = []
    with StopSignals() as stop:
        for number in stop.until_asked(items()):
            if number == 2:
                press()
            finished.append(number)
        press()
        press()
        finished.append(-1)
    assert finished == [1, 2, -1]
    assert stop.asked


def test_the_iterator_is_told_so_that_it_can_clean_up() -> None:
    cleaned = []

    def source() -> Iterator[int]:
        try:
            yield 1
            press()
            yield 2
        finally:
            cleaned.append(True)

    with StopSignals() as stop:
        assert list(stop.until_asked(source())) == [1]
    assert cleaned == [True]


def test_a_library_that_reports_the_press_in_its_own_words_counts_as_a_press() -> None:
    def source() -> Iterator[int]:
        yield 1
        try:
            press()
        except KeyboardInterrupt:
            raise RuntimeError("decoder: interrupted system call") from None

    with StopSignals() as stop:
        assert list(stop.until_asked(source())) == [1]


def test_a_press_that_got_lost_can_be_repeated() -> None:
    def source() -> Iterator[int]:
        yield 1
        with contextlib.suppress(KeyboardInterrupt):  # as Python does in a finaliser, where it cannot raise
            press()
        press()
        yield 2

    with StopSignals() as stop:
        assert list(stop.until_asked(source())) == [1]


def test_other_errors_pass() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with StopSignals() as stop, pytest.raises(ValueError, match="broken"):
        list(stop.until_asked(source()))


def test_after_a_press_further_ones_stay_harmless() -> None:
    with StopSignals() as stop:
        list(stop.until_asked(items(pressed_while_making=3)))
    press()


def test_afterwards_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        press()


def test_a_job_that_ignores_ctrl_c_keeps_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals() as stop:
            assert list(stop.until_asked(items(pressed_while_making=3))) == [1, 2, 3, 4, 5]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
