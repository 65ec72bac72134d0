"""Results in other libraries' forms: run lengths and outlines are turned back into masks by other code."""

import json
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from sam2long import FrameResult, UserError
from sam2long.errors import ConfigError
from tests.results.shapes import HEIGHT, WIDTH, any_of, ellipse, filled, iou, swiss, windings


def result(masks):
    """A frame's result of these masks; its scores tell the object ids."""
    return FrameResult(
        frame=3,
        time=0.125,
        masks=masks,
        scores={i: 0.5 + i / 100 for i in masks},
        object_scores=dict.fromkeys(masks, 1.0),
        disagreement=dict.fromkeys(masks, 0.0),
    )


@pytest.fixture(scope="module")
def blobs(golden_inputs):
    """Blobs of all kinds, seeds 5 and 10 empty, the others bitten into and pierced."""
    masks = {}
    for seed in range(1, 13):
        mask = golden_inputs.blob(seed, HEIGHT, WIDTH)
        y, x = np.argwhere(mask).mean(axis=0) if mask.any() else (0, 0)
        masks[seed] = mask & ~ellipse(x, y, 5, 4)
    return {**masks, 20: swiss()}


def test_arrays_keep_every_object_in_order(blobs):
    ids, masks = result(blobs).to_numpy()
    assert ids.tolist() == list(blobs) and ids.dtype == np.int64
    assert masks.dtype == bool and masks.shape == (len(blobs), HEIGHT, WIDTH)
    np.testing.assert_array_equal(masks[-1], blobs[20])
    tensors = result(blobs).to_torch()
    assert tensors.masks.dtype == torch.bool and tensors.ids.dtype == torch.int64
    np.testing.assert_array_equal(tensors.masks.numpy(), masks)
    assert result({}).to_numpy().masks.shape == (0, 0, 0) and result({}).to_torch().ids.shape == (0,)


def test_run_lengths_are_exact_after_json(blobs):
    encoded = json.loads(json.dumps(result(blobs).to_coco()))
    assert len(encoded) == len(blobs)
    for object_id, mask in blobs.items():
        np.testing.assert_array_equal(coco.decode(encoded[str(object_id)]).astype(bool), mask)
    assert result({}).to_coco() == {}


def test_outlines_with_holes_give_the_mask_back(blobs):
    outlined = result(blobs).to_polygons()
    assert list(outlined) == list(blobs)
    for object_id, mask in blobs.items():
        parts = outlined[object_id]
        assert all(part.dtype == np.float32 and part.shape[1] == 2 and len(part) >= 3 for part in parts)
        if mask.any():
            assert iou(any_of(map(filled, parts), mask.shape), mask) >= 0.98
        else:
            assert parts == []


def test_each_outline_stands_alone_in_pycocotools(blobs):
    for object_id, parts in result(blobs).to_polygons().items():
        if parts:
            drawn = coco.merge(coco.frPyObjects([part.ravel().tolist() for part in parts], HEIGHT, WIDTH))
            assert iou(coco.decode(drawn).astype(bool), blobs[object_id]) >= 0.98


def test_the_default_tolerance_saves_points(blobs):
    short, exact = (result(blobs).to_polygons(tolerance)[20] for tolerance in (0.5, 0.0))
    assert [len(part) * 2 < len(other) for part, other in zip(short, exact, strict=True)] == [True] * 3


@settings(max_examples=80, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.sampled_from([0.0, 0.5]))
def test_outlines_of_any_pixels(mask, tolerance):
    parts = result({1: mask}).to_polygons(tolerance)[1]
    again = any_of((filled(part, *mask.shape) for part in parts), mask.shape)
    if tolerance == 0:
        np.testing.assert_array_equal(again, mask)
        non_zero = any_of((windings(part, *mask.shape) != 0 for part in parts), mask.shape)
        np.testing.assert_array_equal(non_zero, mask)
    assert again.any() == mask.any()
    for part in parts:
        assert (part >= 0).all() and (part <= mask.shape[::-1]).all()


def test_one_pixel_is_a_square():
    mask = np.zeros((6, 8), bool)
    mask[2, 3] = True
    (square,) = result({1: mask}).to_polygons()[1]
    assert sorted(map(tuple, square.tolist())) == [(3, 2), (3, 3), (4, 2), (4, 3)]


def test_yolo_lines_give_the_masks_back(blobs):
    visible = {object_id: mask for object_id, mask in blobs.items() if mask.any()}
    lines = result(blobs).to_yolo(classes={object_id: object_id % 4 for object_id in blobs})
    assert len(lines) == len(visible)
    for line, (object_id, mask) in zip(lines, visible.items(), strict=True):
        number, *places = line.split(" ")
        points = np.array(places, float).reshape(-1, 2)
        assert int(number) == object_id % 4
        assert points.min() >= 0 and points.max() <= 1
        assert iou(filled(points * (WIDTH, HEIGHT)), mask) >= 0.98
    assert {line.split(" ")[0] for line in result(blobs).to_yolo()} == {"0"}


def test_supervision_detections_of_the_visible(blobs):
    supervision = pytest.importorskip("supervision")
    visible = {object_id: mask for object_id, mask in blobs.items() if mask.any()}
    detections = result(blobs).to_supervision()
    assert detections.tracker_id.tolist() == list(visible)
    np.testing.assert_array_equal(detections.mask, np.stack(list(visible.values())))
    np.testing.assert_allclose(detections.confidence, [0.5 + object_id / 100 for object_id in visible])
    boxes = supervision.mask_to_xyxy(detections.mask, coordinate_convention="exclusive")
    np.testing.assert_array_equal(detections.xyxy, boxes)
    np.testing.assert_array_equal(detections.area, [mask.sum() for mask in visible.values()])
    painter = supervision.MaskAnnotator(color_lookup=supervision.ColorLookup.TRACK)
    picture = painter.annotate(np.zeros((HEIGHT, WIDTH, 3), np.uint8), detections)
    np.testing.assert_array_equal(picture.any(axis=2), any_of(visible.values(), (HEIGHT, WIDTH)))


@pytest.mark.parametrize("masks", [{}, {1: np.zeros((HEIGHT, WIDTH), bool)}])
def test_nothing_visible(masks):
    pytest.importorskip("supervision")
    assert result(masks).to_supervision().is_empty()
    assert result(masks).to_yolo() == []
    assert not any(result(masks).to_polygons().values())


def test_misuse_is_told(monkeypatch):
    one = result({1: ellipse(60, 60, 20, 20)})
    with pytest.raises(ConfigError, match="object 1 has no class"):
        one.to_yolo(classes={2: 0})
    with pytest.raises(ConfigError, match="tolerance is -1"):
        one.to_polygons(tolerance=-1)
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(UserError, match=r"pip install 'sam2long\[supervision\]'"):
        one.to_supervision()


def test_a_row_of_two_pixels():
    """OpenCV 4.9 takes it for one pixel: `boundingRect` is wrong for narrow masks there."""
    (outline,) = result({1: np.array([[False, False], [True, True]])}).to_polygons(0.0)[1]
    assert sorted(map(tuple, outline.tolist())) == [(0, 1), (0, 2), (2, 1), (2, 2)]
