"""The scores of one object on one frame, without its mask; the content of traces."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from sam2long.results.result import FrameResult


@dataclass(frozen=True)
class Observation:
    """One object on one frame.

    Attributes:
        frame: frame number, from 0.
        time: presentation time in seconds.
        object_id: 1 or more.
        area: number of pixels in the mask, 0 where the object is not visible.
        object_score: logit; > 0 means visible.
        iou: predicted IoU, 0..1.
        disagreement: largest 1 - IoU between the masks of any two pathways, 0..1.
        lead: score lead of the reported pathway over the best other one, see `FrameResult.leads`; may be infinite.
        prompted: whether the object has a prompt on this frame.
        new_scene: whether a scene begins with this frame.
    """

    frame: int
    time: float
    object_id: int
    area: int
    object_score: float
    iou: float
    disagreement: float
    lead: float
    prompted: bool
    new_scene: bool = False


def observe(result: FrameResult, prompted: Collection[int] = ()) -> list[Observation]:
    """Return one observation per object of a frame.

    Args:
        result: result of the frame.
        prompted: ids of the objects with a prompt on this frame.
    """
    return [
        Observation(
            frame=result.frame,
            time=result.time,
            object_id=object_id,
            area=int(np.count_nonzero(mask)),
            object_score=result.object_scores[object_id],
            iou=result.scores[object_id],
            disagreement=result.disagreement[object_id],
            lead=result.leads.get(object_id, math.inf),
            prompted=object_id in prompted,
            new_scene=result.new_scene,
        )
        for object_id, mask in result.masks.items()
    ]
