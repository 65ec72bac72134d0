"""State does not grow with the video: bytes of all live tensors after many frames against few."""

import gc

import numpy as np
import pytest
import torch

from sam2long import Session, TreeConfig

EARLY, LATE = 40, 140


def endless(seed=0):
    """A live source: a wandering blob over noise that is gone for half of the time."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:60, :100]
    for t in range(LATE + 1):
        frame = rng.integers(0, 120, (60, 100, 3), dtype=np.uint8)
        if t % 80 < 40:
            frame[(x - 20 - t % 60) ** 2 + (y - 30) ** 2 < 150] = (220, 90, 40)
        yield frame


def live_bytes():
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor):
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


@pytest.mark.parametrize(
    "tree",
    [TreeConfig(), TreeConfig(uncertainty_threshold=50.0), TreeConfig.greedy()],
    ids=["paper", "restless", "greedy"],
)
def test_tensors_do_not_accumulate(small_model, tree):
    session = Session(small_model, endless(), tree=tree)
    session.add_points(0, 1, [(20, 30)])
    session.add_points(0, 2, [(60, 20)])
    sizes = {}
    visited = 0
    for result in session.propagate():
        now = result.frame + session.delay
        for mark in (EARLY, LATE):
            if now >= mark and mark not in sizes:
                sizes[mark] = live_bytes()
        visited += 1
    assert visited == LATE + 1
    assert sizes[LATE] <= 1.02 * sizes[EARLY]
