"""Time of a frame by stages, for so many objects and pathways, with memories as full as they get."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from sam2long.bench.memory import full_tree, peak_megabytes
from sam2long.bench.scripted import CERTAIN, UNCERTAIN, MeasuredSAM2, wait_for
from sam2long.tracking.tracker import Tracker
from sam2long.tree import TreeConfig

STAGES = ("encode", "attend", "decode mask", "memory", "select")


@dataclass(frozen=True)
class Load:
    """What the tracker has to do.

    Attributes:
        objects: how many are followed.
        tree: the memory tree's numbers.
        certain: pathways agree (one distinct pathway an object), or all differ.
    """

    objects: int
    tree: TreeConfig
    certain: bool

    @property
    def distinct(self) -> int:
        """Distinct pathways of an object."""
        return 1 if self.certain else self.tree.pathways


@dataclass(frozen=True)
class Timing:
    """What a frame of a load takes.

    Attributes:
        load: the load.
        milliseconds: by stage, see `STAGES`.
        peak_megabytes: the most that was held up to then.
    """

    load: Load
    milliseconds: dict[str, float]
    peak_megabytes: float

    @property
    def frame_milliseconds(self) -> float:
        """The whole frame, without reading and writing files, which threads of their own do."""
        return sum(self.milliseconds.values())

    @property
    def frames_per_second(self) -> float:
        """Its inverse."""
        return 1000 / self.frame_milliseconds


@torch.inference_mode()
def time_frames(model: MeasuredSAM2, images: Tensor, load: Load) -> Timing:
    """Follow objects through prepared images [frames, 3, size, size]; the frame of median time counts."""
    model.script = CERTAIN if load.certain else UNCERTAIN
    first = model.config.max_pointers
    tracker = Tracker(model)
    for object_id in range(1, load.objects + 1):
        tracker.trees[object_id] = full_tree(model, load.tree, load.distinct)
    frames = [
        _time_frame(tracker, model, first + number, image[None]) for number, image in enumerate(images.to(model.device))
    ]
    median = sorted(frames, key=lambda stages: sum(stages.values()))[len(frames) // 2]
    return Timing(load, median, peak_megabytes(model.device))


def _time_frame(tracker: Tracker, model: MeasuredSAM2, frame: int, image: Tensor) -> dict[str, float]:
    model.seconds.clear()
    started = time.perf_counter()
    features = model.encode_image(image)
    tracker.step(frame, features, list(tracker.trees))
    wait_for(model.device)
    model.seconds["select"] = time.perf_counter() - started - sum(model.seconds.values())
    return {stage: model.seconds[stage] * 1000 for stage in STAGES}
