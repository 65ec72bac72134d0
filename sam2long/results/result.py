"""What tracking says about one frame: the data class that writers take in."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sam2long.results import convert

if TYPE_CHECKING:
    import supervision
    import torch


@dataclass(frozen=True)
class FrameResult:
    """Masks and scores of every object that lives on one frame; all dictionaries are keyed by object id.

    NumPy's numbers become Python's, which JSON, CSV and SQLite need. Raises TypeError for a frame number or an object
    id that is not whole.

    Attributes:
        frame: frame number in the video, from 0.
        time: presentation time in seconds.
        masks: bool [height, width] at the video's resolution; all False where the object is not visible. With many
            objects on a large frame they are unpacked at each look-up, so look one up once.
        scores: IoU the model predicts for the mask, 0..1 (1 for a mask the user gave).
        object_scores: object score, a logit; > 0 means visible.
        disagreement: how far the surviving pathways' masks differ on this frame, the largest 1 - IoU of any two, 0..1.
        leads: by how much the reported pathway's cumulative score led the best other one on this frame: negative where
            another one led at the time, infinite where all agreed or the user gave the mask.
        logits: float32 [height, width] mask logits (> 0 inside), on the network's device; only when the session was
            asked to keep them.
    """

    frame: int
    time: float
    masks: Mapping[int, npt.NDArray[np.bool_]]
    scores: dict[int, float]
    object_scores: dict[int, float]
    disagreement: dict[int, float]
    leads: dict[int, float] = field(default_factory=dict)
    logits: Mapping[int, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain: dict[str, object] = {"frame": operator.index(self.frame), "time": float(self.time)}
        for name in ("scores", "object_scores", "disagreement", "leads"):
            plain[name] = {operator.index(i): float(value) for i, value in getattr(self, name).items()}
        for name in ("masks", "logits"):
            if any(type(i) is not int for i in getattr(self, name)):
                plain[name] = {operator.index(i): value for i, value in getattr(self, name).items()}
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def to_numpy(self) -> convert.MaskArray:
        """Stack the masks: (`ids` int64 [objects], `masks` bool [objects, height, width]); empty ones stay.

        With no object on the frame both are empty, and the masks [0, 0, 0].
        """
        return convert.to_numpy(self.masks)

    def to_torch(self) -> convert.MaskTensor:
        """As `to_numpy`, as tensors on the CPU."""
        return convert.to_torch(self.masks)

    def to_coco(self) -> dict[int, convert.RunLengths]:
        """COCO's compressed run lengths by object id, ready for JSON and for `pycocotools.mask.decode`; exact.

        Masks that are empty are there too.
        """
        return convert.to_coco(self.masks)

    def to_polygons(self, tolerance: float = 0.5) -> dict[int, list[npt.NDArray[np.float32]]]:
        """Outlines by object id: for each connected part of the mask one closed polygon, float32 [points, 2].

        Coordinates are (x, y) in pixels of the video, from 0 to its width and height: the pixel (3, 2) covers 3..4 and
        2..3. Pixels that touch at a corner belong together. A hole is joined to the outline around it by a cut of no
        width (the polygon goes in, around the hole and back), so that every polygon can be filled by itself. An empty
        mask has no polygon.

        Args:
            tolerance: how far, in pixels, an outline may stray from the edges of the pixels to need fewer points; 0
                follows them exactly.

        Raises:
            ConfigError: `tolerance` is negative.
        """
        return convert.to_polygons(self.masks, tolerance)

    def to_yolo(self, classes: Mapping[int, int] | None = None, tolerance: float = 0.5) -> list[str]:
        """Lines of a YOLO segmentation label file, "class x1 y1 x2 y2 ...", one for each visible object.

        Coordinates are fractions of width and height. A line holds one polygon, so that the parts of an object are
        joined by cuts of no width, as holes are; see `to_polygons`.

        Args:
            classes: class number of each object id; by default all are of class 0.
            tolerance: see `to_polygons`.

        Raises:
            ConfigError: `classes` leaves an object out, or `tolerance` is negative.
        """
        return convert.to_yolo(self.masks, classes, tolerance)

    def to_supervision(self) -> supervision.Detections:
        """The visible objects as Roboflow's `supervision.Detections`.

        `xyxy` are the outer edges of the masks in pixels, `tracker_id` the object ids, `confidence` the predicted IoU;
        there is no `class_id`, so that annotators need `color_lookup=supervision.ColorLookup.TRACK`.

        Raises:
            UserError: the supervision library is not installed.
        """
        return convert.to_supervision(self.masks, self.scores)
