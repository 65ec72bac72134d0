"""Objects cut out of photos that move through a pseudo-video: paths, sizes, turns and bends."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.data.photos import Image

Numbers = npt.NDArray[np.float64]

_BEND_GRID = 4
"""Side of the coarse grid of displacements that bends a cut-out or a photo."""


def smooth_walk(rng: np.random.Generator, frames: int, size: float, dimensions: int = 1) -> Numbers:
    """A path [frames, dimensions] from 0: a drift, a swing, and a little jitter, about `size` far in all."""
    time = np.linspace(0, 1, frames)[:, None]
    drift, swing = rng.normal(0, size, (2, dimensions))
    phase, turns = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.5)
    jitter = np.cumsum(rng.normal(0, size / 8, (frames, dimensions)), 0)
    path = drift * time + 0.7 * swing * (np.sin(2 * np.pi * turns * time + phase) - np.sin(phase)) + jitter
    return np.asarray(path - path[0])


class Bend:
    """A smooth displacement field that changes from frame to frame.

    Args:
        rng: draws the field.
        frames: of the clip.
        strength: displacement as a share of the picture's larger side.
    """

    def __init__(self, rng: np.random.Generator, frames: int, strength: float) -> None:
        shape = (_BEND_GRID, _BEND_GRID, 2)
        fields = rng.normal(0, strength, (3, *shape))
        phases = smooth_walk(rng, frames, 2.0)[:, 0]
        times = np.linspace(0, 1, frames)
        self.fields = [
            (fields[0] * np.sin(phase) + fields[1] * (np.cos(phase) - 1) + fields[2] * time).astype(np.float32)
            for phase, time in zip(phases, times, strict=True)
        ]

    def apply(self, picture: Image, frame: int, method: int = cv2.INTER_LINEAR) -> Image:
        """The picture, uint8 [height, width(, channels)], bent as on `frame`."""
        height, width = picture.shape[:2]
        field = cv2.resize(self.fields[frame], (width, height), interpolation=cv2.INTER_CUBIC) * max(height, width)
        field[..., 0] += np.arange(width, dtype=np.float32)
        field[..., 1] += np.arange(height, dtype=np.float32)[:, None]
        photo = picture.ndim == 3 and picture.shape[2] == 3
        border = cv2.BORDER_REFLECT_101 if photo else cv2.BORDER_CONSTANT
        return cv2.remap(picture, field, None, method, borderMode=border)


@dataclass
class Pose:
    """Place of a cut-out on every frame.

    Attributes:
        centre: [frames, 2], x and y, pixels of the clip.
        scale: [frames], pixels of the clip per pixel of the cut-out.
        turn: [frames], radians.
        stretch: [frames], logarithm of how much wider and lower it is.
        shear: [frames].
    """

    centre: Numbers
    scale: Numbers
    turn: Numbers
    stretch: Numbers
    shear: Numbers

    @classmethod
    def draw(cls, rng: np.random.Generator, frames: int, size: int, scale: float, motion: float) -> Pose:
        """A pose that starts anywhere in a clip of `size` pixels; `motion` is about 0.05 (calm) to 0.5 (wild)."""
        return cls(
            centre=rng.uniform(0.12, 0.88, 2) * size + smooth_walk(rng, frames, motion * size, 2),
            scale=scale * np.exp(smooth_walk(rng, frames, 0.9 * motion)[:, 0].clip(-1.2, 1.0)),
            turn=rng.normal(0, 0.25) + smooth_walk(rng, frames, 0.9 * motion)[:, 0],
            stretch=smooth_walk(rng, frames, 0.35 * motion)[:, 0],
            shear=smooth_walk(rng, frames, 0.35 * motion)[:, 0],
        )

    def matrix(self, frame: int, width: int, height: int, squeeze: float) -> Numbers:
        """[2, 3], from a cut-out of `width` x `height` to the clip, whose pixels are `squeeze` times as wide."""
        cosine, sine = np.cos(self.turn[frame]), np.sin(self.turn[frame])
        stretch = np.exp(self.stretch[frame])
        shape = np.array([[1, self.shear[frame]], [0, 1]]) @ np.diag([stretch, 1 / stretch])
        linear = self.scale[frame] * squeezing(squeeze) @ np.array([[cosine, -sine], [sine, cosine]]) @ shape
        return np.hstack([linear, (self.centre[frame] - linear @ np.array([width / 2, height / 2]))[:, None]])


def squeezing(squeeze: float) -> Numbers:
    """[2, 2]: a wide picture shown as a square, as the network sees it."""
    return np.diag([squeeze**-0.5, squeeze**0.5])


@dataclass
class Actor:
    """A cut-out with its path through a clip.

    Attributes:
        picture: uint8 [height, width, 4] RGBA with premultiplied colours.
        pose: on every frame.
        bend: of the cut-out, None for a stiff one.
        gain: [frames, 3], light on it.
    """

    picture: Image
    pose: Pose
    bend: Bend | None
    gain: Numbers

    @classmethod
    def draw(
        cls, rng: np.random.Generator, picture: Image, frames: int, size: int, motion: float, side: float | None = None
    ) -> Actor:
        """An actor whose larger side is `side` pixels of the clip at first, by default anything that is worth it."""
        side = size * float(np.exp(rng.uniform(np.log(0.15), np.log(0.8)))) if side is None else side
        scale = side / max(picture.shape[:2])
        sharpest = min(1.4 * scale, 1.0)
        if sharpest < 1:
            height, width = picture.shape[:2]
            smaller = max(4, round(width * sharpest)), max(4, round(height * sharpest))
            picture, scale = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA), scale / sharpest
        if rng.random() < 0.5:
            picture = np.ascontiguousarray(picture[:, ::-1])
        bend = Bend(rng, frames, motion * rng.uniform(0.05, 0.3)) if rng.random() < 0.6 else None
        gain = np.exp(smooth_walk(rng, frames, 0.15) + smooth_walk(rng, frames, 0.04, 3)) * rng.uniform(0.8, 1.2)
        return cls(picture, Pose.draw(rng, frames, size, scale, motion), bend, gain)

    def paint(self, frame: int, image: npt.NDArray[np.float32], ids: Image, number: int, squeeze: float) -> None:
        """Paint onto a float32 image [size, size, 3] and write `number` where it shows into ids [size, size]."""
        picture = self.picture if self.bend is None else self.bend.apply(self.picture, frame)
        height, width = picture.shape[:2]
        matrix = self.pose.matrix(frame, width, height, squeeze)
        part, matrix = _visible_part(matrix, width, height, ids.shape[0])
        if part is None:
            return
        shape = (part[1].stop - part[1].start, part[0].stop - part[0].start)
        drawn = cv2.warpAffine(picture, matrix, shape, flags=cv2.INTER_LINEAR).astype(np.float32)
        alpha = drawn[..., 3:] / 255
        colours = np.minimum(drawn[..., :3] * self.gain[frame].astype(np.float32), drawn[..., 3:])
        image[part] += colours - image[part] * alpha
        ids[part][alpha[..., 0] > 0.5] = number


def _visible_part(matrix: Numbers, width: int, height: int, size: int) -> tuple[tuple[slice, slice] | None, Numbers]:
    """Rows and columns of the clip that the cut-out may cover, and the matrix to that part; None if it is outside."""
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    low = np.clip(np.floor(corners.min(1)) - 1, 0, size).astype(int)
    high = np.clip(np.ceil(corners.max(1)) + 1, 0, size).astype(int)
    if (high - low).min() <= 1:
        return None, matrix
    moved = matrix.copy()
    moved[:, 2] -= low
    return (slice(low[1], high[1]), slice(low[0], high[0])), moved
