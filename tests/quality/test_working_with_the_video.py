"""What people do with a video, with the bundled model, against exact truth: start late, correct, remove, undo, save."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import sam2long
from sam2long.evaluation.scoring.metrics import sequence_scores
from sam2long.model import SAM2
from sam2long.results import FrameResult
from sam2long.synthetic.scene import Scene, SceneConfig

FRAMES, HALF, STRIDE = 20, 10, 2
SEEDS = (91_000, 91_001, 91_002)
"""Held out: below the seeds of training and away from those of the suites."""

LATE_FLOOR = 35.0
GAIN = 20.0
"""Points of J&F by which one correction must at least raise the rest of the video."""


class Case:
    """A session on an easy scene of two objects, and its truth."""

    def __init__(self, nano: SAM2, seed: int, **how: object) -> None:
        scene = Scene(SceneConfig("easy", FRAMES * STRIDE, objects=2), seed)
        images, ids = zip(*(scene.render(STRIDE * number) for number in range(FRAMES)), strict=True)
        self.images, self.ids = np.stack(images), np.stack(ids)
        self.session = sam2long.Session(nano, self.images, **how)  # type: ignore[arg-type]

    def true_mask(self, number: int, frame: int) -> npt.NDArray[np.bool_]:
        mask: npt.NDArray[np.bool_] = self.ids[frame] == number
        return mask

    def quality(self, results: list[FrameResult], object_id: int, number: int, first: int) -> float:
        """J&F in percent of an object against the true object `number`, from frame `first` on."""
        pairs = ((result.masks[object_id], self.true_mask(number, result.frame)) for result in results[first:])
        score = sequence_scores(pairs)
        return 50 * (score.j + score.f)


@pytest.fixture(scope="module")
def nano() -> SAM2:
    return sam2long.load_model("nano", device="cpu")


def identical(first: list[FrameResult], second: list[FrameResult], object_id: int) -> bool:
    return all(np.array_equal(a.masks[object_id], b.masks[object_id]) for a, b in zip(first, second, strict=True))


def test_added_halfway_corrected_removed_undone_and_saved(nano: SAM2, tmp_path: Path) -> None:
    late, before, after = [], [], []
    for seed in SEEDS:
        case = Case(nano, seed)
        session = case.session
        # The wrong object is picked: 1 is marked where 2 is.
        session.add_mask(0, 1, case.true_mask(2, 0))
        wrong = list(session.propagate())
        before.append(case.quality(wrong, 1, 1, HALF))
        # Corrected once.
        session.add_mask(HALF, 1, case.true_mask(1, HALF))
        corrected = list(session.propagate())
        after.append(case.quality(corrected, 1, 1, HALF))
        assert identical(wrong[:HALF], corrected[:HALF], 1)
        # Another object enters halfway.
        session.add_mask(HALF, 2, case.true_mask(2, HALF))
        both = list(session.propagate())
        late.append(case.quality(both, 2, 2, HALF))
        assert identical(corrected, both, 1) and all((2 in result.masks) == (result.frame >= HALF) for result in both)
        # Save, open, and all is there; remove, and it is gone; undo, and it is back.
        session.save(tmp_path / "run.s2l")
        opened = sam2long.Session.open(tmp_path / "run.s2l", nano, case.images)
        assert identical(both, list(opened.propagate()), 1) and identical(both[HALF:], list(opened.results())[HALF:], 2)
        session.remove_object(1)
        assert all(1 not in result.masks for result in (*session.results(), *session.propagate()))
        session.undo()
        assert identical(both, list(session.propagate()), 1)
    print(f"late {np.mean(late):.1f}, wrong {np.mean(before):.1f}, corrected {np.mean(after):.1f}")
    assert np.mean(late) >= LATE_FLOOR
    assert np.mean(after) >= np.mean(before) + GAIN
