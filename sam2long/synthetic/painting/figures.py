"""Figures, the appearance of actors: one sprite, or a body with hinged limbs, painted with textures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from sam2long.synthetic.noise import Image, Series, chance, pick, value_noise
from sam2long.synthetic.painting.shapes import limb, silhouette
from sam2long.synthetic.painting.textures import Paints, texture

_LIT_SIDE = 24
"""Shading is smooth: it is worked out on a square of this many pixels."""


@dataclass(frozen=True)
class Part:
    """A sprite and its place in the figure, whose own space is the square [-1, 1] x [-1, 1].

    Attributes:
        sprite: uint8 [size, size, 4], RGB multiplied by alpha and alpha; it covers [-1, 1] x [-1, 1] of its own.
        scale: half the side of the sprite in the figure's units.
        hinge: where in the figure the part turns, (x, y); (0, 0) for a body.
        arm: distance from the hinge to the sprite's middle, along the part's own x axis.
        rest: angle at rest, radians.
        swing: how far it swings about the rest, radians.
        rate: swings per frame.
        phase: phase of the swing, radians.
    """

    sprite: Image
    scale: float = 1.0
    hinge: tuple[float, float] = (0.0, 0.0)
    arm: float = 0.0
    rest: float = 0.0
    swing: float = 0.0
    rate: float = 0.0
    phase: float = 0.0

    def placement(self, t: int) -> Series:
        """Affine map from the sprite's square to the figure's at frame t, float64 [3, 3]."""
        angle = self.rest + self.swing * np.sin(2 * np.pi * self.rate * t + self.phase)
        cos, sin = self.scale * np.cos(angle), self.scale * np.sin(angle)
        unit = self.arm / self.scale
        return np.array(
            [[cos, -sin, self.hinge[0] + cos * unit], [sin, cos, self.hinge[1] + sin * unit], [0.0, 0.0, 1.0]]
        )


@dataclass(frozen=True)
class Wobble:
    """A travelling wave that bends the sprite: amplitude in the figure's units, waves per unit, cycles per frame."""

    amplitude: float = 0.0
    waves: float = 0.0
    rate: float = 0.0
    phase: float = 0.0


@dataclass(frozen=True)
class Figure:
    """Parts from back to front.

    Attributes:
        parts: the sprites.
        wobble: deformation, only of figures with one part.
        bound: no pixel lies farther than this from the middle, in units of the actor's radius.
        core: every pixel nearer than this to the middle is opaque (0 for shapes that are hollow or thin there).
    """

    parts: tuple[Part, ...]
    wobble: Wobble
    bound: float
    core: float


def make_figure(
    rng: np.random.Generator, size: int, paints: Paints, colours: Series | None = None, agility: float = 1.0
) -> Figure:
    """A random figure.

    Args:
        rng: source of all random choices.
        size: side of the body sprite in pixels.
        paints: the scene's textures.
        colours: float RGB 0..255 [n, 3] of a main texture of its own; one of the scene's when None.
        agility: scales deformation and swing, 0 for a rigid figure.
    """
    coat = paints.cut(rng, size) if colours is None else texture(rng, size, size, colours)
    if chance(rng, 0.3):
        return _articulated(rng, coat, paints, agility)
    sprite = _sprite(rng, silhouette(rng, size), coat, paints)
    wobble = Wobble()
    if chance(rng, 0.6):
        wobble = Wobble(pick(rng, 0.02, 0.12) * agility, pick(rng, 0.5, 1.6), pick(rng, 0.01, 0.05), pick(rng, 0, 7))
    return _single(sprite, wobble)


def make_still(rng: np.random.Generator, size: int, paints: Paints, *, solid: bool = False) -> Figure:
    """A rigid figure of one part; a `solid` one has a large core."""
    return _single(_sprite(rng, silhouette(rng, size, solid=solid), paints.cut(rng, size), paints), Wobble())


def look_alike(rng: np.random.Generator, figure: Figure, difference: float) -> Figure:
    """A twin of the figure: same shapes and textures, the colours shifted, the limbs and waves out of step.

    Args:
        rng: source of all random choices.
        figure: the original.
        difference: 0 for identical colours, 1 for a difference that is easy to see.
    """
    mix = np.eye(4)
    mix[:3, :3] += rng.normal(0, 0.12, (3, 3)) * difference
    mix[:3, 3] = rng.normal(0, 25, 3) * difference / 255  # premultiplied: an offset goes with the alpha
    mirror = chance(rng, 0.5 * difference)

    def twin(part: Part) -> Part:
        sprite: Image = cv2.transform(part.sprite, mix)
        sprite = np.minimum(sprite, sprite[..., 3:])
        return replace(part, sprite=sprite[::-1] if mirror else sprite, phase=part.phase + pick(rng, 1, 5))

    wobble = replace(figure.wobble, phase=figure.wobble.phase + pick(rng, 1, 5))
    return replace(figure, parts=tuple(twin(part) for part in figure.parts), wobble=wobble)


def _single(sprite: Image, wobble: Wobble) -> Figure:
    size = len(sprite)
    axis = (np.arange(size) + 0.5) * 2 / size - 1
    distance = np.hypot(axis[:, None], axis[None])
    alpha = sprite[..., 3]
    core = float(distance[alpha < 255].min())
    bound = float(distance[alpha > 0].max()) + 1.5 * wobble.amplitude
    return Figure((Part(sprite),), wobble, bound, core)


def _articulated(rng: np.random.Generator, coat: Image, paints: Paints, agility: float) -> Figure:
    """A body with two to five limbs, the far ones behind it, and often a head."""
    size, body_scale = len(coat), pick(rng, 0.45, 0.6)
    body = _sprite(rng, silhouette(rng, max(int(size * body_scale), 12), solid=chance(rng, 0.7)), coat, paints)
    parts = [Part(body, body_scale)]
    rate, count = pick(rng, 0.01, 0.05), int(rng.integers(2, 6))
    sleeve = paints.cut(rng, size) if chance(rng, 0.4) else coat
    for index in range(count):
        length = pick(rng, 0.28, 0.42)
        sprite = _sprite(rng, limb(pick(rng, 2.2, 4.5), max(int(size * length), 12)), sleeve, paints)
        rest = 2 * np.pi * (index + pick(rng, 0, 0.5)) / count
        reach = body_scale * pick(rng, 0.5, 0.75)
        hinge = (reach * float(np.cos(rest)), reach * float(np.sin(rest)))
        part = Part(sprite, length, hinge, 0.7 * length, rest, pick(rng, 0.2, 0.8) * agility, rate, pick(rng, 0, 7))
        parts.insert(0 if chance(rng, 0.5) else len(parts), part)
    if chance(rng, 0.6):
        head = _sprite(rng, silhouette(rng, max(int(size * 0.3), 12), solid=True), paints.cut(rng, size), paints)
        parts.append(Part(head, 0.3, (0.0, -body_scale * 0.8), 0.12, -1.57, 0.3 * agility, rate / 2, 0.0))
    bound = max(float(np.hypot(*part.hinge)) + part.arm + part.scale for part in parts)
    fitted = tuple(_rescaled(part, 1 / bound) for part in parts)
    return Figure(fitted, Wobble(), 1.0, 0.0)


def _rescaled(part: Part, factor: float) -> Part:
    hinge = (part.hinge[0] * factor, part.hinge[1] * factor)
    return replace(part, scale=part.scale * factor, hinge=hinge, arm=part.arm * factor)


def _sprite(rng: np.random.Generator, alpha: Image, coat: Image, paints: Paints) -> Image:
    """The shape painted: its coat, often something else on a part of it, light from one side; uint8 [size, size, 4].

    The coat is uint8 RGB and at least as large as the shape.
    """
    size = len(alpha)
    paint = np.ascontiguousarray(coat[:size, :size])
    if chance(rng, 0.6):
        paint = cv2.copyTo(np.ascontiguousarray(paints.cut(rng, size)), _patch(rng, size), paint.copy())
    cover = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    result: Image = cv2.merge([cv2.multiply(_lit(rng, paint, alpha), cover, scale=1 / 255), alpha])
    return result


def _patch(rng: np.random.Generator, size: int) -> Image:
    """Where the second texture goes, uint8 [size, size], 0 or 1: one side, a band, a disc or islands."""
    axis = np.linspace(-1, 1, size)
    angle = pick(rng, 0, 2 * np.pi)
    across = axis[:, None] * np.sin(angle) + axis[None] * np.cos(angle)
    kind = rng.integers(4)
    if kind == 0:
        inside = across > pick(rng, -0.2, 0.4)
    elif kind == 1:
        inside = np.abs(across - pick(rng, -0.4, 0.4)) < pick(rng, 0.08, 0.25)
    elif kind == 2:
        x, y = rng.uniform(-0.5, 0.5, 2)
        inside = np.hypot(axis[:, None] - y, axis[None] - x) < pick(rng, 0.15, 0.45)
    else:
        inside = value_noise(rng, size, size, size / 2, 2) > pick(rng, 0.55, 0.7)
    return np.asarray(inside, np.uint8)


def _lit(rng: np.random.Generator, paint: Image, alpha: Image) -> Image:
    """The paint shaded as if the shape were rounded: bright towards the light, darker at the far rim."""
    small = cv2.resize(alpha, (_LIT_SIDE, _LIT_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    height = cv2.GaussianBlur(small, (0, 0), pick(rng, 1.5, 4))
    angle, strength = pick(rng, 0, 2 * np.pi), pick(rng, 0.0, 6.0)
    slope = np.cos(angle) * cv2.Sobel(height, -1, 1, 0, scale=0.125) + np.sin(angle) * cv2.Sobel(
        height, -1, 0, 1, scale=0.125
    )
    gain = np.clip((0.72 + height / 255 * 0.32) * 128 + slope * strength, 30, 230).astype(np.uint8)
    full = cv2.resize(cv2.cvtColor(gain, cv2.COLOR_GRAY2RGB), alpha.shape[::-1])
    result: Image = cv2.multiply(paint, full, scale=1 / 128)
    return result
