"""Converts the masks of one frame for other libraries; all dictionaries are keyed by object id."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError, UserError

if TYPE_CHECKING:
    import supervision
    import torch

Mask = npt.NDArray[np.bool_]
Masks = Mapping[int, Mask]


class RunLengths(TypedDict):
    """A mask as compressed COCO RLE (run-length encoding): `size` is [height, width], `counts` is ASCII text."""

    size: list[int]
    counts: str


class MaskArray(NamedTuple):
    """Masks of all objects as NumPy arrays: `ids` int64 [objects], `masks` bool [objects, height, width]."""

    ids: npt.NDArray[np.int64]
    masks: Mask


class MaskTensor(NamedTuple):
    """Masks of all objects as CPU tensors: `ids` int64 [objects], `masks` bool [objects, height, width]."""

    ids: torch.Tensor
    masks: torch.Tensor


def to_numpy(masks: Masks) -> MaskArray:
    """Stack the masks in dictionary order; without objects, `masks` has shape [0, 0, 0]."""
    stacked = np.stack(list(masks.values())) if masks else np.zeros((0, 0, 0), bool)
    return MaskArray(np.array(list(masks), np.int64), stacked)


def to_torch(masks: Masks) -> MaskTensor:
    """Stack the masks as `to_numpy` does; the tensors are copies."""
    import torch

    ids, stacked = to_numpy(masks)
    return MaskTensor(torch.from_numpy(ids), torch.from_numpy(stacked))


def to_coco(masks: Masks) -> dict[int, RunLengths]:
    """Encode every mask, including empty ones, as RLE for `pycocotools.mask.decode` and JSON."""
    return {object_id: run_lengths(mask) for object_id, mask in masks.items()}


def run_lengths(mask: Mask) -> RunLengths:
    """Encode a bool [height, width] mask as compressed COCO RLE."""
    from pycocotools import mask as coco

    encoded = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def row_runs(mask: Mask) -> npt.NDArray[np.int64]:
    """Lengths of the runs over the rows of a bool [height, width] mask, alternately outside and inside, outside first.

    The first is 0 if the first pixel is inside.
    """
    flat = mask.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return np.diff(np.concatenate(([0], changes, [flat.size]) if not flat[0] else ([0, 0], changes, [flat.size])))


def to_polygons(masks: Masks, tolerance: float) -> dict[int, list[npt.NDArray[np.float32]]]:
    """Convert every mask to polygons, see `FrameResult.to_polygons`; raises ConfigError if `tolerance` is negative."""
    from sam2long.results.outlines import polygons

    _check_tolerance(tolerance)
    return {object_id: polygons(mask, tolerance) for object_id, mask in masks.items()}


def to_yolo(masks: Masks, classes: Mapping[int, int] | None, tolerance: float) -> list[str]:
    """Return YOLO label lines of the visible objects; see `FrameResult.to_yolo`."""
    from sam2long.results.outlines import chain

    lines = []
    for object_id, parts in to_polygons(masks, tolerance).items():
        number = _class_of(object_id, classes)
        if parts:
            height, width = masks[object_id].shape
            places = chain(parts) / np.array((width, height), np.float32)
            lines.append(" ".join([str(number), *(f"{value:.6g}" for value in places.ravel())]))
    return lines


def to_supervision(masks: Masks, scores: Mapping[int, float]) -> supervision.Detections:
    """Return the visible objects as detections; see `FrameResult.to_supervision`."""
    try:
        from supervision import Detections
    except ImportError as error:
        raise UserError("to_supervision needs the supervision library: pip install 'sam2long[supervision]'") from error
    ids, stacked = to_numpy(masks)
    visible = stacked.any(axis=(1, 2))
    ids, stacked = ids[visible], stacked[visible]
    return Detections(
        xyxy=np.array([_box(mask) for mask in stacked], np.float32).reshape(-1, 4),
        mask=stacked,
        confidence=np.array([scores[int(object_id)] for object_id in ids], np.float32),
        tracker_id=ids,
    )


def _box(mask: Mask) -> tuple[int, int, int, int]:
    """Bounding box (x0, y0, x1, y1) of a non-empty mask, to the outer pixel edges."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _class_of(object_id: int, classes: Mapping[int, int] | None) -> int:
    if classes is None:
        return 0
    if object_id not in classes:
        raise ConfigError(f"object {object_id} has no class; give one for every object, as in {{1: 0, 2: 5}}")
    return classes[object_id]


def _check_tolerance(tolerance: float) -> None:
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ConfigError(f"tolerance is {tolerance}; it must be 0 or more, in pixels")
