"""A short run of two objects with holes and several parts, written in any format."""

from __future__ import annotations

import numpy as np

from sam2long.results import FrameResult
from sam2long.results.writers import open_writers
from tests.results.shapes import HEIGHT, WIDTH, ellipse, swiss

COUNT = 5
NAMES = {2: 'ring <"&> \N{GREEK SMALL LETTER BETA}'}


def masks(frame: int) -> dict[int, np.ndarray]:
    """Object 1 has parts, holes and an island, and is hidden on frame 2; object 2, a ring, comes on frame 1."""
    moved = np.roll(swiss(), (frame, 2 * frame), (0, 1)) & (frame != 2)
    ring = ellipse(90 + 3 * frame, 85, 30, 25) & ~ellipse(90 + 3 * frame, 85, 12, 9)
    return {1: moved} if frame == 0 else {1: moved, 2: ring}


def result(frame: int) -> FrameResult:
    found = masks(frame)
    scores = {i: 4.0 if mask.any() else -4.0 for i, mask in found.items()}
    return FrameResult(frame, frame / 10, found, dict.fromkeys(found, 0.9), scores, dict.fromkeys(found, 0.1))


def deliver(folder, source, formats, frames=range(COUNT), **options):
    with open_writers(folder, formats, source, object_ids=[1, 2], settings={}, **options) as writers:
        for frame in frames:
            writers.write(result(frame))
        writers.finish()
    return folder


def pictures(count=COUNT) -> np.ndarray:
    """uint8 [count, HEIGHT, WIDTH, 3]: flat colours that tell the frames apart."""
    return np.stack([np.full((HEIGHT, WIDTH, 3), 40 * number + 20, np.uint8) for number in range(count)])
