"""A quick look at how a model in training tracks: whole clips of the validation suite, as plain SAM 2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch

from sam2long.model import SAM2
from sam2long.synthetic.suites import SUITES, SuiteVideo
from training.data.augment import Rows, normalise
from training.data.coverage import area_fraction
from training.data.prompts import Prompts
from training.losses import true_ious
from training.rollout import roll_out

_FRAMES, _STRIDE = 16, 3


@dataclass(frozen=True)
class Validation:
    """Means over frames after the prompted one: IoU where the object shows, and how often presence is judged right."""

    overlap: float
    judged: float

    def figures(self) -> dict[str, float]:
        """For the log."""
        return {"val_overlap": round(self.overlap, 4), "val_judged": round(self.judged, 4)}


@torch.no_grad()
def validate(model: SAM2) -> Validation:
    """Track the first object of every validation video from its mask."""
    rows = _validation_rows(model.config.image_size, model.config.mean, model.config.std).to(model.device)
    nothing = Prompts(len(rows.masks), torch.zeros(0, 1, 2), torch.zeros(0, 1, dtype=torch.int64))
    overlaps, judged = [], []
    for number, frame in enumerate(roll_out(model, rows, nothing)):
        if number == 0:
            continue
        truth = rows.masks[:, number]
        present = truth.flatten(1).any(1)
        masks = frame.chosen_masks()[:, None].float()
        ious = true_ious(masks, area_fraction(truth, masks.shape[-1])[:, None])[:, 0]
        overlaps.append(ious[present])
        judged.append((frame.proposals.object_scores > 0) == present)
    return Validation(float(torch.cat(overlaps).mean()), float(torch.cat(judged).float().mean()))


@lru_cache(maxsize=1)
def _validation_rows(size: int, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Rows:
    clips = [_clip(video, size) for video in SUITES["validation"].videos]
    images, masks = (torch.from_numpy(np.stack(part)) for part in zip(*clips, strict=True))
    return Rows(normalise(images, mean, std), masks, torch.arange(len(masks)))


def _clip(video: SuiteVideo, size: int) -> tuple[np.ndarray, np.ndarray]:
    scene = video.scene()
    frames = [scene.render(_STRIDE * number) for number in range(_FRAMES)]
    images = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image, _ in frames]
    masks = [cv2.resize(ids, (size, size), interpolation=cv2.INTER_NEAREST) == 1 for _, ids in frames]
    return np.stack(images), np.stack(masks)
