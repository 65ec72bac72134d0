"""Results made on the spot: two squares, and a folder to write them into."""

from __future__ import annotations

import numpy as np

from sam2long.results import FrameResult
from sam2long.results.writers import FILES, open_writers
from sam2long.results.writers.images.pixel_files import PIXEL_FILES

HEIGHT, WIDTH, COUNT = 30, 40, 6
ALL = [name for name in FILES if name not in PIXEL_FILES]


def result(frame: int, ids=(1, 2)) -> FrameResult:
    """Squares that overlap; object 2 is hidden on frame 2, and does not exist on frame 0."""
    masks = {}
    for object_id in ids:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        if (object_id, frame) != (2, 2):
            mask[5 : 15 + object_id, 5 + frame : 20 + frame] = True
        if (object_id, frame) != (2, 0):
            masks[object_id] = mask
    visible = {object_id: 4.0 if mask.any() else -4.0 for object_id, mask in masks.items()}
    return FrameResult(frame, frame / 10, masks, dict.fromkeys(masks, 0.9), visible, dict.fromkeys(masks, 0.125))


def write(folder, source, frames, formats=ALL, ids=(1, 2), **ending):
    with open_writers(folder, formats, source, object_ids=ids, settings={"pathways": 3}) as writers:
        for frame in frames:
            writers.write(result(frame, ids))
        writers.finish(**ending)
    return writers
