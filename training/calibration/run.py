"""Collects what a network does on clips with known truth, and fits the head of its predicted IoU to that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.model import SAM2
from sam2long.synthetic.scene import Scene, SceneConfig
from sam2long.synthetic.suites import training_seed
from training.calibration.fitting import Calibration, calibrate
from training.calibration.records import Records, answer_prompts, follow
from training.data.clips import ClipDataset
from training.data.photos import Image, PhotoLibrary
from training.data.pseudo import pseudo_clip
from training.stages import Stage
from training.team import Team

_KINDS = (
    *("lookalike", "occlusion", "long", "lookalike", "photos", "occlusion"),
    *("lookalike", "easy", "long", "exit", "photos", "occlusion"),
)
"""In turn; the difficult ones come up more often."""
_LENGTHS = {"long": 2000, "easy": 120}
"""Frames of a scene, as in the suites, of which only the first are shown; 240 for other kinds."""
_SHOWN = {"easy": 40, "photos": 24}
"""Frames shown at most, of kinds in which little happens later."""
_FIRST_SCENE, _PHOTOS_SEED, _PICTURES_SEED = 50_000_000, 777, 99
_EVENTFUL = 0.9


@dataclass(frozen=True)
class CalibrationPlan:
    """What is shown, and how the head is fitted.

    Attributes:
        clips: with a mask on the first frame, artificial ones and such of photos.
        frames: of an artificial clip.
        batches: of single pictures, on which predicted IoUs are to stay the same.
        pictures: how they are shown and prompted; a stage of one frame with prompts by points only.
        absent: weight of frames without the object.
        steps: of the head.
        rate: its learning rate.
    """

    clips: int
    frames: int
    batches: int
    pictures: Stage
    absent: float
    steps: int = 600
    rate: float = 1e-3


def run_calibration(model: SAM2, quick: SAM2, photos: Path, plan: CalibrationPlan) -> Calibration:
    """Calibrate a network in place.

    Args:
        model: the network, in float32.
        quick: the same in the precision that it is used with; it follows the clips.
        photos: folder of photos with masks.
        plan: what is shown.

    Raises:
        VideoError: the folder holds no photo with a mask, or no background.
    """
    library = PhotoLibrary(photos)
    tracked = []
    for number in range(plan.clips):
        images, truth = _clip(library, model.config.image_size, plan.frames, number)
        if len(images) > 1:
            tracked.append(follow(quick, images, truth, number))
            print(f"clip {number + 1} of {plan.clips}", flush=True)
    stage = replace(plan.pictures, image_size=model.config.image_size)
    pictures = ClipDataset(stage, photos, _PICTURES_SEED, Team())
    prompted = [answer_prompts(model, stage, pictures[number], number) for number in range(plan.batches)]
    return calibrate(model, Records.joined(tracked), Records.joined(prompted), plan.absent, plan.steps, plan.rate)


def _clip(library: PhotoLibrary, size: int, frames: int, number: int) -> tuple[Image, npt.NDArray[np.bool_]]:
    """Images uint8 [frames, height, width, 3] and the target's masks bool [frames, height, width], from where it shows.

    Nothing where it never does.
    """
    kind = _KINDS[number % len(_KINDS)]
    frames = min(frames, _SHOWN.get(kind, frames))
    if kind == "photos":
        images, ids = pseudo_clip(library, np.random.default_rng([_PHOTOS_SEED, number]), frames, size, _EVENTFUL)
        areas = np.bincount(ids[0].ravel())
        areas[0] = 0
        return images, ids == areas.argmax()
    scene = Scene(SceneConfig(kind, _LENGTHS.get(kind, 240)), training_seed(_FIRST_SCENE + number))
    rendered = [scene.render(time) for time in range(frames)]
    shown = np.stack([ids for _, ids in rendered]) == 1
    first = int(shown.any((1, 2)).argmax()) if shown.any() else frames
    return np.stack([image for image, _ in rendered])[first:], shown[first:]
