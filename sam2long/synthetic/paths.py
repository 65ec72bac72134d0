"""Poses over time: random paths, blending of paths, and the camera.

Positions are (x, y) in frame heights from the middle of the picture, before the camera's zoom, roll and shake.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam2long.synthetic.noise import Series, pick, smooth_series


@dataclass
class Path:
    """The pose of one actor over the frames of a scene.

    Attributes:
        position: float64 [frames, 2], (x, y).
        angle: float64 [frames], radians.
        scale: float64 [frames], relative to the actor's radius.
        aspect: float64 [frames], apparent width of the figure by its height, as when it turns in depth; 1 for none.
    """

    position: Series
    angle: Series
    scale: Series
    aspect: Series


@dataclass(frozen=True)
class Camera:
    """The camera over the frames of a scene.

    Attributes:
        pan: float64 [frames, 2], frame heights the background has moved by.
        zoom: float64 [frames].
        roll: float64 [frames], radians.
        shake: float64 [frames, 2], frame heights.
    """

    pan: Series
    zoom: Series
    roll: Series
    shake: Series

    def view(self, t: int, height: int, width: int, parallax: float = 0.0) -> Series:
        """Affine map from positions to pixels of an image [height, width] at frame t, float64 [3, 3].

        `parallax` scales the pan: 0 for actors, 1 for the background, more for what is in front.
        """
        cos, sin = height * self.zoom[t] * np.cos(self.roll[t]), height * self.zoom[t] * np.sin(self.roll[t])
        turn = np.array([[cos, -sin], [sin, cos]])
        middle = np.array([(width - 1) / 2, (height - 1) / 2]) + height * self.shake[t]
        view = np.eye(3)
        view[:2, :2] = turn
        view[:2, 2] = middle + turn @ (parallax * self.pan[t])
        return view


def roaming(rng: np.random.Generator, frames: int, extent: Series, pace: float, agility: float) -> Path:
    """A smooth random path inside +-extent (x, y), with rotation, changes of size and foreshortening.

    Args:
        rng: source of all random choices.
        frames: length.
        extent: how far from the middle it goes, frame heights, float [2].
        pace: typical speed, in frame heights per frame.
        agility: scales rotation, change of size and foreshortening; 0 for none.
    """
    period = np.clip(1.1 * float(extent.mean()) / pace, 8, 400)
    position = extent * np.tanh(0.9 * smooth_series(rng, frames, period, 2))
    turning = smooth_series(rng, frames, pick(rng, 25, 70), 1)[:, 0]
    angle = pick(rng, -0.5, 0.5) * 2 * agility + turning * pick(rng, 0.1, 0.7) * agility
    scale = np.exp(0.28 * agility * np.tanh(smooth_series(rng, frames, pick(rng, 30, 90), 1)[:, 0]))
    aspect = 1 - pick(rng, 0, 0.35) * agility * (0.5 + 0.5 * np.tanh(smooth_series(rng, frames, 40, 1)[:, 0]))
    return Path(position, angle, scale, aspect)


def at_rest(frames: int, angle: float) -> Path:
    """A pose without motion at (0, 0)."""
    return Path(np.zeros((frames, 2)), np.full(frames, angle), np.ones(frames), np.ones(frames))


def window(frames: int, start: float, rise: float, stop: float, fall: float) -> Series:
    """Weights float64 [frames]: a smooth rise over `rise` frames up to `start`, 1 until `stop`, a smooth fall."""
    t = np.arange(frames, dtype=np.float64)
    up, down = np.clip((t - start + rise) / rise, 0, 1), np.clip((stop + fall - t) / fall, 0, 1)
    up, down = up * up * (3 - 2 * up), down * down * (3 - 2 * down)
    return up * down


def blended(position: Series, other: Series, weight: Series) -> Series:
    """`position` where the weight is 0 and `other` where it is 1; all over frames."""
    return position + weight[:, None] * (other - position)


def make_camera(rng: np.random.Generator, frames: int, liveliness: float) -> Camera:
    """A hand-held or panning camera; `liveliness` is 0 for one on a tripod, at most 1."""
    pan = smooth_series(rng, frames, pick(rng, 50, 120), 2) * np.array([0.3, 0.12]) * pick(rng, 0.1, 1.0) * liveliness
    zoom = np.exp(0.1 * liveliness * np.tanh(smooth_series(rng, frames, pick(rng, 50, 150), 1)[:, 0]))
    roll = 0.05 * liveliness * smooth_series(rng, frames, pick(rng, 40, 120), 1)[:, 0]
    shake = smooth_series(rng, frames, pick(rng, 2.5, 8), 2) * pick(rng, 0, 0.006) * liveliness
    return Camera(pan, zoom, roll, shake)
