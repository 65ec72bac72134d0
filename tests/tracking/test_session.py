"""What a session promises, on a small network with random weights: order, independence of objects, ranges, bounds."""

import numpy as np
import pytest
import torch

from sam2long import Session, TreeConfig
from sam2long.errors import ConfigError, PromptError, VideoError
from tests.tracking.blob import HEIGHT, RESTLESS, WIDTH

FRAMES = 12


@pytest.fixture(scope="module")
def clip(clip):
    """Its first frames."""
    return clip[:FRAMES]


@pytest.fixture
def square():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:40, 10:30] = True
    return mask


def follow(model, clip, prompts, tree=RESTLESS, **how):
    """Run a session; `prompts` maps object ids to a function that marks them. Returns results and the session."""
    session = Session(model, clip, tree=tree, trace=True, keep_logits=True)
    for object_id, mark in prompts.items():
        mark(session, object_id)
    return list(session.propagate(**how)), session


def box(session, object_id):
    session.add_box(0, object_id, (10, 20, 30, 40))


def click(session, object_id):
    session.add_points(0, object_id, [(50, 30)])


def late(session, object_id):
    session.add_points(4, object_id, [(40, 30), (60, 30)], [1, 0])


def same(first, second, ids, other_ids=None):
    for a, b in zip(first, second, strict=True):
        assert a.frame == b.frame
        for mine, theirs in zip(ids, other_ids or ids, strict=True):
            assert (mine in a.masks) == (theirs in b.masks)
            if mine in a.masks:
                np.testing.assert_array_equal(a.masks[mine], b.masks[theirs])
                np.testing.assert_allclose(a.logits[mine], b.logits[theirs], atol=1e-4)
                assert a.scores[mine] == pytest.approx(b.scores[theirs], abs=1e-5)


def test_results_have_the_videos_size_and_come_once_in_order(small_model, clip):
    results, session = follow(small_model, clip, {1: box, 5: click})
    assert [result.frame for result in results] == list(range(FRAMES))
    assert session.delay == 0
    for result in results:
        assert set(result.masks) == {1, 5}
        assert result.time == pytest.approx(result.frame / 24)
        for mask in result.masks.values():
            assert mask.shape == (HEIGHT, WIDTH) and mask.dtype == bool
        assert all(0 <= value <= 1 for value in result.disagreement.values())
    assert any(result.disagreement[1] > 0 for result in results)


def test_the_small_network_makes_the_tree_work(small_model, clip):
    """Otherwise the tests of this file would show little."""
    _, session = follow(small_model, clip, {1: box})
    rows = session.traces[1]
    assert any(len(set(zip(row.parents, row.candidates))) > 1 for row in rows)
    assert any(parent != 0 for row in rows for parent in row.parents)


@pytest.mark.parametrize("tree", [RESTLESS, TreeConfig.greedy(), TreeConfig(pathways=2, modulation=None)])
def test_another_object_changes_nothing(small_model, clip, tree):
    alone, _ = follow(small_model, clip, {1: box}, tree)
    crowd = {3: click, 1: box, 2: late, **dict.fromkeys(range(10, 26), click)}
    together, _ = follow(small_model, clip, crowd, tree)
    same(alone, together, [1])


def test_relabelling_changes_nothing(small_model, clip):
    first, _ = follow(small_model, clip, {1: box, 2: click})
    second, _ = follow(small_model, clip, {8: click, 3: box})
    same(first, second, [1, 2], [3, 8])


def test_one_pathway_without_filter_and_modulation_is_greedy(small_model, clip):
    plain = TreeConfig(pathways=1, iou_threshold=None, modulation=None, binary_prompts=True)
    first, _ = follow(small_model, clip, {1: box}, plain)
    second, _ = follow(small_model, clip, {1: box}, TreeConfig.greedy())
    same(first, second, [1])


def test_an_object_enters_at_its_first_prompt(small_model, clip):
    results, _ = follow(small_model, clip, {1: box, 2: late})
    assert all((2 in result.masks) == (result.frame >= 4) for result in results)
    from_4, _ = follow(small_model, clip, {2: late})
    assert [result.frame for result in from_4] == list(range(4, FRAMES))
    same(from_4, results[4:], [2])
    early, _ = follow(small_model, clip, {2: late}, start=0, before_prompts=True)
    assert [result.frame for result in early] == list(range(FRAMES)) and 2 in early[0].masks


def test_start_end_and_stride(small_model, clip):
    results, _ = follow(small_model, clip, {1: box}, start=2, end=9, stride=3)
    assert [result.frame for result in results] == [2, 5, 8]
    results, _ = follow(small_model, clip, {1: box, 2: late}, stride=5)
    assert [result.frame for result in results] == [0, 4, 5, 10]
    # Long enough that neither video's length bounds the object pointers.
    long = np.concatenate([clip] * 3)
    every_other, _ = follow(small_model, long, {1: box}, stride=2)
    short, _ = follow(small_model, long[::2], {1: box})
    for a, b in zip(every_other, short, strict=True):
        np.testing.assert_allclose(a.logits[1], b.logits[1], atol=1e-4)


def test_backward_is_forward_on_the_reversed_video(small_model, clip):
    def mark_last(session, object_id):
        session.add_box(FRAMES - 1, object_id, (10, 20, 30, 40))

    backward, _ = follow(small_model, clip, {1: mark_last}, reverse=True)
    forward, _ = follow(small_model, clip[::-1], {1: box})
    assert [result.frame for result in backward] == list(range(FRAMES - 1, -1, -1))
    for a, b in zip(backward, forward, strict=True):
        np.testing.assert_allclose(a.logits[1], b.logits[1], atol=1e-4)


def test_two_halves_give_the_same_choices_as_the_whole(small_model, clip):
    _, whole = follow(small_model, clip, {1: box})
    session = Session(small_model, clip, tree=RESTLESS, trace=True)
    box(session, 1)
    frames = [result.frame for result in session.propagate(end=5)]
    frames += [result.frame for result in session.propagate(start=6)]
    assert frames == list(range(FRAMES))
    for mine, theirs in zip(session.traces[1], whole.traces[1], strict=True):
        assert (mine.parents, mine.candidates) == (theirs.parents, theirs.candidates)


def test_propagating_again_starts_anew(small_model, clip):
    session = Session(small_model, clip, tree=RESTLESS, keep_logits=True)
    box(session, 1)
    first, second = list(session.propagate()), list(session.propagate())
    same(first, second, [1])


def test_a_forced_decision_bounds_the_delay(small_model, clip):
    session = Session(small_model, clip, tree=RESTLESS, max_delay=2)
    box(session, 1)
    last = -1
    for result in session.propagate():
        assert result.frame == last + 1
        assert session.delay <= 3
        last = result.frame
    assert last == FRAMES - 1


def test_a_live_source_gives_what_the_array_gives(small_model, clip):
    from_array, _ = follow(small_model, clip, {1: box, 2: late})
    live = Session(small_model, iter(clip), tree=RESTLESS, keep_logits=True)
    box(live, 1)
    live.add_points(0, 2, [(50, 30)])
    stream = list(live.propagate())
    known, _ = follow(small_model, clip, {1: box, 2: click})
    # The array's length (12) bounds its object pointers; a live source has no length. Up to frame 1 it makes no odds.
    assert [result.frame for result in stream] == [result.frame for result in from_array]
    np.testing.assert_allclose(stream[0].logits[1], known[0].logits[1], atol=1e-4)
    with pytest.raises(ConfigError, match="cannot be followed backward"):
        live.propagate(reverse=True)


def test_prompts_and_ranges_on_a_live_source(small_model, clip):
    live = Session(small_model, iter(clip), tree=TreeConfig.greedy(), keep_logits=True)
    late(live, 2)
    assert [result.frame for result in live.propagate(end=10, stride=3)] == [4, 7, 10]
    known, _ = follow(small_model, clip, {2: late}, TreeConfig.greedy(), end=10, stride=3)
    assert [result.frame for result in known] == [4, 7, 10]


def test_what_was_visited_before_a_break_is_not_lost(small_model, clip):
    whole, _ = follow(small_model, clip, {1: box}, end=8)
    session = Session(small_model, clip, tree=RESTLESS, keep_logits=True)
    box(session, 1)
    results = []
    for result in session.propagate():
        results.append(result)
        if result.frame + session.delay >= 8:
            break
    results += session.settle()
    assert [result.frame for result in results] == list(range(len(results))) and len(results) >= 9
    assert list(session.settle()) == []
    np.testing.assert_allclose(results[0].logits[1], whole[0].logits[1], atol=1e-4)


def test_packed_masks_are_the_same_masks(small_model, clip, monkeypatch):
    monkeypatch.setattr("sam2long.tracking.propagation._UNPACKED", 0)
    packed = Session(small_model, clip, tree=RESTLESS)
    box(packed, 1)
    plain, _ = follow(small_model, clip, {1: box})
    for a, b in zip(packed.propagate(), plain, strict=True):
        np.testing.assert_array_equal(a.masks[1], b.masks[1])
        assert not a.logits


def test_a_mask_prompt_comes_back_as_given(small_model, clip, square):
    session = Session(small_model, clip)
    session.add_mask(0, 1, square)
    first = next(session.propagate())
    overlap = (first.masks[1] & square).sum() / (first.masks[1] | square).sum()
    assert overlap > 0.9
    assert first.scores[1] == 1.0 and first.object_scores[1] == 10.0


def test_preview_and_removal(small_model, clip, square):
    session = Session(small_model, clip)
    session.add_points(0, 1, [(50, 30)])
    before = session.preview(0, 1)
    session.add_points(0, 1, [(60, 30)], [0])
    assert not torch.equal(before.logits, session.preview(0, 1).logits)
    session.remove_prompt(0, 1)
    assert session.object_ids == []
    session.add_mask(0, 1, square)
    with pytest.raises(PromptError, match="object 2 has no prompt; the objects are: 1"):
        session.preview(0, 2)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (lambda s: s.add_points(0, 1, [(100.5, 10)]), "point 100.5,10 lies outside the 100x60 frame"),
        (lambda s: s.add_points(0, 1, [(float("nan"), 10)]), "not a valid point"),
        (lambda s: s.add_points(0, 1, []), "neither a point nor a box"),
        (lambda s: s.add_points(0, 1, [(1, 1)], [1, 0]), "1 points but 2 labels"),
        (lambda s: s.add_points(0, 1, [(1, 1)], [2]), "label 2"),
        (lambda s: s.add_points(12, 1, [(1, 1)]), "there is no frame 12"),
        (lambda s: s.add_points(-1, 1, [(1, 1)]), "there is no frame -1"),
        (lambda s: s.add_points(0, -1, [(1, 1)]), "object ids start at 0"),
        (lambda s: s.add_box(0, 1, (30, 20, 10, 40)), "box 30,20,10,40 is empty"),
        (lambda s: s.add_box(0, 1, (-9, 0, -1, 40)), "lies outside"),
        (lambda s: s.add_box(0, 1, (0, 0, float("inf"), 40)), "not a valid box"),
        (lambda s: s.add_mask(0, 1, np.zeros((HEIGHT, WIDTH), bool)), "the mask is empty"),
        (lambda s: s.add_mask(0, 1, np.ones((5, 7), bool)), "the mask is 7x5 pixels but the video is 100x60"),
        (lambda s: (click(s, 1), s.add_mask(0, 1, np.ones((HEIGHT, WIDTH), bool))), "already has a prompt"),
        (lambda s: (box(s, 1), box(s, 1)), "a box must come first"),
        (lambda s: s.propagate(), "there is no prompt"),
    ],
)
def test_prompts_that_make_no_sense(small_model, clip, mark, message):
    with pytest.raises(PromptError, match=message):
        mark(Session(small_model, clip))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"start": 12}, "start frame 12 does not exist.*12 frames, 0 to 11"),
        ({"end": -1}, "end frame -1 does not exist"),
        ({"start": 5, "end": 3}, "never reaches frame 3"),
        ({"start": 3, "end": 5, "reverse": True}, "never reaches frame 5"),
        ({"stride": 0}, "stride is 0"),
    ],
)
def test_ranges_that_make_no_sense(small_model, clip, how, message):
    session = Session(small_model, clip)
    box(session, 1)
    with pytest.raises(ConfigError, match=message):
        session.propagate(**how)


def test_other_errors(small_model, clip):
    with pytest.raises(ConfigError, match="max_delay is -1"):
        Session(small_model, clip, max_delay=-1)
    with pytest.raises(VideoError):
        Session(small_model, "no/such/file.mp4")
