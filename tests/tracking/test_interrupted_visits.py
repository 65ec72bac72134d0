"""Whatever is raised inside a visit, the session goes on from before it and ends as if nothing had happened."""

import linecache
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sam2long import Session
from sam2long.errors import ConfigError, OutputError
from sam2long.tracking.frame.tracker import Tracker
from sam2long.tracking.storage.store import ResultStore
from tests.tracking.blob import TREES, same_results, start

NETWORK = ("encode_image", "attend", "decode", "encode_memory")
STORE = ("put", "put_trace", "latest", "behind", "packed", "next_number")


@pytest.fixture(scope="module")
def short_clip(clip):
    """Its first frames: every fault costs some runs."""
    return clip[:10]


class Fault(Exception):
    """Raised by a test, as an out-of-memory error would be."""


def failing(method: Callable, at: int) -> Callable:
    """A method that fails at its call number `at`, once."""
    calls = iter(range(10**9))

    def call(*args, **kwargs):
        if next(calls) == at:
            raise Fault
        return method(*args, **kwargs)

    return call


def counting(method: Callable, counts: list[int]) -> Callable:
    def call(*args, **kwargs):
        counts[0] += 1
        return method(*args, **kwargs)

    return call


def two_rounds(session: Session) -> list:
    """A whole run, a correction in its middle, and a whole run again; a fault is met by calling again."""
    _through(session)
    session.add_points(5, 1, [(70, 50)], [0])
    return _through(session)


def _through(session: Session) -> list:
    while True:
        try:
            return list(session.propagate())
        except (Fault, KeyboardInterrupt, OutputError):
            continue


@pytest.mark.parametrize("name", [*NETWORK, *STORE])
def test_a_fault_around_a_correction(small_model, short_clip, name, monkeypatch):
    owner = small_model if name in NETWORK else ResultStore
    original = getattr(owner, name)
    expected = start(small_model, short_clip, trace=True)
    results = two_rounds(expected)
    counts = [0]
    monkeypatch.setattr(owner, name, counting(original, counts))
    two_rounds(start(small_model, short_clip, trace=True))
    places = list(range(counts[0]))
    for at in places if len(places) <= 3 else random.Random(name).sample(places, 3):
        monkeypatch.setattr(owner, name, original)
        session = start(small_model, short_clip, trace=True)
        _through(session)
        monkeypatch.setattr(owner, name, failing(original, at % max(1, counts[0] // 2)))
        try:
            session.add_points(5, 1, [(70, 50)], [0])
        except Fault:
            session.add_points(5, 1, [(70, 50)], [0])
        same_results(_through(session), results)
        monkeypatch.setattr(owner, name, original)
        assert session.traces == expected.traces


@TREES
@pytest.mark.parametrize("name", [*NETWORK, *STORE])
def test_a_fault_in_the_first_run(small_model, short_clip, tree, name, monkeypatch, tmp_path):
    owner = small_model if name in NETWORK else ResultStore
    original = getattr(owner, name)
    whole = start(small_model, short_clip, tree, trace=True)
    counts = [0]
    monkeypatch.setattr(owner, name, counting(original, counts))
    expected = list(whole.propagate())
    if not counts[0]:
        pytest.skip("never called in a first run")
    for at in random.Random(name).sample(range(counts[0]), min(3, counts[0])):
        monkeypatch.setattr(owner, name, original)
        session = start(small_model, short_clip, tree, trace=True)
        monkeypatch.setattr(owner, name, failing(original, at))
        with pytest.raises(Fault):
            list(session.propagate())
        monkeypatch.setattr(owner, name, original)
        session.save(tmp_path / "broken.s2l")
        opened = Session.open(tmp_path / "broken.s2l", small_model, short_clip)
        same_results(list(session.propagate()), expected)
        same_results(list(opened.propagate()), expected)
        assert session.traces == opened.traces == whole.traces


def interrupted_somewhere(action: Callable[[], list], steps: int) -> list | None:
    """The action's result, or None if KeyboardInterrupt came after so many lines of our own code."""
    left = [steps]
    folder = str(Path(sys.modules["sam2long"].__file__).parent)
    avoided = ("weakref", "threading")

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(folder) or frame.f_code.co_name in avoided:
            return None
        # leaving a `with` gives its line once more, where CPython never looks for signals: the lock would stay taken
        if event == "line" and not linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith(
            "with "
        ):
            left[0] -= 1
            if left[0] == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        return action()
    except KeyboardInterrupt:
        return None
    finally:
        sys.settrace(None)


@TREES
def test_ctrl_c_at_random_lines(small_model, short_clip, tree, tmp_path):
    expected = list(start(small_model, short_clip, tree).propagate())
    draw = random.Random(7)
    for attempt in range(8):
        session = start(small_model, short_clip, tree)
        results = None
        for _ in range(3):
            results = interrupted_somewhere(lambda: list(session.propagate()), draw.randrange(1, 4000))  # noqa: B023
            if results is not None:
                break
            if attempt % 4 == 0:
                session.save(tmp_path / "a.s2l")
                session = Session.open(tmp_path / "a.s2l", small_model, short_clip)
        same_results(results or list(session.propagate()), expected)


def test_ctrl_c_at_random_moments(small_model, short_clip):
    """As above, but with signals: those come where CPython looks for them, within the standard library too."""
    started = time.process_time()
    expected = list(start(small_model, short_clip).propagate())
    whole = time.process_time() - started
    draw = random.Random(3)

    def interrupt(*_):
        raise KeyboardInterrupt

    def interrupted(session: Session) -> list | None:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, draw.uniform(0.01, 1) * whole / 2)
            try:
                return list(session.propagate())
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except KeyboardInterrupt:
            return None

    before = signal.signal(signal.SIGVTALRM, interrupt)
    try:
        for _ in range(8):
            session = start(small_model, short_clip)
            results = interrupted(session) or interrupted(session) or interrupted(session)
            same_results(results or list(session.propagate()), expected)
    finally:
        signal.signal(signal.SIGVTALRM, before)


def test_a_disk_that_is_full_for_a_while(small_model, short_clip, monkeypatch):
    expected = list(start(small_model, short_clip).propagate())
    session = start(small_model, short_clip)
    original, room = ResultStore._query, [12]

    def query(self, text, values):
        if text.startswith("INSERT"):
            room[0] -= 1
            if room[0] < 0:
                time.sleep(0.02)  # however slowly the disk says so
                raise OutputError("cannot store results: disk full")
        return original(self, text, values)

    monkeypatch.setattr(ResultStore, "_query", query)
    with pytest.raises(OutputError):
        list(session.propagate())
    room[0] = 10**9
    same_results(_through(session), expected)


def test_a_stream_lets_out_what_waited_for_a_removed_object(small_model, short_clip):
    for kept in (False, True):
        session = start(small_model, iter(short_clip) if not kept else short_clip, keep_results=False, max_delay=2)
        frames = []
        for result in session.propagate():
            frames.append(result.frame)
            if result.frame == 4:
                session.remove_object(2)
        assert frames == list(range(len(short_clip)))
        assert not session.delay


def test_undo_in_a_stream_loses_no_frame(small_model, short_clip):
    session = start(small_model, iter(short_clip), keep_results=False, max_delay=2)
    frames = []
    for result in session.propagate():
        frames.append(result.frame)
        if result.frame == 4:
            session.add_points(len(short_clip) - 2, 5, [(30, 30)])
            session.undo()
    assert frames == list(range(len(short_clip)))


def test_a_prompt_off_the_stride_of_a_stream(small_model, short_clip):
    def visited(source, late: bool) -> list:
        session = Session(small_model, source, keep_results=False, max_delay=2)
        session.add_box(0, 1, (10, 20, 30, 40))
        if not late:
            session.add_points(7, 2, [(60, 30)])
        results = []
        for result in session.propagate(stride=3):
            results.append(result)
            if late and result.frame == 3:
                session.add_points(7, 2, [(60, 30)])
        return results

    # Against the array the frames are the same; its scores are not, since its length is known.
    known = visited(iter(short_clip), late=False)
    assert [result.frame for result in known] == [0, 3, 6, 7, 9]
    assert [result.frame for result in visited(short_clip, late=False)] == [0, 3, 6, 7, 9]
    same_results(visited(iter(short_clip), late=True), known)


@TREES
@pytest.mark.parametrize("score", ["ious", "object_scores"])
def test_scores_that_are_not_numbers_never_reach_the_memory(
    small_model, short_clip, tree, score, monkeypatch, tmp_path
):
    expected = list(start(small_model, short_clip, tree).propagate())
    session = start(small_model, short_clip, tree)
    original, seen = Tracker._propose_batch, [0]

    def broken(tracker, *args):
        found = original(tracker, *args)
        seen[0] += 1
        if seen[0] > 4:
            getattr(found, score)[-1] = float("nan")
        return found

    monkeypatch.setattr(Tracker, "_propose_batch", broken)
    with pytest.raises(ConfigError, match=r"frame \d: the network's scores are not finite"):
        list(session.propagate())
    monkeypatch.undo()
    session.save(tmp_path / "broken.s2l")
    same_results(list(Session.open(tmp_path / "broken.s2l", small_model, short_clip).propagate()), expected)
    same_results(list(session.propagate()), expected)


def test_a_prompt_whose_scores_are_not_numbers_is_told(small_model, short_clip, monkeypatch):
    session = start(small_model, short_clip)
    session.add_points(3, 1, [(70, 50)])
    with monkeypatch.context() as broken:
        broken.setattr(small_model, "attend", lambda image, memory: image * float("nan"))
        broken.setattr(small_model, "without_memory", lambda image: image * float("nan"))
        with pytest.raises(ConfigError, match="frame 3: the network's scores are not finite"):
            session.preview(3, 1)
    assert session.preview(3, 1).mask.shape == short_clip.shape[1:3]
