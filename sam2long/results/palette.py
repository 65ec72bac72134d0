"""The colour palette of DAVIS and Pascal VOC."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PALETTE_SIZE = 256


def davis_palette() -> npt.NDArray[np.uint8]:
    """Return the palette, uint8 [256, 3] RGB: id bits 0, 1, 2 are the top bits of R, G, B, bits 3 to 5 the next, ..."""
    ids = np.arange(PALETTE_SIZE)
    palette = np.zeros((PALETTE_SIZE, 3), np.uint8)
    for bit in range(8):
        channel, level = bit % 3, 7 - bit // 3
        palette[:, channel] |= ((ids >> bit & 1) << level).astype(np.uint8)
    return palette


def bright_colour(object_id: int) -> npt.NDArray[np.uint8]:
    """Return a colour visible over any video, uint8 [3] RGB: the palette colour, lightened if it is dark."""
    colour = davis_palette()[1 + (object_id - 1) % (PALETTE_SIZE - 1)].astype(np.int64)
    stretched = np.minimum(colour * 4 // 3, 255)
    bright: npt.NDArray[np.uint8] = (stretched + 255 - stretched.max()).astype(np.uint8)
    return bright
