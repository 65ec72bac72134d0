"""Writes the scene as COCO: masks by pycocotools, run lengths by hand, polygons along the pixels' edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco

from sam2long.results.outlines import polygons

from .conftest import FRAMES, HEIGHT, WIDTH, Truth

IMAGES = [
    {"id": 100 + frame, "file_name": f"img_{frame + 1:04d}.jpg", "width": WIDTH, "height": HEIGHT}
    for frame in range(FRAMES)
]
CATEGORIES = [{"id": 7, "name": "walker"}]


def compressed(truth: Truth, frame: int, number: int) -> dict[str, Any]:
    run = coco.encode(np.asfortranarray(truth.mask(frame, number), np.uint8))
    return {"size": [int(side) for side in run["size"]], "counts": run["counts"].decode("ascii")}


def uncompressed(truth: Truth, frame: int, number: int) -> dict[str, Any]:
    flat = truth.mask(frame, number).ravel(order="F")
    ends = np.flatnonzero(np.diff(np.concatenate([[False], flat, [not flat[-1]]])))
    return {"size": [HEIGHT, WIDTH], "counts": np.diff(np.concatenate([[0], ends])).tolist()}


def outlines(truth: Truth, frame: int, number: int) -> list[list[float]]:
    return [ring.ravel().astype(float).tolist() for ring in polygons(truth.mask(frame, number), 0)]


def file(truth: Truth, segmentation: Any = None, **more: Any) -> dict[str, Any]:
    """Every object on every frame where it is visible, as a mask or as a box."""
    marks = [(frame, number) for frame in range(FRAMES) for number in (1, 2, 3) if truth.mask(frame, number).any()]
    annotations = [
        {
            "id": 1000 + place,
            "image_id": 100 + frame,
            "category_id": 7,
            "bbox": list(truth.box(frame, number)),
            "track_id": 10 * number,
            **({"segmentation": segmentation(truth, frame, number)} if segmentation else {}),
        }
        for place, (frame, number) in enumerate(marks)
    ]
    return {"images": IMAGES, "annotations": annotations, "categories": CATEGORIES, **more}
