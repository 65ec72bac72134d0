"""The reliability plot, by hand; and the bundled clip, whose masks lie on its elephant."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2long.synthetic.photo_clip import VIDEO, pack_masks, read_masks
from sam2long.video import open_video
from training.judging.evaluate import FrameFacts
from training.judging.reliability import plot_reliability, presence, reliability


def test_bins_by_hand() -> None:
    said = np.array([0.05] * 10 + [0.95] * 20 + [1.0] * 10 + [0.5] * 3)
    true = np.array([0.2] * 10 + [0.9] * 20 + [0.6] * 10 + [0.0] * 3)
    means, truths, counts = reliability(said, true)
    assert means == pytest.approx([0.05, (0.95 * 20 + 10) / 30])
    assert truths == pytest.approx([0.2, (0.9 * 20 + 0.6 * 10) / 30])
    assert counts.tolist() == [10, 30]
    assert presence(0.0) == 0.5 and presence(30.0) > 0.999


def test_a_picture_of_both_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    facts = [FrameFacts(score, 0.5 + score / 10, 0.6, score < 0) for score in np.linspace(-4, 4, 60).tolist()]
    plot_reliability({"easy": facts}, tmp_path / "plot.png")
    assert cv2.imread(str(tmp_path / "plot.png")).shape == (360, 800, 3)


def test_masks_are_packed_without_loss(tmp_path: Path) -> None:
    masks = np.random.default_rng(0).random((3, 5, 7)) > 0.5
    (tmp_path / "masks.npz").write_bytes(pack_masks(masks))
    assert np.array_equal(read_masks(tmp_path / "masks.npz"), masks)


def test_the_bundled_clip_and_its_masks_belong_together() -> None:
    masks = read_masks()
    with open_video(VIDEO) as video:
        images = [frame.image for frame in video.frames()]
    assert masks.shape == (len(images), *images[0].shape[:2])
    areas = masks.sum((1, 2))
    assert areas[0] > 3000 and areas.min() < areas[0] / 4, "the target must be hidden for a while"
    colours = [image[mask].mean(0) for image, mask in zip(images, masks, strict=True)]
    outside = [image[~mask].mean(0) for image, mask in zip(images, masks, strict=True)]
    assert np.std(colours, 0).max() < np.linalg.norm(np.mean(colours, 0) - np.mean(outside, 0)) / 2
