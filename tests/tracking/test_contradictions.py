"""A prompt that contradicts what was tracked on its frame: the memory tree forgets what it remembered before it."""

from __future__ import annotations

import numpy as np
import pytest

from sam2long import Session, TreeConfig

FRAMES, CORRECTED = 12, 6


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (FRAMES, 48, 64, 3), dtype=np.uint8)


@pytest.fixture
def tree():
    """A tree that remembers every frame, so that forgetting shows."""
    return TreeConfig(iou_threshold=0.0, uncertainty_threshold=0.0)


def box(top, left):
    mask = np.zeros((48, 64), bool)
    mask[top : top + 16, left : left + 16] = True
    return mask


def tracked(model, frames, tree):
    session = Session(model, frames, tree=tree, keep_logits=True)
    session.add_mask(0, 1, box(4, 4))
    return session, list(session.propagate())


def later(session):
    return [result.logits[1].numpy() for result in session.propagate(start=CORRECTED)][1:]


def afresh(model, frames, tree, mask):
    """The frames after the correction where nothing was ever tracked before it."""
    session = Session(model, frames, tree=tree, keep_logits=True)
    session.add_mask(0, 1, box(4, 4))
    session.add_mask(CORRECTED, 1, mask)
    return later(session)


def opposite(results):
    """A mask that has nothing in common with what was tracked."""
    mask = ~results[CORRECTED].masks[1]
    assert mask.any()
    return mask


def test_what_was_tracked_before_is_forgotten(small_model, frames, tree):
    session, results = tracked(small_model, frames, tree)
    mask = opposite(results)
    session.add_mask(CORRECTED, 1, mask)
    for ours, fresh in zip(later(session), afresh(small_model, frames, tree, mask), strict=True):
        np.testing.assert_allclose(ours, fresh, atol=1e-4)


def test_a_prompt_that_agrees_forgets_nothing(small_model, frames, tree):
    session, results = tracked(small_model, frames, tree)
    mask = results[CORRECTED].masks[1]
    session.add_mask(CORRECTED, 1, mask)
    pairs = zip(later(session), afresh(small_model, frames, tree, mask), strict=True)
    assert max(np.abs(ours - fresh).max() for ours, fresh in pairs) > 1e-3


def test_plain_sam2_remembers_all_the_same(small_model, frames):
    greedy = TreeConfig.greedy()
    session, results = tracked(small_model, frames, greedy)
    mask = opposite(results)
    session.add_mask(CORRECTED, 1, mask)
    pairs = zip(later(session), afresh(small_model, frames, greedy, mask), strict=True)
    assert max(np.abs(ours - fresh).max() for ours, fresh in pairs) > 1e-3


def test_a_click_that_refines_the_mask_still_contradicts(small_model, frames, tree):
    session, results = tracked(small_model, frames, tree)
    mask, click = opposite(results), [(20, 20)]
    session.add_mask(CORRECTED, 1, mask)
    session.add_points(CORRECTED, 1, points=click)
    before, after = results[CORRECTED].masks[1], session.preview(CORRECTED, 1).mask
    assert (before & after).sum() < 0.5 * (before | after).sum()
    fresh = Session(small_model, frames, tree=tree, keep_logits=True)
    fresh.add_mask(0, 1, box(4, 4))
    fresh.add_mask(CORRECTED, 1, mask)
    fresh.add_points(CORRECTED, 1, points=click)
    for ours, theirs in zip(later(session), later(fresh), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_it_is_so_after_saving_and_opening(small_model, frames, tree, tmp_path):
    session, results = tracked(small_model, frames, tree)
    session.add_mask(CORRECTED, 1, opposite(results))
    session.save(tmp_path / "run.s2l")
    opened = Session.open(tmp_path / "run.s2l", small_model, frames)
    for ours, theirs in zip(later(session), later(opened), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_taking_the_prompt_back_brings_the_memory_back(small_model, frames, tree):
    session, results = tracked(small_model, frames, tree)
    session.add_mask(CORRECTED, 1, opposite(results))
    list(session.propagate())
    session.undo()
    again = list(session.propagate())
    assert all(np.array_equal(a.masks[1], b.masks[1]) for a, b in zip(results, again, strict=True))
