"""Pictures that tell their own numbers, for clips made on the spot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HEIGHT, WIDTH = 48, 64
BITS, BLOCK = 8, 6  # pixels a block is wide


def picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.uint8]:
    """The number's bits as bright and dark blocks, and a corner that tells which way is up."""
    image = np.full((height, width, 3), 40 + number, np.uint8)
    image[: height // 4, : width // 4] = (250, 30, 30)
    for bit in range(BITS):
        image[height // 3 : -height // 3, bit * BLOCK : (bit + 1) * BLOCK] = 220 if number >> bit & 1 else 20
    return image


def number_of(image: npt.NDArray[np.uint8]) -> int:
    """The number that `picture` wrote."""
    row = image[image.shape[0] // 2, BLOCK // 2 :: BLOCK, 1]
    return sum(1 << bit for bit in range(BITS) if row[bit] > 120)
