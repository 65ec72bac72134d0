"""Times one frame by stage, for a given number of objects and pathways, with full memories."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from sam2long.bench.memory import full_tree, peak_megabytes
from sam2long.bench.scripted import CERTAIN, UNCERTAIN, MeasuredSAM2, wait_for
from sam2long.tracking.frame.tracker import Tracker
from sam2long.tree import TreeConfig

STAGES = ("encode", "attend", "decode mask", "memory", "select")


@dataclass(frozen=True)
class Load:
    """A workload for the tracker.

    Attributes:
        objects: number of tracked objects.
        tree: hyperparameters of the memory tree.
        certain: whether the pathways agree (one distinct pathway per object) or all differ.
    """

    objects: int
    tree: TreeConfig
    certain: bool

    @property
    def distinct(self) -> int:
        """Number of distinct pathways per object."""
        return 1 if self.certain else self.tree.pathways


@dataclass(frozen=True)
class Timing:
    """Time and memory that one frame of a load takes.

    Attributes:
        load: the load.
        milliseconds: per stage, see `STAGES`.
        peak_megabytes: peak memory up to then, in MB.
    """

    load: Load
    milliseconds: dict[str, float]
    peak_megabytes: float

    @property
    def frame_milliseconds(self) -> float:
        """Time of the whole frame, without reading and writing files, which run on threads of their own."""
        return sum(self.milliseconds.values())

    @property
    def frames_per_second(self) -> float:
        """The inverse of `frame_milliseconds`, in frames per second."""
        return 1000 / self.frame_milliseconds


@torch.inference_mode()
def time_frames(model: MeasuredSAM2, images: Tensor, load: Load) -> Timing:
    """Follow objects through prepared images [frames, 3, size, size]; reports the frame with the median time."""
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
