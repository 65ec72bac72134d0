"""Post-processing against SciPy's morphology where it knows the same operation, and against plain statements else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from sam2long.errors import ConfigError
from sam2long.results import FrameResult
from sam2long.results.by_object import ByObject
from sam2long.results.postprocessing import Postprocessing, filled, grown, largest_part
from sam2long.results.soft_mask import SoftMask
from tests.results.squares import result

EVERYWHERE = np.ones((3, 3), bool)


def blobs(seed: int, height: int = 60, width: int = 90):
    """Irregular parts with holes, some of them cut by the frame's border."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 3, mode="reflect")
    return noise > 0.02


def soft(mask):
    return ndimage.gaussian_filter(mask.astype(np.float32), 1.5, mode="reflect")


@pytest.mark.parametrize("seed", range(4))
def test_holes(seed):
    mask = blobs(seed)
    np.testing.assert_array_equal(filled(mask.astype(np.float32)) > 0.5, ndimage.binary_fill_holes(mask))


@pytest.mark.parametrize("seed", range(4))
def test_the_largest_part(seed):
    mask = blobs(seed)
    labels, _ = ndimage.label(mask, EVERYWHERE)
    sizes = np.bincount(labels.ravel())[1:]
    np.testing.assert_array_equal(largest_part(mask.astype(np.float32)) > 0.5, labels == 1 + sizes.argmax())


@pytest.mark.parametrize("pixels", [1, 4, 8, 30])
def test_growing_and_shrinking(pixels):
    mask = np.zeros((100, 110), bool)
    mask[48:52, 50:60] = True
    distance = ndimage.distance_transform_edt(~mask)
    bigger = grown(mask.astype(np.float32), pixels) > 0.5
    tolerance = 0.5 + 0.05 * pixels
    assert bigger[distance <= pixels - tolerance].all() and not bigger[distance > pixels + tolerance].any()
    assert bigger[50, 60 + pixels - 1] and not bigger[50, 60 + pixels]
    back = grown(bigger.astype(np.float32), -pixels) > 0.5
    np.testing.assert_array_equal(back, mask)  # closing a rectangle changes nothing


def test_an_object_does_not_shrink_away_from_the_frames_border():
    mask = np.zeros((30, 40), bool)
    mask[10:, :25] = True
    smaller = grown(mask.astype(np.float32), -3) > 0.5
    expected = np.zeros_like(mask)
    expected[13:, :22] = True
    np.testing.assert_array_equal(smaller, expected)
    feathered = Postprocessing(feather=4).alpha(mask, None)
    assert feathered[-1, 0] > 0.999
    np.testing.assert_allclose(feathered[-1, 20:], feathered[-2, 20:], atol=1e-3)  # as if it went on below


@pytest.mark.parametrize("step", [largest_part, filled, lambda alpha: grown(alpha, 3), lambda alpha: grown(alpha, -3)])
@pytest.mark.parametrize("seed", range(3))
def test_soft_edges_go_through_the_same_steps_as_the_mask(step, seed):
    alpha = soft(blobs(seed))
    mask = alpha > 0.5
    processed = step(alpha)
    assert processed.dtype == np.float32 and processed.min() >= 0 and processed.max() <= 1
    np.testing.assert_array_equal(processed > 0.5, step(mask.astype(np.float32)) > 0.5)


def test_no_ring_is_left_of_a_filled_hole():
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    mask[25:35, 25:35] = False
    alpha = filled(soft(mask))
    assert alpha[16:44, 16:44].min() > 1 - 1 / 256
    np.testing.assert_array_equal(alpha[:12], soft(mask)[:12])  # outer edges stay soft


def test_no_haze_is_left_of_a_removed_part():
    mask = np.zeros((60, 60), bool)
    mask[5:35, 5:35] = True
    mask[45:50, 45:50] = True
    alpha = largest_part(soft(mask))
    assert not alpha[42:, 42:].any()
    np.testing.assert_array_equal(alpha[:36, :36], soft(mask)[:36, :36])


def test_feathering_is_a_gaussian():
    mask = blobs(1)
    expected = ndimage.gaussian_filter(mask.astype(np.float64), 2.5, mode="reflect", truncate=6)
    np.testing.assert_allclose(Postprocessing(feather=2.5).alpha(mask, None), expected, atol=2e-3)


def test_nothing_is_done_by_default():
    given = result(3)
    assert Postprocessing().apply(given) is given
    np.testing.assert_array_equal(Postprocessing().alpha(given.masks[1], None), given.masks[1])


@pytest.mark.parametrize("lazy", [False, True])
def test_the_masks_of_a_result(lazy):
    mask = blobs(2)
    masks = {1: mask, 2: np.zeros_like(mask)}
    scores = {1: 0.5, 2: 0.5}
    given = FrameResult(0, 0.0, ByObject({i: masks[i].copy for i in masks}) if lazy else masks, scores, scores, scores)
    changed = Postprocessing(largest=True, fill_holes=True, grow=2, feather=3).apply(given)
    expected = grown(filled(largest_part(mask.astype(np.float32))), 2) > 0.5
    np.testing.assert_array_equal(changed.masks[1], expected)
    assert not changed.masks[2].any() and changed.scores == given.scores
    np.testing.assert_array_equal(given.masks[1], mask)  # what was given stays
    assert isinstance(changed.masks, ByObject) == lazy


@pytest.mark.parametrize(
    ("options", "text"),
    [({"feather": -1}, "feather is -1"), ({"feather": float("nan")}, "feather is nan"), ({"grow": 201}, "grow is 201")],
)
def test_options_out_of_range(options, text):
    with pytest.raises(ConfigError, match=text):
        Postprocessing(**options)


def test_soft_edges_need_logits():
    with pytest.raises(ConfigError, match="soft_edges=True"):
        Postprocessing(soft=True).alpha(blobs(0), None)


@pytest.mark.parametrize("step", [largest_part, filled, lambda alpha: grown(alpha, -2), lambda alpha: grown(alpha, 2)])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 200)])
def test_tiny_and_empty_and_full(step, size):
    np.testing.assert_array_equal(step(np.zeros(size, np.float32)), np.zeros(size))
    np.testing.assert_array_equal(step(np.ones(size, np.float32)), np.ones(size))


def test_soft_masks_of_any_size():
    steps = np.full((8, 8), -100, np.int8)
    steps[2:6, 2:6] = 100
    for height, width in ((1, 1), (8, 8), (300, 40)):
        alpha = SoftMask(steps, height, width).alpha()
        assert alpha.shape == (height, width) and alpha.min() >= 0 and alpha.max() <= 1
