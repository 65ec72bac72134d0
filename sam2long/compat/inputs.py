"""Prompts as SAM 2's users give them (arrays, tensors, lists), as the session takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sam2long.errors import PromptError
from sam2long.video import VideoSource

Pair = tuple[float, float]


def read_points(points: Any, labels: Any, scale: Pair) -> tuple[list[list[float]], list[int]]:
    """Points [n, 2] or [1, n, 2], times `scale`, and labels [n] or [1, n]; both None for no points.

    Raises:
        PromptError: only one of the two is given, or they are no numbers of these shapes.
    """
    if (points is None) != (labels is None):
        raise PromptError("points and labels must be given together")
    if points is None:
        return [], []
    places, kinds = _numbers(points, "points"), _numbers(labels, "labels")
    if places.size % 2 or (places.size and places.shape[-1] != 2):
        raise PromptError(f"points have shape {list(places.shape)}; [n, 2] is needed, (x, y) for each")
    return (places.reshape(-1, 2) * scale).tolist(), [int(kind) for kind in kinds.ravel()]


def read_box(box: Any, scale: Pair, source: VideoSource) -> list[float]:
    """A box of four numbers (x0, y0, x1, y1), times `scale`; what reaches beyond the frame is cut off.

    Raises:
        PromptError: it has not four numbers.
    """
    corners = _numbers(box, "box")
    if corners.size != 4:
        raise PromptError(f"box has shape {list(corners.shape)}; four numbers are needed, x0, y0, x1, y1")
    # Detectors often overshoot by a fraction of a pixel, and SAM 2 does not mind.
    inside = np.clip(corners.reshape(2, 2) * scale, 0, (source.width, source.height))
    return [float(value) for value in inside.ravel()]


def read_mask(mask: Any) -> npt.NDArray[np.float64]:
    """A mask as numbers; whether they are a mask's is for the session to say.

    Raises:
        PromptError: it holds no numbers.
    """
    return _numbers(mask, "mask")


def _numbers(values: Any, name: str) -> npt.NDArray[np.float64]:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().double()
    try:
        return np.asarray(values, np.float64)
    except (ValueError, TypeError) as error:
        raise PromptError(f"{name} cannot be read as numbers: {error}") from error
