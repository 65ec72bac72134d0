"""Names and looks of objects, which frames are up to date, and propagations that others watch and end."""

import json
import threading
import zipfile

import pytest

from sam2long import Session
from sam2long.errors import PromptError, SessionError
from sam2long.tracking.session_results import Span, SpanState
from sam2long.tracking.style import ObjectStyle
from tests.tracking.blob import FRAMES, same_results, start

UP, OUT = SpanState.UP_TO_DATE, SpanState.OUTDATED


def test_styles_are_edits(small_model, clip):
    session = start(small_model, clip)
    session.set_style(3, name="ball")
    session.set_style(1, colour=(1, 2, 3), hidden=True)
    assert list(session.styles) == [1, 2, 3] and session.object_ids == [1, 2]
    assert session.styles[1] == ObjectStyle("object 1", (1, 2, 3), hidden=True)
    session.set_style(1, hidden=True)  # changes nothing, and is no edit
    assert [note.what for note in session.undoable[-2:]] == ["name", "colour and hidden"]
    session.remove_object(3)
    assert list(session.styles) == [1, 2]
    session.undo()
    assert session.styles[3].name == "ball"
    session.undo()
    assert session.styles[1] == ObjectStyle("object 1", session.styles[1].colour)
    session.redo()
    assert session.styles[1].colour == (1, 2, 3)


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": "x" * 201}, {"colour": (1, 2, 256)}, {"colour": (1, 2)}, {"locked": 1}]
)
def test_styles_that_are_none(small_model, clip, change):
    session = start(small_model, clip)
    with pytest.raises(PromptError):
        session.set_style(1, **change)
    assert len(session.undoable) == 2


def test_styles_do_not_touch_results(small_model, clip):
    session, plain = start(small_model, clip), start(small_model, clip)
    expected, results = list(plain.propagate()), []
    for result in session.propagate():
        results.append(result)
        session.set_style(2, name=f"frame {result.frame}")
    same_results(results, expected)
    session.undo()
    same_results(list(session.results()), expected)


def test_styles_are_saved(small_model, clip, tmp_path):
    session = start(small_model, clip)
    session.set_style(2, name="Ärmel", locked=True)
    session.set_style(9, name="not yet marked")
    session.save(tmp_path / "a.s2l")
    opened = Session.open(tmp_path / "a.s2l", small_model, clip)
    assert opened.styles == session.styles


def rewritten(path, change):
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    data = json.loads(members["session.json"])
    change(data)
    members["session.json"] = json.dumps(data).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def test_files_of_version_1_still_open(small_model, clip, tmp_path):
    session = start(small_model, clip)
    list(session.propagate(end=9))
    session.save(tmp_path / "old.s2l")

    def as_version_1(data):
        assert data["version"] == 2
        data["version"] = 1
        del data["styles"]

    rewritten(tmp_path / "old.s2l", as_version_1)
    opened = Session.open(tmp_path / "old.s2l", small_model, clip)
    same_results(list(opened.propagate()), list(session.propagate()))
    assert opened.styles[1].name == "object 1"


@pytest.mark.parametrize(
    "styles", [[{"id": 1}], [{"id": -1, "name": "a", "colour": [1, 2, 3], "hidden": False, "locked": False}], {"a": 1}]
)
def test_damaged_styles_are_refused(small_model, clip, tmp_path, styles):
    start(small_model, clip).save(tmp_path / "odd.s2l")
    rewritten(tmp_path / "odd.s2l", lambda data: data.update(styles=styles))
    with pytest.raises(SessionError, match="damaged"):
        Session.open(tmp_path / "odd.s2l", small_model, clip)


def test_spans(small_model, clip):
    session = start(small_model, clip)
    assert session.spans(1) == session.spans(7) == []
    list(session.propagate(end=9))
    assert session.spans(1) == [Span(0, 9, UP)]
    session.add_points(4, 1, [(70, 50)])
    assert session.spans(1) == [Span(0, 3, UP), Span(4, 9, OUT)]
    assert session.spans(2) == [Span(0, 9, UP)]
    list(session.propagate(start=4, end=6))
    assert session.spans(1) == [Span(0, 6, UP), Span(7, 9, OUT)]
    session.undo()
    assert session.spans(1) == [Span(0, 9, UP)]
    session.redo()
    assert session.spans(1) == [Span(0, 6, UP), Span(7, 9, OUT)]
    assert [one.frame for one in session.observations(1)] == list(range(7))


def test_spans_are_of_the_object_that_has_the_id_now(small_model, clip):
    session = start(small_model, clip)
    list(session.propagate(end=9))
    session.remove_object(1)
    session.add_points(3, 1, [(70, 50)])
    assert session.spans(1) == []
    list(session.propagate())
    session.undo()
    session.undo()
    assert session.spans(1) == [Span(0, 9, UP)]


def test_progress_from_another_thread(small_model, clip):
    session = start(small_model, clip)
    assert session.progress is None
    seen = []
    for _ in session.propagate(end=9):
        watcher = threading.Thread(target=lambda: seen.append(session.progress))
        watcher.start()
        watcher.join()
    assert [(one.total, one.cancelled) for one in seen] == [(10, False)] * 10
    done = [one.done for one in seen]
    assert done == sorted(done) and done[0] >= 1 and session.progress.done == 10
    list(session.propagate(9, 2, reverse=True))
    assert (session.progress.done, session.progress.total) == (8, 8)


def test_cancel_from_another_thread_loses_nothing(small_model, clip):
    session, whole = start(small_model, clip), start(small_model, clip)

    def cancel():
        if session.progress.done == 6:
            ender = threading.Thread(target=session.cancel)
            ender.start()
            ender.join()

    results = list(session.propagate(on_visit=cancel))
    assert session.progress.cancelled and session.progress.done == 6
    assert len(results) + session.delay == 6
    results += list(session.propagate(start=len(results)))
    same_results(results, list(whole.propagate()))


def test_edits_between_visits(small_model, clip):
    """`on_visit` may edit, like the loop over the results; also where no result comes, since nothing is decided."""
    session = start(small_model, clip)

    def edit():
        if session.progress.frame == 7 and session.object_ids == [1, 2]:
            session.add_points(5, 3, [(70, 50)])
            session.set_style(3, name="late")

    list(session.propagate(on_visit=edit))
    assert session.spans(3) == [Span(5, FRAMES - 1, UP)] and session.styles[3].name == "late"


def test_only_some_objects(small_model, clip):
    session = start(small_model, clip)
    assert all(list(result.masks) == [2] for result in session.propagate(objects=[2]))
    assert session.spans(1) == [] and session.spans(2) == [Span(0, FRAMES - 1, UP)]
    with pytest.raises(PromptError, match="object 5 has no prompt"):
        list(session.propagate(objects=[5]))


def test_a_frame_is_prepared_once(small_model, clip):
    session = start(small_model, clip)
    assert not session.prepared(9)
    session.prepare(9)
    assert session.prepared(9)
