"""Converts prompts as SAM 2's users pass them (arrays, tensors, lists) to what the session takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sam2long.errors import PromptError
from sam2long.video import VideoSource

Pair = tuple[float, float]


def read_points(points: Any, labels: Any, scale: Pair) -> tuple[list[list[float]], list[int]]:
    """Return points times `scale`, and labels, as lists.

    Args:
        points: (x, y), [n, 2] or [1, n, 2]; None for no points.
        labels: [n] or [1, n]; None for no points.
        scale: factors on x and y.

    Raises:
        PromptError: only one of the two is given, or they are not numbers of these shapes.
    """
    if (points is None) != (labels is None):
        raise PromptError("points and labels must be given together")
    if points is None:
        return [], []
    places, kinds = _numbers(points, "points"), _numbers(labels, "labels")
    if places.size % 2 or (places.size and places.shape[-1] != 2):
        raise PromptError(f"points have shape {list(places.shape)}; expected [n, 2], one (x, y) per point")
    return (places.reshape(-1, 2) * scale).tolist(), [int(kind) for kind in kinds.ravel()]


def read_box(box: Any, scale: Pair, source: VideoSource) -> list[float]:
    """Return a box (x0, y0, x1, y1) times `scale`, clipped to the frame.

    Raises:
        PromptError: it does not consist of four numbers.
    """
    corners = _numbers(box, "box")
    if corners.size != 4:
        raise PromptError(f"box has shape {list(corners.shape)}; expected four numbers: x0, y0, x1, y1")
    # Detectors often overshoot the frame by a fraction of a pixel, which SAM 2 accepts.
    inside = np.clip(corners.reshape(2, 2) * scale, 0, (source.width, source.height))
    return [float(value) for value in inside.ravel()]


def read_mask(mask: Any) -> npt.NDArray[np.float64]:
    """Return a mask as numbers; the session checks its shape and values.

    Raises:
        PromptError: it does not consist of numbers.
    """
    return _numbers(mask, "mask")


def _numbers(values: Any, name: str) -> npt.NDArray[np.float64]:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().double()
    try:
        return np.asarray(values, np.float64)
    except (ValueError, TypeError) as error:
        raise PromptError(f"{name} cannot be read as numbers: {error}") from error
