"""Two objects on a short clip: sessions that follow them, and what makes their results the same."""

import numpy as np
import pytest

from sam2long import Session, TreeConfig

HEIGHT, WIDTH, FRAMES = 60, 100, 16
RESTLESS = TreeConfig(uncertainty_threshold=50.0)
TREES = pytest.mark.parametrize(
    "tree", [RESTLESS, TreeConfig(), TreeConfig.greedy()], ids=["restless", "paper", "greedy"]
)


def start(model, clip, tree=RESTLESS, **how):
    session = Session(model, clip, tree=tree, **how)
    session.add_box(0, 1, (10, 20, 30, 40))
    session.add_points(0, 2, [(50, 30)])
    return session


def masks(results, object_id):
    return {result.frame: result.masks[object_id] for result in results if object_id in result.masks}


def equal(first, second, frames=None):
    frames = first.keys() if frames is None else frames
    return all(np.array_equal(first[frame], second[frame]) for frame in frames)


def same_results(first, second):
    assert [result.frame for result in first] == [result.frame for result in second]
    for a, b in zip(first, second, strict=True):
        assert (a.time, a.scores, a.object_scores, a.disagreement, a.leads) == (
            b.time,
            b.scores,
            b.object_scores,
            b.disagreement,
            b.leads,
        )
        assert list(a.masks) == list(b.masks)
        assert all(np.array_equal(a.masks[i], b.masks[i]) for i in a.masks)
