"""What a session makes of scene cuts: they are reported, and memory goes on, pauses, or tracking stops."""

import numpy as np
import pytest

from sam2long import Session, TreeConfig
from sam2long.errors import ConfigError
from sam2long.video.cuts import CutDetector
from tests.tracking.blob import FRAMES, RESTLESS, equal, masks, same_results

CUT = 8


@pytest.fixture(scope="module")
def joined(clip):
    """The clip, and from frame 8 on another scene: its negative, upside down."""
    frames = clip.copy()
    frames[CUT:] = 255 - clip[CUT:, ::-1, ::-1]
    y = np.linspace(0, 120, clip.shape[1]).astype(np.uint8)[:, None, None]
    frames[CUT:] = np.maximum(frames[CUT:], 255 - y) - y // 2
    return frames


def start(model, frames, **how):
    session = Session(model, frames, **{"tree": RESTLESS, **how})
    session.add_box(0, 1, (10, 20, 30, 40))
    return session


def test_keep_changes_nothing_and_reports(small_model, joined, monkeypatch, tmp_path):
    session = start(small_model, joined)
    results = list(session.propagate())
    assert [result.frame for result in results if result.new_scene] == [CUT]
    assert [item.frame for item in session.observations() if item.new_scene] == [CUT]
    session.save(tmp_path / "a.s2l")
    opened = Session.open(tmp_path / "a.s2l", small_model, joined)
    assert [result.frame for result in opened.results() if result.new_scene] == [CUT]
    backward = list(session.propagate(start=FRAMES - 1, reverse=True, before_prompts=True))
    assert [result.frame for result in backward if result.new_scene] == [CUT - 1]
    monkeypatch.setattr(CutDetector, "is_cut", lambda *_: False)
    blind = list(start(small_model, joined).propagate())
    same_results(results, blind)
    assert not any(result.new_scene for result in blind)


@pytest.fixture
def unsure(monkeypatch):
    """Frames on which the network's object scores are made low; all others are high."""
    from sam2long.tracking.frame.tracker import Tracker

    low, propose, step = set(), Tracker.propose, Tracker.step

    def watched(self, frame, features, tracked):
        self.frame = frame
        return step(self, frame, features, tracked)

    def scored(self, features, selections):
        made = propose(self, features, selections)
        made.object_scores[:] = 1.0 if self.frame in low else 4.0
        return made

    monkeypatch.setattr(Tracker, "step", watched)
    monkeypatch.setattr(Tracker, "propose", scored)
    return low


def remembered(session):
    history = session._state.tracks[1].live.tree.pathways[0].history
    return [node.frame for node in history.useful], history.latest and history.latest.frame


TREE = TreeConfig(iou_threshold=0.0)


def test_pause_remembers_nothing_until_the_object_is_found_again(small_model, joined, unsure):
    unsure |= {8, 9, 10}
    session = start(small_model, joined, tree=TREE, cuts="pause")
    first = list(session.propagate(end=10))
    assert remembered(session) == ([1, 2, 3, 4, 5, 6, 7], None)
    assert first[9].masks[1].shape == (60, 100)  # the best guess is reported all the same
    list(session.propagate(end=12))
    assert remembered(session) == ([1, 2, 3, 4, 5, 6, 7, 11, 12], 12)
    kept = start(small_model, joined, tree=TREE)
    same = list(kept.propagate())
    assert remembered(kept)[0] == list(range(1, FRAMES))
    assert equal(masks(first, 1), masks(same, 1), range(CUT))


def test_a_rebuilt_tree_has_paused_too(small_model, joined, unsure):
    """A later object makes nothing outdated, but a removed prompt does: then tracking starts in the middle."""
    unsure |= {8, 9, 10}
    session = start(small_model, joined, tree=TREE, cuts="pause")
    list(session.propagate())
    for frame, expected in ((10, ([1, 2, 3, 4, 5, 6, 7], None)), (13, ([1, 2, 3, 4, 5, 6, 7, 11, 12, 13], 13))):
        session.add_points(frame, 1, [(50, 30)])
        session.remove_prompt(frame, 1)
        list(session.propagate(end=frame))
        assert remembered(session) == expected


@pytest.mark.parametrize("stop", [6, 9])
def test_pause_saved_and_opened_equals_one_run(small_model, joined, stop, tmp_path, unsure):
    unsure |= {8, 9, 10}
    expected = list(start(small_model, joined, cuts="pause").propagate())
    session = start(small_model, joined, cuts="pause")
    for result in session.propagate():
        if result.frame == stop:
            break
    session.save(tmp_path / "a.s2l")
    same_results(list(Session.open(tmp_path / "a.s2l", small_model, joined).propagate()), expected)


def test_a_cut_is_found_where_an_earlier_run_ended_at_it(small_model, joined, tmp_path):
    session = start(small_model, joined)
    list(session.propagate(end=CUT - 1))
    session.save(tmp_path / "a.s2l")
    opened = Session.open(tmp_path / "a.s2l", small_model, joined)
    for one in (session, opened):
        assert [result.frame for result in one.propagate(start=CUT) if result.new_scene] == [CUT]


def test_stop_ends_before_the_new_scene(small_model, joined, tmp_path):
    session = start(small_model, joined, cuts="stop")
    results = list(session.propagate())
    assert [result.frame for result in results] == list(range(CUT)) and session.stopped_at_cut == CUT
    same_results(results, list(start(small_model, joined).propagate(end=CUT - 1)))
    session.save(tmp_path / "a.s2l")
    opened = Session.open(tmp_path / "a.s2l", small_model, joined)
    same_results(list(opened.propagate()), results)
    assert opened.stopped_at_cut == CUT
    # On purpose it gets beyond.
    assert [result.frame for result in opened.propagate(start=CUT)] == list(range(CUT, FRAMES))
    assert opened.stopped_at_cut is None


def test_a_prompt_on_the_first_frame_of_a_scene_is_a_start(small_model, joined):
    session = Session(small_model, joined, cuts="stop")
    session.add_box(CUT, 1, (10, 20, 30, 40))
    results = list(session.propagate())
    assert len(results) == FRAMES - CUT and [result.new_scene for result in results] == [True] + 7 * [False]


def test_unknown_words(small_model, joined):
    with pytest.raises(ConfigError, match="cuts is 'halt'; it must be one of keep, pause, stop"):
        Session(small_model, joined, cuts="halt")
