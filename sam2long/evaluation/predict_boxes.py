"""Tracks a box through a sequence and writes the boxes of its masks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sam2long.evaluation.datasets.box_dataset import BoxDataset, write_got10k, write_lasot
from sam2long.evaluation.run_folder import RunFolder, VideoTime
from sam2long.evaluation.scoring.boxes import Boxes, mask_box
from sam2long.model import SAM2
from sam2long.tracking import Session
from sam2long.tree import TreeConfig
from sam2long.video import open_video
from sam2long.video.watched import WatchedSource


def predict_boxes_into(
    run: RunFolder, model: SAM2, dataset: BoxDataset, video: str, tree: TreeConfig, read: Callable[[], None]
) -> VideoTime:
    """Predict one sequence from the box of its first frame and make its result file final; `read` as in `predict_into`.

    Raises:
        DatasetError: its truth cannot be read.
        VideoError: a picture cannot be read.
    """
    started = time.monotonic()
    boxes = predict_boxes(model, dataset, video, tree, read)
    seconds = time.monotonic() - started
    if dataset.benchmark.kind == "lasot":
        write_lasot(boxes, run.predictions / f"{video}.txt")
    else:
        with run.unfinished(video) as folder:
            write_got10k(boxes, [seconds / len(boxes)] * len(boxes), folder, video)
    return VideoTime(video, len(boxes), seconds)


def predict_boxes(model: SAM2, dataset: BoxDataset, video: str, tree: TreeConfig, read: Callable[[], None]) -> Boxes:
    """Boxes (x, y, width, height) of every frame, float64 [frames, 4]; the first one is as given."""
    x, y, width, height = dataset.truth(video)[0]
    with (
        WatchedSource(open_video(dataset.pictures(video)), read) as source,
        Session(model, source, tree=tree, keep_results=False) as session,
    ):
        # Annotated boxes may reach outside the picture, prompts may not.
        right, bottom = min(x + width, source.width), min(y + height, source.height)
        session.add_box(frame=0, object_id=1, box=(max(x, 0), max(y, 0), right, bottom))
        boxes = np.array([mask_box(result.masks[1]) for result in session.propagate()], np.float64)
    boxes[0] = (x, y, width, height)
    return boxes
