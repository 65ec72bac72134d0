"""The actors of a scene, and the traits of each kind of scene."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sam2long.synthetic.noise import Series, chance, pick, stream
from sam2long.synthetic.painting.figures import Figure, look_alike, make_figure, make_still
from sam2long.synthetic.painting.textures import Paints, palette
from sam2long.synthetic.paths import Path, roaming

Range = tuple[float, float]

IN_FRONT, BEHIND, OCCLUDING = 1, -1, 10


@dataclass
class Actor:
    """A figure and its path through the scene.

    Attributes:
        figure: its appearance.
        radius: size, frame heights.
        path: its pose on every frame.
        object_id: id of a tracked object, 0 for all others.
        depth: actors with a higher depth are painted later; the target has 0.
        shadow: strength of its shadow, 0 for none.
        frames: frames on which it exists.
    """

    figure: Figure
    radius: float
    path: Path
    object_id: int = 0
    depth: int = 0
    shadow: float = 0.0
    frames: range = field(default=range(0))

    @property
    def reach(self) -> float:
        """Largest distance of any of its pixels from its position, in frame heights."""
        return self.radius * self.figure.bound * float(self.path.scale.max())


@dataclass(frozen=True)
class Traits:
    """Parameters of a kind of scene; values are drawn uniformly from ranges.

    Attributes:
        radius: size of the target, frame heights.
        pace: speed of actors, in frame heights per frame.
        strangers: number of moving objects that look different.
        twins: number of look-alikes.
        clutter: number of static objects in the background.
        liveliness: amount of motion of the camera and the figures, 0..1.
        wear: strength of light changes, noise and compression, 0..1.
        foreground: probability of thin objects (poles, wires, twigs) in front of the scene.
        events: names of the events of the target, see `sam2long.synthetic.events`.
        gap: frames between events.
    """

    radius: Range
    pace: Range
    strangers: tuple[int, int]
    twins: tuple[int, int]
    clutter: tuple[int, int]
    liveliness: Range
    wear: Range
    foreground: float
    events: tuple[str, ...] = ()
    gap: tuple[int, int] = (20, 50)


@dataclass
class Cast:
    """All actors of the scene; `pool` holds the figures of occluders."""

    target: Actor
    twins: list[Actor]
    strangers: list[Actor]
    pool: list[Figure]
    occluders: list[Actor] = field(default_factory=list)

    @property
    def everybody(self) -> list[Actor]:
        """All actors from back to front."""
        return sorted([self.target, *self.twins, *self.strangers, *self.occluders], key=lambda actor: actor.depth)


@dataclass(frozen=True)
class Stage:
    """Input of `make_cast`: frames, size in pixels, seed, difficulty, textures, mean colour of the background."""

    frames: int
    height: int
    width: int
    seed: int
    difficulty: float
    paints: Paints
    ground: Series

    @property
    def half(self) -> Series:
        """Half the frame, (x, y) in frame heights."""
        return np.array([self.width / self.height, 1.0]) / 2


def make_cast(stage: Stage, traits: Traits, objects: int) -> Cast:
    """Draw actors and paths; the first `objects` of target, look-alikes and strangers get ids 1, 2, ..."""
    rng = stream(stage.seed, 1)
    target = _make_target(rng, stage, traits)
    easy = not traits.events
    twins = [_make_twin(rng, stage, traits, target) for _ in range(_count(rng, traits.twins))]
    wanted = max(_count(rng, traits.strangers), objects - 1 - len(twins))
    strangers = [_make_stranger(rng, stage, traits, target, always_behind=easy) for _ in range(wanted)]
    pool = [
        make_still(rng, int(0.6 * stage.height), stage.paints, solid=True) for _ in range(3 if traits.events else 0)
    ]
    for object_id, actor in enumerate([target, *twins, *strangers][:objects], start=1):
        actor.object_id = object_id
    return Cast(target, twins, strangers, pool)


def _count(rng: np.random.Generator, limits: tuple[int, int]) -> int:
    return int(rng.integers(limits[0], limits[1] + 1))


def _make_target(rng: np.random.Generator, stage: Stage, traits: Traits) -> Actor:
    radius = pick(rng, *traits.radius)
    figure = _figure(rng, stage, radius, _contrasting(rng, stage.ground))
    extent = np.maximum(stage.half * 0.88 - radius, 0.05)
    path = roaming(rng, stage.frames, extent, pick(rng, *traits.pace) * stage.difficulty, _agility(rng, stage, traits))
    return Actor(figure, radius, path, depth=0, shadow=_shadow(rng), frames=range(stage.frames))


def _make_twin(rng: np.random.Generator, stage: Stage, traits: Traits, target: Actor) -> Actor:
    figure = look_alike(rng, target.figure, float(rng.choice([0.0, 0.4, 0.8])))
    radius = target.radius * pick(rng, 0.85, 1.15)
    return _mover(rng, stage, traits, target, figure, radius, IN_FRONT if chance(rng, 0.5) else BEHIND)


def _make_stranger(
    rng: np.random.Generator, stage: Stage, traits: Traits, target: Actor, *, always_behind: bool
) -> Actor:
    radius = target.radius * pick(rng, 0.4, 1.2)
    figure = _figure(rng, stage, radius, None)
    front = not always_behind and chance(rng, 0.4)
    return _mover(rng, stage, traits, target, figure, radius, IN_FRONT if front else BEHIND)


def _mover(
    rng: np.random.Generator, stage: Stage, traits: Traits, target: Actor, figure: Figure, radius: float, depth: int
) -> Actor:
    """An actor that starts clear of the target if a few tries find such a path, otherwise behind it."""
    for _ in range(6):
        pace = pick(rng, *traits.pace) * stage.difficulty
        path = roaming(rng, stage.frames, stage.half * 0.9, pace, _agility(rng, stage, traits))
        actor = Actor(figure, radius, path, depth=depth, shadow=_shadow(rng), frames=range(stage.frames))
        if float(np.hypot(*(path.position[0] - target.path.position[0]))) > actor.reach + target.reach:
            return actor
    actor.depth = BEHIND
    return actor


def _figure(rng: np.random.Generator, stage: Stage, radius: float, colours: Series | None) -> Figure:
    return make_figure(rng, max(int(2.3 * radius * stage.height), 16), stage.paints, colours, stage.difficulty)


def _agility(rng: np.random.Generator, stage: Stage, traits: Traits) -> float:
    return pick(rng, *traits.liveliness) * stage.difficulty


def _shadow(rng: np.random.Generator) -> float:
    return pick(rng, 0.2, 0.55) if chance(rng, 0.5) else 0.0


def _contrasting(rng: np.random.Generator, ground: Series) -> Series:
    """Of six palettes, the one whose mean is farthest from the background's."""
    palettes = [palette(rng) for _ in range(6)]
    return max(palettes, key=lambda colours: float(np.abs(colours.mean(axis=0) - ground).sum()))
