"""Short clips cut from synthetic scenes, rendered by worker processes in an order that the seed alone decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sam2long.synthetic.scene import Scene, SceneConfig
from sam2long.synthetic.suites import training_seed
from training.stages import Stage
from training.team import Team

SCENE_SIDE = 256
SCENE_FRAMES = 120
SCENE_OBJECTS = 3
"""The target, then its look-alikes and other movers."""

CLIPS_PER_SCENE = 2
"""Clips cut from one scene: planning and painting a scene costs as much as rendering ten frames."""

_ATTEMPTS = 8
_JUMP = 0.5
"""How probably a jumpy clip shows another part of the picture from a frame on."""

SMALLEST_AREA = 24
"""Pixels of the network's image an object must show on the first frame to be worth a prompt."""

_DELAY = 8
"""Batches that lie between two uses of the same rendered batch."""

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ClipBatch:
    """Rendered clips.

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
    """Batch number -> `ClipBatch`, this member's share, a pure function of (stage, seed, team, number)."""

    def __init__(self, stage: Stage, seed: int, team: Team) -> None:
        self.stage, self.seed, self.team = stage, seed, team

    def __getitem__(self, number: int) -> ClipBatch:
        """Render batch `number`."""
        cv2.setNumThreads(1)
        number = number * self.team.size + self.team.rank
        scenes = self.stage.clips // (CLIPS_PER_SCENE * self.team.size)
        clips = [clip for row in range(scenes) for clip in self._clips(number * scenes + row)]
        images, ids = (torch.from_numpy(np.stack(part)) for part in zip(*clips, strict=True))
        return ClipBatch(images, ids)

    def _clips(self, number: int) -> list[tuple[Image, Image]]:
        """`CLIPS_PER_SCENE` clips of the first suitable scene that comes up."""
        rng = np.random.default_rng([self.seed, number])
        stage = self.stage
        kinds, weights = zip(*stage.kinds, strict=True)
        while True:
            kind = str(rng.choice(kinds, p=np.array(weights) / sum(weights)))
            config = SceneConfig(
                kind, SCENE_FRAMES, SCENE_SIDE, SCENE_SIDE, objects=SCENE_OBJECTS, difficulty=float(rng.random())
            )
            scene = Scene(config, training_seed(int(rng.integers(2**40))))
            cuts = (self._cut(scene, rng) for _ in range(_ATTEMPTS))
            clips = list(islice((clip for clip in cuts if clip is not None), CLIPS_PER_SCENE))
            if len(clips) == CLIPS_PER_SCENE:
                return clips

    def _cut(self, scene: Scene, rng: np.random.Generator) -> tuple[Image, Image] | None:
        """A clip at a random place; None where no object shows on its first frame, or nothing happens."""
        stage = self.stage
        times = draw_times(stage, len(scene), rng)
        side = int(SCENE_SIDE * rng.uniform(*stage.crop))
        first = scene.render(times[0])
        window = _window(first[1], side, rng)
        if window is None:
            return None
        frames = [_crop(first, window, stage.image_size)]
        if int((frames[0][1] > 0).sum()) < SMALLEST_AREA:
            return None
        jumpy = rng.random() < stage.jumpy
        for time in times[1:]:
            frame = scene.render(time)
            if jumpy and rng.random() < _JUMP:
                window = _window(frame[1], side, rng) or window
            frames.append(_crop(frame, window, stage.image_size))
        images, ids = (np.stack(part) for part in zip(*frames, strict=True))
        dull = not vanishing(ids, stage.vanishing) and rng.random() < stage.dull_left_out
        return None if dull else (images, ids)


def draw_times(stage: Stage, length: int, rng: np.random.Generator) -> list[int]:
    """Frames of a clip, forward or backward in a scene of `length` frames; every step draws a stride of its own."""
    while True:
        times = np.cumsum([0, *rng.choice(stage.strides, stage.frames - 1)])
        if times[-1] < length:
            break
    times += int(rng.integers(length - times[-1]))
    return times.tolist() if rng.random() < 0.5 else times[::-1].tolist()


def vanishing(ids: Image, share: float = 0.0) -> list[int]:
    """The objects of a clip that show on its first frame and are absent from more than `share` of the later ones.

    Args:
        ids: uint8 [frames, size, size], frames at least 2 if any object is to vanish.
        share: 0..1.
    """
    shown = (np.bincount(ids[0].ravel(), minlength=256) >= SMALLEST_AREA).nonzero()[0]
    absent = {int(number): ~(ids[1:] == number).any((1, 2)) for number in shown if number}
    return [number for number, frames in absent.items() if frames.sum() > share * len(frames)]


def _window(ids: Image, side: int, rng: np.random.Generator) -> tuple[slice, slice] | None:
    """A square part of the picture, in which some pixel of an object lies off the border; None where none shows."""
    rows, columns = np.nonzero(ids)
    if not len(rows):
        return None
    chosen = int(rng.integers(len(rows)))
    y, x = (_offset(int(place[chosen]), side, rng) for place in (rows, columns))
    return slice(y, y + side), slice(x, x + side)


def _offset(place: int, side: int, rng: np.random.Generator) -> int:
    inside = int(side * rng.uniform(0.2, 0.8))
    return min(max(place - inside, 0), SCENE_SIDE - side)


def _crop(frame: tuple[Image, Image], window: tuple[slice, slice], size: int) -> tuple[Image, Image]:
    image, ids = (np.ascontiguousarray(part[window]) for part in frame)
    if image.shape[0] == size:
        return image, ids
    method = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    resized = cv2.resize(image, (size, size), interpolation=method)
    return resized.astype(np.uint8), cv2.resize(ids, (size, size), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


def batch_of_step(step: int, reuse: int) -> int:
    """Number of the rendered batch that a step uses: a new one every `reuse` steps, old ones in between."""
    return max(step // reuse - step % reuse * _DELAY, 0)


def batches(stage: Stage, seed: int, start: int, workers: int, team: Team) -> Iterator[ClipBatch]:
    """Batches of the steps `start`, `start + 1`... of a stage, rendered ahead by `workers` processes."""
    numbers = [batch_of_step(step, stage.reuse) for step in range(start, stage.steps)]
    loader = DataLoader(
        ClipDataset(stage, seed, team),
        batch_size=None,
        sampler=list(dict.fromkeys(numbers)),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    rendered = iter(loader)
    kept: dict[int, ClipBatch] = {}
    for step, number in enumerate(numbers, start):
        if number not in kept:
            kept[number] = next(rendered)
        yield kept[number]
        # Number 0 also stands in for batches before the first, so only it is ever asked for again.
        if number and step % stage.reuse == stage.reuse - 1:
            del kept[number]
