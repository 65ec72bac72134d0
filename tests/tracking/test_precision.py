"""Bfloat16 keeps the quality: nano against exact truth, in both precisions."""

import pytest

from sam2long import Session, load_model
from sam2long.evaluation import sequence_scores
from sam2long.synthetic import Scene, SceneConfig

FRAMES = 12


def quality(precision, scene):
    """J&F of object 1, 0..1."""
    pictures, truths = zip(*(scene.render(t) for t in range(FRAMES)), strict=True)
    session = Session(load_model("nano", device="cpu", precision=precision), list(pictures))
    session.add_mask(0, 1, truths[0] == 1)
    results = session.propagate()
    return sequence_scores((result.masks[1], truth == 1) for result, truth in zip(results, truths, strict=True)).j_and_f


@pytest.mark.parametrize("seed", [0, 3])
def test_nano_follows_as_well(seed):
    scene = Scene(SceneConfig("easy", FRAMES), seed)
    exact = quality("float32", scene)
    assert exact > 0.3
    assert quality("bfloat16", scene) == pytest.approx(exact, abs=0.01)
