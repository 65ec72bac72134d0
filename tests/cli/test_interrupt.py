"""Ctrl-C: real signals to this very process, at chosen moments."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from sam2long.cli.interrupt import CtrlC


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def items(pressed_while_making: int | None = None) -> Iterator[int]:
    for number in range(1, 6):
        if number == pressed_while_making:
            press()
        yield number


def test_without_a_press_everything_arrives() -> None:
    with CtrlC() as ctrl_c:
        assert list(ctrl_c.until_pressed(items())) == [1, 2, 3, 4, 5]
    assert not ctrl_c.pressed


def test_a_press_while_waiting_gives_up_the_item_waited_for() -> None:
    with CtrlC() as ctrl_c:
        assert list(ctrl_c.until_pressed(items(pressed_while_making=3))) == [1, 2]
    assert ctrl_c.pressed


def test_a_press_while_the_caller_works_lets_the_work_end() -> None:
    finished = []
    with CtrlC() as ctrl_c:
        for number in ctrl_c.until_pressed(items()):
            if number == 2:
                press()
            finished.append(number)
        press()
        press()
        finished.append(-1)
    assert finished == [1, 2, -1]
    assert ctrl_c.pressed


def test_the_iterator_is_told_so_that_it_can_clean_up() -> None:
    cleaned = []

    def source() -> Iterator[int]:
        try:
            yield 1
            press()
            yield 2
        finally:
            cleaned.append(True)

    with CtrlC() as ctrl_c:
        assert list(ctrl_c.until_pressed(source())) == [1]
    assert cleaned == [True]


def test_a_library_that_reports_the_press_in_its_own_words_counts_as_a_press() -> None:
    def source() -> Iterator[int]:
        yield 1
        try:
            press()
        except KeyboardInterrupt:
            raise RuntimeError("decoder: interrupted system call") from None

    with CtrlC() as ctrl_c:
        assert list(ctrl_c.until_pressed(source())) == [1]


def test_a_press_that_got_lost_can_be_repeated() -> None:
    def source() -> Iterator[int]:
        yield 1
        with contextlib.suppress(KeyboardInterrupt):  # as Python does in a finaliser, where it cannot raise
            press()
        press()
        yield 2

    with CtrlC() as ctrl_c:
        assert list(ctrl_c.until_pressed(source())) == [1]


def test_other_errors_pass() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with CtrlC() as ctrl_c, pytest.raises(ValueError, match="broken"):
        list(ctrl_c.until_pressed(source()))


def test_after_a_press_further_ones_stay_harmless() -> None:
    with CtrlC() as ctrl_c:
        list(ctrl_c.until_pressed(items(pressed_while_making=3)))
    press()


def test_afterwards_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with CtrlC():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        press()


def test_a_job_that_ignores_ctrl_c_keeps_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with CtrlC() as ctrl_c:
            assert list(ctrl_c.until_pressed(items(pressed_while_making=3))) == [1, 2, 3, 4, 5]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
