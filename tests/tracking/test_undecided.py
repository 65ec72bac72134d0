"""Visited frames that the tree has not decided: they can be looked at, and looking changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from sam2long import Session
from sam2long.model import SAM2
from sam2long.tracking.session_results import SpanState
from tests import parting

BOX, STOP = (10, 20, 30, 40), 9


@pytest.fixture(autouse=True)
def parted(monkeypatch):
    monkeypatch.setattr(SAM2, "decode", parting.decode)


def visit(session, frames):
    """Visit so many frames, and stop."""
    results = session.propagate(on_visit=lambda: session.progress.done >= frames and session.cancel())
    return {result.frame: result for result in results}


def test_undecided_frames_are_as_settling_leaves_them(small_model, clip):
    with Session(small_model, clip) as session:
        session.add_box(0, 1, BOX)
        decided = visit(session, STOP)
        waiting = session.undecided[1]
        assert sorted([*decided, *waiting]) == list(range(STOP)) and len(waiting) > 5
        assert all(session.result(frame) is None for frame in waiting)
        spans = [(span.first, span.last, span.state) for span in session.spans(1)]
        first = waiting[0]
        assert spans == [(0, first - 1, SpanState.UP_TO_DATE), (first, STOP - 1, SpanState.UNDECIDED)]
        seen = {result.frame: result for result in session.results(undecided=True)}
        assert list(seen) == list(range(STOP))
        assert [result.frame for result in session.results()] == list(range(first))
        settled = {result.frame: result for result in session.settle()}
        assert list(settled) == waiting
        for frame, result in settled.items():
            assert np.array_equal(seen[frame].masks[1], result.masks[1])
            assert (seen[frame].time, seen[frame].scores) == (result.time, result.scores)
            assert session.result(frame, undecided=True).scores == result.scores
        assert not session.undecided


def test_looking_changes_nothing(small_model, clip):
    with Session(small_model, clip) as whole, Session(small_model, clip) as halves:
        for session in (whole, halves):
            session.add_box(0, 1, BOX)
            session.add_box(3, 2, BOX)
        expected = {result.frame: result for result in whole.propagate()}
        visit(halves, STOP)
        for _ in halves.results(undecided=True):
            pass
        halves.result(STOP - 1, undecided=True)
        rest = {result.frame: result for result in halves.propagate()}
        assert set(rest) == set(expected)
        for frame, result in expected.items():
            for object_id, mask in result.masks.items():
                assert np.array_equal(rest[frame].masks[object_id], mask)


def test_one_object_decided_and_the_other_not(small_model, clip):
    with Session(small_model, clip) as session:
        session.add_box(0, 1, BOX)
        for _ in session.propagate():
            pass
        session.add_box(2, 2, BOX)
        visit(session, STOP)
        frame = session.undecided[2][-1]
        assert set(session.undecided) == {2}
        assert set(session.result(frame).masks) == {1}
        assert set(session.result(frame, undecided=True).masks) == {1, 2}


def test_an_edit_takes_undecided_frames_away(small_model, clip):
    with Session(small_model, clip) as session:
        session.add_box(0, 1, BOX)
        visit(session, STOP)
        session.add_points(2, 1, [(15, 25)])
        assert not session.undecided
        assert SpanState.UNDECIDED not in {span.state for span in session.spans(1)}
