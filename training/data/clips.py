"""Batches of short clips, made by worker processes in an order that the seed alone decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.data.photos import Image, PhotoLibrary
from training.data.pseudo import pseudo_clip
from training.data.scenes import scene_clip
from training.stages import Stage
from training.team import Team

_AHEAD = 4
"""Batches that a worker makes ahead."""


@dataclass(frozen=True)
class ClipBatch:
    """Clips.

    Attributes:
        images: uint8 [clips, frames, size, size, 3] RGB.
        ids: uint8 [clips, frames, size, size], the tracked object at each pixel, 0 for none. At least one object shows
            on the first frame of every clip.
    """

    images: Tensor
    ids: Tensor

    def to(self, device: torch.device) -> ClipBatch:
        """The same on another device."""
        return ClipBatch(self.images.to(device, non_blocking=True), self.ids.to(device, non_blocking=True))


class ClipDataset(Dataset[ClipBatch]):
    """Batch number -> `ClipBatch`, this member's share, a pure function of (stage, photos, seed, team, number)."""

    def __init__(self, stage: Stage, photos: Path | None, seed: int, team: Team) -> None:
        self.stage, self.photos, self.seed, self.team = stage, photos, seed, team

    def __getitem__(self, number: int) -> ClipBatch:
        """Make batch `number`."""
        cv2.setNumThreads(1)
        stage = self.stage.at(number)
        share = stage.clips // self.team.size
        first = number * stage.clips + self.team.rank * share
        clips = [self._clip(stage, np.random.default_rng([self.seed, clip])) for clip in range(first, first + share)]
        images, ids = (torch.from_numpy(np.stack(part)) for part in zip(*clips, strict=True))
        return ClipBatch(images, ids)

    def _clip(self, stage: Stage, rng: np.random.Generator) -> tuple[Image, Image]:
        if self.photos is None or rng.random() < stage.synthetic:
            return scene_clip(rng, stage.frames, stage.image_size, stage.staging)
        return pseudo_clip(_library(self.photos), rng, stage.frames, stage.image_size, stage.staging)


@lru_cache(maxsize=1)
def _library(folder: Path) -> PhotoLibrary:
    return PhotoLibrary(folder)


def batches(stage: Stage, photos: Path | None, seed: int, start: int, workers: int, team: Team) -> Iterator[ClipBatch]:
    """Batches of the steps `start`, `start + 1`... of a stage, made ahead by `workers` processes."""
    loader = DataLoader(
        ClipDataset(stage, photos, seed, team),
        batch_size=None,
        sampler=range(start, stage.steps),
        num_workers=workers,
        prefetch_factor=_AHEAD if workers else None,
    )
    return iter(loader)
