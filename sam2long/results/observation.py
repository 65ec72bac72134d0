"""What a result says about one object in numbers, without its mask: what traces are made of."""

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
        area: pixels in the mask, 0 where the object is not visible.
        object_score: logit; > 0 means visible.
        iou: predicted IoU, 0..1.
        disagreement: of the pathways, the largest 1 - IoU of any two masks, 0..1.
        lead: of the reported pathway over the best other one, see `FrameResult.leads`; may be infinite.
        prompted: whether the user marked the object on this frame.
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


def observe(result: FrameResult, prompted: Collection[int] = ()) -> list[Observation]:
    """What one frame's result says about each of its objects.

    Args:
        result: of the frame.
        prompted: ids of the objects that are marked on this frame.
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
        )
        for object_id, mask in result.masks.items()
    ]
