"""Prompts at any time: what an edit re-runs and what it must leave alone, to the bit."""

import random
import threading

import numpy as np
import pytest
import torch

from sam2long import Session, TreeConfig
from sam2long.errors import ConfigError, PromptError, VideoError
from tests.tracking.blob import FRAMES, HEIGHT, RESTLESS, TREES, WIDTH, equal, masks, same_results, start


@TREES
def test_a_correction_reruns_its_object_from_there_on(small_model, clip, tree):
    session = start(small_model, clip, tree)
    before = list(session.propagate())
    session.add_points(9, 1, [(80, 10)])
    after = list(session.propagate())
    assert equal(masks(before, 2), masks(after, 2))
    assert equal(masks(before, 1), masks(after, 1), range(9))
    assert not equal(masks(before, 1), masks(after, 1), range(9, FRAMES))
    assert after[9].scores[1] != before[9].scores[1]


def test_only_what_is_outdated_is_computed(small_model, clip, encoded):
    session = start(small_model, clip, TreeConfig.greedy())
    list(session.propagate())
    del encoded[:]
    list(session.propagate())
    assert sum(encoded) == 0
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:40, 30:50] = True
    session.add_mask(12, 1, mask)
    session.add_mask(8, 1, mask)
    list(session.propagate(end=10))
    # The edited frame, the two after it, and those that its memory needs again, but nothing before and after.
    assert 3 <= sum(encoded) <= 11
    list(session.propagate())
    del encoded[:]
    list(session.propagate())
    assert sum(encoded) == 0


def test_a_feature_cache_spares_the_encoder(small_model, clip, encoded, tmp_path):
    def corrected(**how):
        session = start(small_model, clip, **how)
        list(session.propagate())
        del encoded[:]
        session.add_points(6, 1, [(80, 10)])
        return list(session.propagate()), sum(encoded)

    plain, many = corrected()
    cached, none = corrected(feature_cache="100MB")
    assert many >= FRAMES - 6 and none == 0
    same_results(plain, cached)
    _, some = corrected(feature_cache="900KB")
    assert 0 < some < many


def test_a_correction_ends_at_the_next_prompt(small_model, clip):
    session = start(small_model, clip)
    session.add_points(12, 1, [(60, 30)])
    before = masks(session.propagate(), 1)
    session.add_points(6, 1, [(80, 10)])
    after = masks(session.propagate(), 1)
    changed = [frame for frame in before if not np.array_equal(before[frame], after[frame])]
    assert changed and min(changed) >= 6 and max(changed) < 12


def test_backward_from_a_correction_if_asked(small_model, clip):
    session = start(small_model, clip)
    forward = list(session.propagate())
    session.add_points(9, 1, [(80, 10)])
    session.add_points(4, 1, [(30, 30)])
    list(session.propagate())
    backward = list(session.propagate(start=9, end=5, reverse=True))
    assert [result.frame for result in backward] == [9, 8, 7, 6, 5]
    kept = masks(session.results(), 1)
    assert equal(masks(backward, 1), kept, range(5, 9))
    assert equal(masks(forward, 1), kept, range(4))
    # Forward results are still there for whoever goes forward again.
    again = list(session.propagate())
    session.undo()
    session.undo()
    same_results(list(session.propagate()), forward)
    assert len(again) == FRAMES


@TREES
def test_an_object_added_halfway(small_model, clip, tree):
    together = Session(small_model, clip, tree=tree)
    together.add_box(0, 1, (10, 20, 30, 40))
    together.add_points(7, 3, [(60, 30)])
    expected = list(together.propagate())
    session = Session(small_model, clip, tree=tree)
    session.add_box(0, 1, (10, 20, 30, 40))
    list(session.propagate())
    session.add_points(7, 3, [(60, 30)])
    late = list(session.propagate())
    assert equal(masks(expected, 1), masks(late, 1))
    assert sorted(masks(late, 3)) == list(range(7, FRAMES))
    assert np.mean([np.mean(a != b) for a, b in zip(masks(late, 3).values(), masks(expected, 3).values())]) < 1e-3
    backward = masks(session.propagate(start=7, reverse=True), 3)
    assert sorted(backward) == list(range(8))


def test_a_removed_object_is_gone(small_model, clip):
    session = start(small_model, clip)
    before = list(session.propagate())
    session.remove_object(1)
    assert session.object_ids == [2]
    after = list(session.propagate())
    assert all(list(result.masks) == [2] for result in [*after, *session.results()])
    assert equal(masks(before, 2), masks(after, 2))
    session.undo()
    assert session.object_ids == [1, 2]
    same_results(before, list(session.propagate()))


def test_an_id_used_again_does_not_see_the_old_object(small_model, clip):
    session = start(small_model, clip)
    list(session.propagate())
    session.remove_object(1)
    session.add_points(5, 1, [(60, 30)])
    fresh = Session(small_model, clip, tree=RESTLESS)
    fresh.add_points(5, 1, [(60, 30)])
    assert equal(masks(fresh.propagate(), 1), masks(session.propagate(), 1))


@TREES
def test_undo_is_exact(small_model, clip, tree):
    session = start(small_model, clip, tree)
    first = list(session.propagate(end=11))
    session.add_points(5, 1, [(80, 10)])
    corrected = list(session.propagate(end=11))
    session.add_points(5, 1, [(70, 50)], [0])
    list(session.propagate(end=11))
    session.undo()
    same_results(list(session.propagate(end=11)), corrected)
    session.undo()
    same_results(list(session.results()), first)
    # Going on from there is as if nothing had happened.
    whole = start(small_model, clip, tree)
    list(whole.propagate(end=11))
    same_results(list(session.propagate()), list(whole.propagate()))
    with pytest.raises(PromptError, match="nothing to undo"):
        for _ in range(9):
            session.undo()


@pytest.mark.parametrize("seed", range(3))
def test_undoing_any_sequence_of_edits(small_model, clip, seed):
    rng = random.Random(seed)
    session = start(small_model, clip)
    before = list(session.propagate(end=10))
    edits = 0
    for _ in range(6):
        frame, object_id = rng.randrange(FRAMES), rng.choice([1, 2, 3])
        try:
            if rng.random() < 0.2:
                session.remove_object(object_id)
            else:
                session.add_points(frame, object_id, [(rng.randrange(WIDTH), rng.randrange(HEIGHT))])
            edits += 1
        except PromptError:
            continue
        if rng.random() < 0.7 and session.object_ids:
            list(session.propagate(reverse=rng.random() < 0.3))
    for _ in range(edits):
        session.undo()
    same_results([result for result in session.results() if result.frame <= 10], before)


@TREES
def test_editing_between_two_results(small_model, clip, tree):
    # One object, since a batch of other rows changes the last digits.
    reference, session = Session(small_model, clip, tree=tree), Session(small_model, clip, tree=tree)
    for one in (reference, session):
        one.add_box(0, 1, (10, 20, 30, 40))
    before = list(reference.propagate())
    reference.add_points(6, 1, [(80, 10)])
    expected = list(reference.propagate())
    results = []
    for result in session.propagate():
        results.append(result)
        if result.frame == 8 and len(session.prompts[1]) == 1:
            session.add_points(6, 1, [(80, 10)])
    assert [result.frame for result in results] == list(range(FRAMES))
    same_results(results[:9], before[:9])
    same_results(results[9:], expected[9:])
    same_results(list(session.results()), expected)


def test_objects_come_and_go_during_a_propagation(small_model, clip):
    session = start(small_model, clip)
    seen = {}
    for result in session.propagate():
        seen[result.frame] = list(result.masks)
        if result.frame == 3:
            session.add_points(5, 7, [(40, 30)])
        if result.frame == 9:
            session.remove_object(2)
    assert seen[4] == [1, 2] and seen[5] == [1, 2, 7] and seen[10] == [1, 7]
    assert sorted(seen) == list(range(FRAMES))


def test_a_stream_takes_marks_on_frames_to_come(small_model, clip):
    session = Session(small_model, iter(clip), tree=RESTLESS, max_delay=1)
    session.add_box(0, 1, (10, 20, 30, 40))
    seen = {}
    for result in session.propagate():
        seen[result.frame] = list(result.masks)
        if result.frame == 5:
            session.add_points(10, 2, [(60, 30)])
            with pytest.raises(PromptError, match="frame 3 has already passed"):
                session.add_points(3, 2, [(60, 30)])
    assert seen[9] == [1] and seen[10] == [1, 2]
    with pytest.raises(ConfigError, match="keeps no results"):
        session.result(3)


def test_another_thread_may_not_edit_meanwhile(small_model, clip):
    session = start(small_model, clip)
    results = session.propagate()
    next(results)
    raised = []

    def edit():
        try:
            session.add_points(3, 1, [(5, 5)])
        except PromptError as error:
            raised.append(str(error))

    thread = threading.Thread(target=edit)
    thread.start()
    thread.join()
    assert raised and "another thread is propagating" in raised[0]
    session.add_points(3, 1, [(5, 5)])
    results.close()
    edit()
    assert len(raised) == 1


def test_a_second_propagation_ends_the_first(small_model, clip):
    session = start(small_model, clip)
    first = session.propagate()
    next(first)
    assert len(list(session.propagate())) == FRAMES
    with pytest.raises(ConfigError, match="another propagation"):
        list(first)


def test_without_kept_results_everything_starts_anew(small_model, clip, encoded):
    kept, loose = start(small_model, clip), start(small_model, clip, keep_results=False)
    expected = list(kept.propagate())
    for _ in range(2):
        del encoded[:]
        same_results(list(loose.propagate()), expected)
        assert sum(encoded) >= FRAMES - 1


def test_a_click_on_a_tracked_frame_starts_from_its_mask(small_model, clip):
    session = start(small_model, clip)
    list(session.propagate())
    alone = Session(small_model, clip, tree=RESTLESS)
    alone.add_points(9, 1, [(80, 10)])
    session.add_points(9, 1, [(80, 10)])
    assert not torch.equal(session.preview(9, 1).logits, alone.preview(9, 1).logits)


def test_clicks_refine_a_mask(small_model, clip):
    session = Session(small_model, clip)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:40, 10:30] = True
    session.add_mask(0, 1, mask)
    session.add_points(0, 1, [(28, 38)], [0])
    alone = Session(small_model, clip)
    alone.add_points(0, 1, [(28, 38)], [0])
    refined = session.preview(0, 1)
    assert refined.score < 1 and not torch.equal(refined.logits, alone.preview(0, 1).logits)
    with pytest.raises(PromptError, match="already has a prompt"):
        session.add_mask(0, 1, mask)
    session.add_mask(0, 1, mask, replace=True)
    assert session.preview(0, 1).score == 1
    session.add_box(0, 1, (10, 20, 30, 40), replace=True)
    assert session.preview(0, 1).score < 1


def test_a_correction_that_fails_leaves_nothing(small_model, clip, monkeypatch):
    session = start(small_model, clip)
    before = list(session.propagate())

    def broken(index):
        raise VideoError(f"frame {index} cannot be read")

    monkeypatch.setattr(session.source, "frame", broken)
    with pytest.raises(VideoError):
        session.add_points(6, 1, [(80, 10)])
    assert session.prompts[1] == [0]
    same_results(list(session.propagate()), before)


def test_nothing_is_left_on_disk(small_model, clip, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with start(small_model, clip, results_folder=tmp_path / "results") as session:
        list(session.propagate(end=3))
        assert len(list((tmp_path / "results").iterdir())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["results"] and not list((tmp_path / "results").iterdir())


def test_stored_logits(small_model, clip):
    session = start(small_model, clip, keep_logits=True)
    first, second = list(session.propagate()), list(session.propagate())
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a.logits[1], b.logits[1], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda s: s.remove_object(9), "object 9 has no prompt; the objects are: 1, 2"),
        (lambda s: s.remove_prompt(3, 1), "object 1 on frame 3 has no prompt; its prompts are on frames 0"),
        (lambda s: s.preview(3, 1), "object 1 on frame 3 has no prompt"),
        (lambda s: s.add_points(FRAMES, 1, [(1, 1)]), "there is no frame 16"),
    ],
)
def test_edits_that_make_no_sense(small_model, clip, act, message):
    with pytest.raises(PromptError, match=message):
        act(start(small_model, clip))


def test_a_cache_of_no_size(small_model, clip):
    with pytest.raises(ConfigError, match="'lots' is not a valid size"):
        Session(small_model, clip, feature_cache="lots")


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_numbers_beyond_64_bits_are_refused(small_model, clip, number):
    session = start(small_model, clip)
    for act in (
        lambda: session.add_box(0, number, (3, 3, 9, 9)),
        lambda: session.add_box(number, 1, (3, 3, 9, 9)),
        lambda: session.remove_object(number),
    ):
        with pytest.raises(PromptError, match="64 bits"):
            act()
