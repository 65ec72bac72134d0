"""The tracking result of one frame, which writers take as input."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sam2long.results import convert
from sam2long.results.soft_mask import SoftMask

if TYPE_CHECKING:
    import supervision
    import torch


@dataclass(frozen=True)
class FrameResult:
    """Masks and scores of every object present on one frame; all dictionaries are keyed by object id.

    NumPy scalars are converted to Python numbers, as JSON, CSV and SQLite need. Raises TypeError for a frame number or
    object id that is not an integer.

    Attributes:
        frame: frame number in the video, from 0.
        time: presentation time in seconds.
        masks: bool [height, width] at the video's resolution; all False where the object is not visible. With many
            objects on a large frame, each look-up unpacks the mask, so look each one up only once.
        scores: predicted IoU of the mask, 0..1 (1 for a mask given by the user).
        object_scores: object score, a logit; > 0 means visible.
        disagreement: largest 1 - IoU between the masks of any two surviving pathways on this frame, 0..1.
        leads: lead of the reported pathway's cumulative score over the best other one on this frame; negative where
            another one led at the time, infinite where all agreed or the user gave the mask.
        logits: float32 [height, width] mask logits (> 0 inside), on the network's device; only if the session was
            asked to keep them.
        soft: masks with soft edges, see `SoftMask.alpha`; only if the session was asked for them. Each look-up makes
            one anew.
    """

    frame: int
    time: float
    masks: Mapping[int, npt.NDArray[np.bool_]]
    scores: dict[int, float]
    object_scores: dict[int, float]
    disagreement: dict[int, float]
    leads: dict[int, float] = field(default_factory=dict)
    logits: Mapping[int, torch.Tensor] = field(default_factory=dict)
    soft: Mapping[int, SoftMask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain: dict[str, object] = {"frame": operator.index(self.frame), "time": float(self.time)}
        for name in ("scores", "object_scores", "disagreement", "leads"):
            plain[name] = {operator.index(i): float(value) for i, value in getattr(self, name).items()}
        for name in ("masks", "logits", "soft"):
            if any(type(i) is not int for i in getattr(self, name)):
                plain[name] = {operator.index(i): value for i, value in getattr(self, name).items()}
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def to_numpy(self) -> convert.MaskArray:
        """Stack the masks, including empty ones: (`ids` int64 [objects], `masks` bool [objects, height, width]).

        Without objects on the frame, both are empty and `masks` has shape [0, 0, 0].
        """
        return convert.to_numpy(self.masks)

    def to_torch(self) -> convert.MaskTensor:
        """Like `to_numpy`, but returns CPU tensors."""
        return convert.to_torch(self.masks)

    def to_coco(self) -> dict[int, convert.RunLengths]:
        """Masks as compressed COCO RLE by object id, ready for JSON and `pycocotools.mask.decode`; lossless.

        Includes empty masks.
        """
        return convert.to_coco(self.masks)

    def to_polygons(self, tolerance: float = 0.5) -> dict[int, list[npt.NDArray[np.float32]]]:
        """Polygons by object id: one closed polygon, float32 [points, 2], per connected part of the mask.

        Coordinates are (x, y) in pixels of the video, from 0 to its width and height: pixel (3, 2) covers 3..4 and
        2..3. Pixels that touch at a corner are connected. A hole is joined to the outline around it by a zero-width
        cut (the polygon goes in, around the hole and back), so each polygon can be filled on its own. An empty mask
        has no polygons.

        Args:
            tolerance: largest distance, in pixels, between the polygon and the pixel edges; larger values need fewer
                points, 0 follows the edges exactly.

        Raises:
            ConfigError: `tolerance` is negative.
        """
        return convert.to_polygons(self.masks, tolerance)

    def to_yolo(self, classes: Mapping[int, int] | None = None, tolerance: float = 0.5) -> list[str]:
        """Lines of a YOLO segmentation label file, "class x1 y1 x2 y2 ...", one per visible object.

        Coordinates are fractions of width and height. Each line holds one polygon, so the parts of an object are joined
        by zero-width cuts, as holes are; see `to_polygons`.

        Args:
            classes: class number by object id; by default all objects are of class 0.
            tolerance: see `to_polygons`.

        Raises:
            ConfigError: `classes` lacks an object, or `tolerance` is negative.
        """
        return convert.to_yolo(self.masks, classes, tolerance)

    def to_supervision(self) -> supervision.Detections:
        """The visible objects as Roboflow's `supervision.Detections`.

        `xyxy` is the bounding box in pixels (outer pixel edges), `tracker_id` the object id, `confidence` the predicted
        IoU. There is no `class_id`, so annotators need `color_lookup=supervision.ColorLookup.TRACK`.

        Raises:
            UserError: the supervision library is not installed.
        """
        return convert.to_supervision(self.masks, self.scores)

    def _repr_html_(self) -> str:
        """What a notebook shows: the masks, and a table of the objects."""
        from sam2long.results.html import result_html

        return result_html(self)
