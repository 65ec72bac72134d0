"""Short clips cut from synthetic scenes, which hold the long absences and the look-alikes."""

from __future__ import annotations

import cv2
import numpy as np

from sam2long.synthetic.scene import Scene, SceneConfig
from sam2long.synthetic.suites import training_seed
from training.data.photos import Image
from training.stages import Staging

SCENE_SIDE = 256
SCENE_FRAMES = 120
SCENE_OBJECTS = 3
"""The target, then its look-alikes and other movers."""

SMALLEST_AREA = 24
"""Pixels of the network's image an object must show on the first frame to be worth a prompt."""

_STRIDES = (1, 1, 2, 2, 4, 8)
"""Frames of the scene from one frame of a clip to the next, drawn evenly for every step."""

_CROP = (0.6, 1.0)
"""Smallest and largest side of the part of the picture that is shown, as a fraction of the scene's side."""

_ATTEMPTS = 8
_DULL_LEFT_OUT = 0.5
"""Probability that a clip is passed over in which no object vanishes."""


def scene_clip(rng: np.random.Generator, frames: int, size: int, staging: Staging) -> tuple[Image, Image]:
    """Cut a clip from a scene.

    Args:
        rng: everything random comes from it.
        frames: of the clip.
        size: side of its square frames, pixels.
        staging: the kinds of scenes.

    Returns:
        uint8 [frames, size, size, 3] RGB and uint8 [frames, size, size] ids. At least one object shows on the first
        frame.
    """
    kinds, weights = zip(*staging.scenes, strict=True)
    while True:
        kind = str(rng.choice(kinds, p=weights))
        config = SceneConfig(
            kind, SCENE_FRAMES, SCENE_SIDE, SCENE_SIDE, objects=SCENE_OBJECTS, difficulty=float(rng.random())
        )
        scene = Scene(config, training_seed(int(rng.integers(2**40))))
        for _ in range(_ATTEMPTS):
            clip = _cut(scene, rng, frames, size)
            if clip is not None:
                return clip


def _cut(scene: Scene, rng: np.random.Generator, frames: int, size: int) -> tuple[Image, Image] | None:
    """A clip at a random place; None where no object shows on its first frame, or nothing happens."""
    times = draw_times(frames, len(scene), rng)
    side = int(SCENE_SIDE * rng.uniform(*_CROP))
    first = scene.render(times[0])
    window = _window(first[1], side, rng)
    if window is None:
        return None
    shown = [_crop(first, window, size)]
    if int((shown[0][1] > 0).sum()) < SMALLEST_AREA:
        return None
    shown += [_crop(scene.render(time), window, size) for time in times[1:]]
    images, ids = (np.stack(part) for part in zip(*shown, strict=True))
    dull = not vanishing(ids) and rng.random() < _DULL_LEFT_OUT
    return None if dull else (images, ids)


def draw_times(frames: int, length: int, rng: np.random.Generator) -> list[int]:
    """Frames of a clip, forward or backward in a scene of `length` frames; every step draws a stride of its own."""
    while True:
        times = np.cumsum([0, *rng.choice(_STRIDES, frames - 1)])
        if times[-1] < length:
            break
    times += int(rng.integers(length - times[-1]))
    return times.tolist() if rng.random() < 0.5 else times[::-1].tolist()


def vanishing(ids: Image) -> list[int]:
    """The objects of a clip, uint8 [frames, size, size], that its first frame shows and a later one does not."""
    shown = (np.bincount(ids[0].ravel(), minlength=256) >= SMALLEST_AREA).nonzero()[0]
    return [int(number) for number in shown if number and not (ids[1:] == number).any((1, 2)).all()]


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
