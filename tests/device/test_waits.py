"""How often the host waits for the device while frames are tracked."""

from collections import Counter

import pytest

from sam2long import Session, TreeConfig
from tests.device.conftest import FRAMES
from tests.device.small import RESTLESS, start

SCORES, MASKS, PACKING = "candidate_scores.fetch_candidate_scores", "outcome.fetch_masks", "outcome._compact"


def waits(device, session):
    """Between each result and the next one: where the thread that tracks has waited, and how often."""
    found = []
    for _ in session.propagate():
        found.append(Counter(wait.place for wait in device.waits if wait.thread == "MainThread"))
        device.waits.clear()
    return found[1:]


@pytest.mark.parametrize("tree", [TreeConfig(uncertainty_threshold=0.0), TreeConfig.greedy()], ids=["tree", "greedy"])
def test_a_frame_waits_for_the_scores_and_for_the_masks_that_it_lets_out(device, on_device, small_model, clip, tree):
    session = start(on_device(small_model), clip, tree, keep_logits=False)
    assert waits(device, session) == [{SCORES: 1, MASKS: 1}] * (FRAMES - 1)


def test_so_it_does_where_objects_remember_different_numbers_of_frames(device, on_device, small_model, clip):
    session = Session(on_device(small_model), clip.frames, tree=TreeConfig.greedy())
    session.add_mask(0, 1, clip.mask(1))
    session.add_mask(2, 2, clip.mask(2, 2))
    assert waits(device, session)[2:] == [{SCORES: 1, MASKS: 1}] * (FRAMES - 3)


@pytest.mark.parametrize("unpacked", [8, 1])
def test_disagreement_adds_a_wait_where_frames_are_packed(device, on_device, small_model, clip, monkeypatch, unpacked):
    monkeypatch.setattr("sam2long.tracking.propagation._UNPACKED", unpacked)
    session = start(on_device(small_model), clip, RESTLESS, keep_logits=False)
    total = sum(waits(device, session), Counter())
    assert total.pop(SCORES) == FRAMES - 1
    # The masks that the end decides come one by one.
    assert set(total) - {"outcome.mask"} == ({MASKS} if unpacked == 8 else {MASKS, PACKING})
    assert total[MASKS] < FRAMES - 1 and total[PACKING] < FRAMES - 1


def test_a_click_waits_for_its_scores_and_its_mask(device, on_device, small_model, clip):
    session = start(on_device(small_model), clip, keep_logits=False)
    session.preview(0, 2)
    device.waits.clear()
    session.add_points(0, 2, [clip.middle(1)], [0])
    session.preview(0, 2)
    assert [wait.place for wait in device.waits] == ["conditioning.condition", "outcome.mask"]
