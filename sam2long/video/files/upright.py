"""Rotates frames upright according to the display matrix that phones store in videos."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FIXED_POINT_ONE = 1 << 16


def turn_of(matrix: bytes | None) -> npt.NDArray[np.int64]:
    """Read a display matrix: nine native int32, a b u, c d v, x y w, where pixel (x, y) maps to (a x + c y, b x + d y).

    Returns:
        int64 [2, 2] with rows (a, b) and (c, d), entries -1, 0 or 1; the identity if there is no matrix, or it is not a
        combination of quarter turns and flips.
    """
    if matrix is None:
        return np.eye(2, dtype=np.int64)
    entries = np.frombuffer(matrix, dtype=np.int32, count=9).reshape(3, 3)[:2, :2]
    turn = np.rint(entries / FIXED_POINT_ONE).astype(np.int64)
    return turn if np.array_equal(np.abs(turn @ turn.T), np.eye(2)) else np.eye(2, dtype=np.int64)


def swaps_axes(turn: npt.NDArray[np.int64]) -> bool:
    """Return whether a turn from `turn_of` swaps width and height."""
    return bool(turn[0, 0] == 0)


def upright(image: npt.NDArray[np.uint8], turn: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Apply a turn from `turn_of` to an image [height, width, 3]; the result is contiguous."""
    (a, b), (c, d) = turn
    if swaps_axes(turn):  # then rows come from x and columns from y
        image = image.transpose(1, 0, 2)
        rows, columns = b, c
    else:
        rows, columns = d, a
    return np.ascontiguousarray(image[:: int(rows), :: int(columns)])
