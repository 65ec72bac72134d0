"""A scene: a video with exact ground truth, whose frames can be rendered in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sam2long.errors import ConfigError
from sam2long.synthetic.cast import Actor, Stage, make_cast
from sam2long.synthetic.compositing import Canvas, cast_shadow, figure_layer, paste
from sam2long.synthetic.events import direct
from sam2long.synthetic.kinds import KINDS, TRAITS
from sam2long.synthetic.noise import Image, Series, chance, pick, stream
from sam2long.synthetic.painting.background import ground_view, make_ground
from sam2long.synthetic.painting.foreground import foreground_layer, make_foreground
from sam2long.synthetic.painting.lens import make_lens
from sam2long.synthetic.painting.textures import Paints
from sam2long.synthetic.paths import make_camera

SMALLEST_SIDE = 32
MOST_OBJECTS = 8
_FRONT_PARALLAX = 1.5


@dataclass(frozen=True)
class SceneConfig:
    """What to render.

    Attributes:
        kind: one of `KINDS`.
        frames: length; scenes shorter than about 100 frames hold few of their kind's events.
        height: pixels, at least 32.
        width: pixels, at least 32.
        objects: number of tracked objects, 1..8; events happen to object 1.
        difficulty: 0..1, scales speed, deformation, camera motion, noise and compression.

    Raises:
        ConfigError: a value outside its range.
    """

    kind: str
    frames: int
    height: int = 256
    width: int = 256
    objects: int = 1
    difficulty: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"unknown kind of scene {self.kind!r}; choose one of {', '.join(KINDS)}")
        if self.frames < 1:
            raise ConfigError(f"a scene needs at least one frame, not {self.frames}")
        if min(self.height, self.width) < SMALLEST_SIDE:
            raise ConfigError(f"a scene of {self.height} x {self.width} is too small; use {SMALLEST_SIDE} or more")
        if not 1 <= self.objects <= MOST_OBJECTS:
            raise ConfigError(f"a scene tracks 1 to {MOST_OBJECTS} objects, not {self.objects}")
        if not 0 <= self.difficulty <= 1:
            raise ConfigError(f"difficulty must lie in 0..1, not {self.difficulty}")


class Scene:
    """A procedural video; every frame is a pure function of (seed, config, frame number).

    On one machine, with the same NumPy and OpenCV, the same seed gives the same bytes. Between machines floating
    point and JPEG code may differ in the last bit, and so may single pixels.
    """

    def __init__(self, config: SceneConfig, seed: int) -> None:
        """Plan the scene and paint its textures; `seed` >= 0."""
        if seed < 0:
            raise ConfigError(f"a seed must not be negative: {seed}")
        self.config, self.seed = config, seed
        traits, rng = TRAITS[config.kind], stream(seed, 0)
        shape = (config.height, config.width)
        clutter = int(rng.integers(traits.clutter[0], traits.clutter[1] + 1))
        paints = Paints(stream(seed, 8), max(config.height // 2, 48))
        self._ground = make_ground(stream(seed, 2), *shape, clutter, paints)
        mean = self._ground[::8, ::8].reshape(-1, 3).mean(axis=0)
        stage = Stage(config.frames, *shape, seed, 0.25 + 0.75 * config.difficulty, paints, mean)
        cast = make_cast(stage, traits, config.objects)
        direct(stream(seed, 3), stage, cast, traits.events, traits.gap)
        self._actors = cast.everybody
        self._camera = make_camera(stream(seed, 4), config.frames, pick(rng, *traits.liveliness) * stage.difficulty)
        self._lens = make_lens(stream(seed, 5), config.frames, *shape, pick(rng, *traits.wear) * config.difficulty)
        self._shutter = pick(rng, 0, 0.7) if chance(rng, 0.6) else 0.0
        self._front: Image | None = None
        if chance(rng, traits.foreground):
            first = cast.target.path.position[0] - _FRONT_PARALLAX * self._camera.pan[0]
            thickness, distance = 0.35 * cast.target.radius, 0.8 * cast.target.radius
            self._front = make_foreground(stream(seed, 6), *shape, thickness, first, distance)

    def __len__(self) -> int:
        """Number of frames."""
        return self.config.frames

    def render(self, t: int) -> tuple[Image, Image]:
        """Frame t: image uint8 [H, W, 3] RGB and ids uint8 [H, W], the tracked object seen at each pixel or 0.

        A pixel belongs to the frontmost thing that covers at least half of it, motion blur included.

        Raises:
            IndexError: t outside the scene.
        """
        if not 0 <= t < len(self):
            raise IndexError(f"frame {t} of a scene with {len(self)} frames")
        canvas = self._paint(t, None)
        return self._lens.expose(canvas.image, t, stream(self.seed, 7, t)), canvas.ids

    def _paint(self, t: int, leave_out: int | None) -> Canvas:
        """Frame t before the lens; without object `leave_out`, if given."""
        shape = (self.config.height, self.config.width)
        image = ground_view(self._ground, self._camera.view(t, *shape, parallax=1.0), shape)
        canvas = Canvas(image, np.zeros(shape, np.uint8))
        view = self._camera.view(t, *shape)
        for actor in self._actors:
            if t in actor.frames and (leave_out is None or actor.object_id != leave_out):
                self._draw(canvas, actor, view, t)
        if self._front is not None:
            paste(
                canvas, foreground_layer(self._front, self._camera.view(t, *shape, parallax=_FRONT_PARALLAX), shape), 0
            )
        return canvas

    def _draw(self, canvas: Canvas, actor: Actor, view: Series, t: int) -> None:
        layer = figure_layer(actor.figure, view @ _pose(actor, t), t, self._blur(actor, t), canvas.ids.shape)
        if layer is None:
            return
        if actor.shadow:
            drop = max(int(0.15 * actor.radius * self.config.height), 1)
            cast_shadow(canvas, layer, (drop, drop), actor.shadow)
        paste(canvas, layer, actor.object_id)

    def _blur(self, actor: Actor, t: int) -> Series:
        """Motion while the shutter is open, (x, y) in pixels."""
        before, after = max(t - 1, 0), min(t + 1, len(self) - 1)
        motion = actor.path.position[after] - actor.path.position[before]
        return np.asarray(motion * (self.config.height * self._shutter / max(after - before, 1)))


def iterate(scene: Scene) -> Iterator[tuple[Image, Image]]:
    """(image, ids) of every frame, in order; see `Scene.render`."""
    for t in range(len(scene)):
        yield scene.render(t)


def _pose(actor: Actor, t: int) -> Series:
    """Affine map from the figure's square to positions, float64 [3, 3]."""
    path = actor.path
    size = actor.radius * path.scale[t]
    cos, sin = size * np.cos(path.angle[t]), size * np.sin(path.angle[t])
    x, y = path.position[t]
    return np.array([[cos * path.aspect[t], -sin, x], [sin * path.aspect[t], cos, y], [0.0, 0.0, 1.0]])
