"""State does not grow with the video: bytes of all live tensors after many frames against few."""

import gc

import numpy as np
import pytest
import torch

from sam2long import Session, TreeConfig
from sam2long.video import Frame, VideoSource

EARLY, LATE = 40, 140


def picture(t):
    """A wandering blob over noise that is gone for half of the time."""
    y, x = np.mgrid[:60, :100]
    frame = np.random.default_rng(t).integers(0, 120, (60, 100, 3), dtype=np.uint8)
    if t % 80 < 40:
        frame[(x - 20 - t % 60) ** 2 + (y - 30) ** 2 < 150] = (220, 90, 40)
    return frame


class Recorded(VideoSource):
    """The same as a video that can be read again, none of which is held in memory."""

    name, height, width, fps = "recorded", 60, 100, 24.0
    frame_count = LATE + 1

    def frame(self, index):
        return Frame(index, index / self.fps, picture(index))


SOURCES = {"live": lambda: (picture(t) for t in range(LATE + 1)), "recorded": Recorded}


def live_bytes():
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        # Exactly these: a compiler's stand-ins for tensors, left by another test, have no bytes.
        if type(thing) in (torch.Tensor, torch.nn.Parameter):
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


@pytest.mark.parametrize(
    "tree",
    [TreeConfig(), TreeConfig(uncertainty_threshold=50.0), TreeConfig.greedy()],
    ids=["paper", "restless", "greedy"],
)
@pytest.mark.parametrize("source", SOURCES)
def test_tensors_do_not_accumulate(small_model, tree, source):
    session = Session(small_model, SOURCES[source](), tree=tree, feature_cache="200KB")
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


def test_edits_do_not_accumulate(small_model):
    """Tensors that edits leave behind are bounded by how many can be undone."""
    session = Session(small_model, Recorded(), tree=TreeConfig(uncertainty_threshold=50.0), undo_depth=3)
    session.add_points(0, 1, [(20, 30)])
    sizes = []
    for number in range(12):
        list(session.propagate(end=8))
        session.add_points(4, 1, [(10 + number, 30)], replace=True)
        sizes.append(live_bytes())
    assert sizes[-1] <= 1.02 * sizes[5]
