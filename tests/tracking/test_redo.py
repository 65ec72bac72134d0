"""Undo and redo: both sides of an edit come back to the bit, with the results that were tracked on each."""

import random

import numpy as np
import pytest

from sam2long import Session
from sam2long.errors import ConfigError, PromptError
from tests.tracking.blob import FRAMES, HEIGHT, RESTLESS, TREES, WIDTH, same_results, start


@pytest.fixture
def encoded(small_model, monkeypatch):
    """How many images the network has encoded."""
    counts = []
    encode = type(small_model).encode_image
    monkeypatch.setattr(
        type(small_model), "encode_image", lambda self, images: (counts.append(len(images)), encode(self, images))[1]
    )
    return counts


@TREES
def test_redo_brings_the_results_back(small_model, clip, tree, encoded):
    session = start(small_model, clip, tree)
    first = list(session.propagate())
    session.add_points(5, 1, [(80, 10)])
    corrected = list(session.propagate())
    session.remove_object(2)
    del encoded[:]
    for _ in range(2):
        session.undo()
        same_results(list(session.results()), corrected)
        session.undo()
        same_results(list(session.results()), first)
        session.redo()
        same_results(list(session.results()), corrected)
        session.redo()
        assert session.object_ids == [1]
    assert sum(encoded) == 0
    with pytest.raises(PromptError, match="nothing to redo"):
        session.redo()


@TREES
def test_a_run_between_undo_and_redo_mixes_nothing(small_model, clip, tree):
    """After each undo and redo tracking goes on as in a session that never knew the other side."""

    def begun():
        # One object, since a batch of other rows changes the last digits.
        session = Session(small_model, clip, tree=tree)
        session.add_box(0, 1, (10, 20, 30, 40))
        list(session.propagate(end=6))
        return session

    session, plain, other = begun(), begun(), begun()
    for one in (session, other):
        one.add_points(4, 1, [(70, 50)])
        list(one.propagate(end=9))
    session.undo()
    list(session.propagate())
    list(plain.propagate())
    same_results(list(session.results()), list(plain.results()))
    session.redo()
    same_results(list(session.results()), list(other.results()))
    list(session.propagate())
    list(other.propagate())
    same_results(list(session.results()), list(other.results()))
    session.undo()
    same_results(list(session.results()), list(plain.results()))


@pytest.mark.parametrize("seed", range(2))
def test_walking_up_and_down_any_sequence(small_model, clip, seed):
    rng = random.Random(seed)
    session = start(small_model, clip)
    list(session.propagate())
    states = [list(session.results())]
    for _ in range(5):
        object_id = rng.choice([1, 2, 3])
        if rng.random() < 0.2 and object_id in session.object_ids:
            session.remove_object(object_id)
        else:
            session.add_points(rng.randrange(FRAMES), object_id, [(rng.randrange(WIDTH), rng.randrange(HEIGHT))])
        list(session.propagate())
        states.append(list(session.results()))
    place = len(states) - 1
    for _ in range(25):
        if (rng.random() < 0.5 and place) or place == len(states) - 1:
            session.undo()
            place -= 1
        else:
            session.redo()
            place += 1
        same_results(list(session.results()), states[place])


def test_a_new_edit_ends_redo_and_deletes_what_it_kept(small_model, clip):
    session = start(small_model, clip)
    list(session.propagate())
    rows = len(session._state.store._query("SELECT frame FROM results", ()))
    session.add_points(8, 1, [(80, 10)])
    list(session.propagate())
    session.undo()
    session.set_style(1, name="kite")
    assert session.redoable == []
    assert len(session._state.store._query("SELECT frame FROM results", ())) == rows
    assert [note.what for note in session.undoable] == ["box", "clicks", "name"]


def test_the_depth_of_undo(small_model, clip):
    with pytest.raises(ConfigError, match="undo_depth is 0"):
        Session(small_model, clip, undo_depth=0)
    short, deep = (Session(small_model, clip, undo_depth=depth) for depth in (2, None))
    for session in (short, deep):
        for number in range(30):
            session.add_points(number % FRAMES, 1, [(number, 20)])
    assert (len(short.undoable), len(deep.undoable)) == (2, 30)


def test_an_edit_that_fails_is_not_undoable(small_model, clip, monkeypatch):
    session = start(small_model, clip)
    list(session.propagate(end=8))
    before = list(session.results())
    monkeypatch.setattr(type(small_model), "decode", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.add_points(5, 1, [(70, 50)])
    monkeypatch.undo()
    assert len(session.undoable) == 2 and not session.redoable
    same_results(list(session.results()), before)


def test_clicks_are_moved_and_removed(small_model, clip):
    moved, fresh = Session(small_model, clip, tree=RESTLESS), Session(small_model, clip, tree=RESTLESS)
    for x in (30, 40, 50):
        moved.add_points(2, 1, [(x, 20)])
    rounds = moved.prompt(2, 1).rounds
    moved.set_clicks(2, 1, [rounds[0], rounds[2]])
    for x in (30, 50):
        fresh.add_points(2, 1, [(x, 20)])
    assert np.array_equal(moved.preview(2, 1).mask, fresh.preview(2, 1).mask)
    moved.undo()
    assert moved.prompt(2, 1).rounds == rounds
    with pytest.raises(PromptError, match="remove_prompt"):
        moved.set_clicks(2, 1, [])
    with pytest.raises(PromptError, match="no prompt"):
        moved.set_clicks(3, 1, rounds)


def test_a_preview_changes_nothing_and_tells_the_truth(small_model, clip):
    session = start(small_model, clip)
    list(session.propagate(end=8))
    shown = [session.preview_points(frame, object_id, [(70, 50)], [1]) for frame, object_id in ((5, 1), (0, 1), (6, 7))]
    assert len(session.undoable) == 2 and session.object_ids == [1, 2]
    for preview, (frame, object_id) in zip(shown, ((5, 1), (0, 1), (6, 7))):
        session.add_points(frame, object_id, [(70, 50)], [1])
        assert np.array_equal(session.preview(frame, object_id).mask, preview.mask)
        session.undo()
