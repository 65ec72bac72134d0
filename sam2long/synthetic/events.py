"""Events of the target: occlusions, exits, and look-alikes that come close.

An event changes paths on its frames and returns the frame after them; one that does not fit changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sam2long.synthetic.cast import IN_FRONT, OCCLUDING, Actor, Cast, Stage
from sam2long.synthetic.noise import Series, chance, pick
from sam2long.synthetic.paths import at_rest, blended, window

Event = Callable[[np.random.Generator, Stage, Cast, int], int]

CALM_START = 14
"""The target is left alone on this many first frames: the prompt needs to see it."""


def direct(rng: np.random.Generator, stage: Stage, cast: Cast, names: tuple[str, ...], gap: tuple[int, int]) -> None:
    """Schedule events one after the other, `gap` frames apart, until none fits before the end.

    Every name is used once, in random order, before any is used again.
    """
    start, placed = CALM_START + int(rng.integers(0, 20)), True
    while placed:
        placed = False
        for index in rng.permutation(len(names)):
            end = EVENTS[names[index]](rng, stage, cast, start)
            if end <= stage.frames:
                start, placed = end + int(rng.integers(gap[0], gap[1] + 1)), True


def sweep(rng: np.random.Generator, stage: Stage, cast: Cast, start: int) -> int:
    """A large object comes in, covers the target for a long time and leaves."""
    return _sweep(rng, stage, cast, start, int(rng.integers(20, 64)))


def glimpse(rng: np.random.Generator, stage: Stage, cast: Cast, start: int) -> int:
    """A large object rushes past and covers the target for a few frames."""
    return _sweep(rng, stage, cast, start, int(rng.integers(0, 8)))


def hide(rng: np.random.Generator, stage: Stage, cast: Cast, start: int) -> int:
    """The target moves behind a large object, stays hidden for a long time and comes out elsewhere."""
    arrive, walk, dwell = int(rng.integers(14, 22)), int(rng.integers(12, 20)), int(rng.integers(20, 58))
    gone = start + arrive + walk
    stop = gone + dwell + walk + arrive
    if stop > stage.frames:
        return stop
    target = cast.target.path
    occluder = _new_occluder(rng, stage, cast, 1.3)
    inward = -target.position[start + arrive] / (np.hypot(*target.position[start + arrive]) + 1e-6)
    place = target.position[start + arrive] + _turned(inward, pick(rng, -0.6, 0.6)) * _clearance(occluder, cast.target)
    place = np.clip(place, -stage.half * 0.7, stage.half * 0.7)
    direction = _turned(inward, pick(rng, -0.5, 0.5))
    travel = _pass(stage, occluder, (start, start + arrive, stop - arrive, stop), 0.0)
    occluder.path.position[:] = place + direction * travel[:, None]
    inside = window(stage.frames, gone, walk, gone + dwell, walk)
    target.position = blended(target.position, np.broadcast_to(place, target.position.shape), inside)
    _meet(rng, stage, cast, occluder.path.position, (gone, gone + dwell), occluder.reach)
    return stop


def half_cover(rng: np.random.Generator, stage: Stage, cast: Cast, start: int) -> int:
    """An object covers a part of the target while a look-alike passes."""
    arrive, dwell = int(rng.integers(10, 18)), int(rng.integers(15, 60))
    stop = start + 2 * arrive + dwell
    if stop > stage.frames:
        return stop
    occluder = _new_occluder(rng, stage, cast, pick(rng, 0.5, 1.1))
    direction = _direction(rng)
    aside = occluder.radius * occluder.figure.core + cast.target.radius * pick(rng, -0.1, 0.4)
    travel = _pass(stage, occluder, (start, start + arrive, stop - arrive, stop), 0.05)
    across = np.array([-direction[1], direction[0]])
    occluder.path.position = cast.target.path.position + across * aside + direction * travel[:, None]
    _meet(rng, stage, cast, cast.target.path.position, (start + arrive, stop - arrive), cast.target.reach)
    return stop


def leave(rng: np.random.Generator, stage: Stage, cast: Cast, start: int) -> int:
    """The target leaves the picture, stays away and comes back from another side while a look-alike is in sight."""
    walk, away = int(rng.integers(16, 26)), int(rng.integers(20, 56))
    gone = start + walk
    stop = gone + away + walk
    if stop > stage.frames:
        return stop
    target = cast.target.path
    way_out, way_in = (_outside(rng, stage, cast.target, side) for side in rng.permutation(4)[:2])
    middle = gone + away // 2
    outside = np.where(np.arange(stage.frames)[:, None] < middle, way_out, way_in)
    door = np.broadcast_to(np.clip(way_out, -stage.half * 0.6, stage.half * 0.6), outside.shape)
    target.position = blended(target.position, outside, window(stage.frames, gone, walk, gone + away, walk))
    _meet(rng, stage, cast, door, (gone - walk // 2, gone + away + walk // 2), 0.02)
    return stop


def encounter(rng: np.random.Generator, stage: Stage, cast: Cast, start: int) -> int:
    """A look-alike crosses the target."""
    stop = start + int(rng.integers(20, 45))
    if stop <= stage.frames:
        _meet(rng, stage, cast, cast.target.path.position, (start, stop), cast.target.reach)
    return stop


EVENTS: dict[str, Event] = {
    "sweep": sweep,
    "glimpse": glimpse,
    "hide": hide,
    "half_cover": half_cover,
    "leave": leave,
    "encounter": encounter,
}


def _sweep(rng: np.random.Generator, stage: Stage, cast: Cast, start: int, dwell: int) -> int:
    arrive = int(rng.integers(10, 18))
    stop = start + 2 * arrive + dwell
    if stop > stage.frames:
        return stop
    occluder = _new_occluder(rng, stage, cast, 1.35)
    travel = _pass(stage, occluder, (start, start + arrive, stop - arrive, stop), 0.04 * min(dwell / 20, 1))
    occluder.path.position = cast.target.path.position + _direction(rng) * travel[:, None]
    _meet(rng, stage, cast, cast.target.path.position, (start + arrive, stop - arrive + 10), occluder.reach)
    return stop


def _new_occluder(rng: np.random.Generator, stage: Stage, cast: Cast, margin: float) -> Actor:
    """An occluder whose opaque core is `margin` times the target's reach; it joins the cast."""
    figure = cast.pool[rng.integers(len(cast.pool))]
    radius = margin * cast.target.reach / figure.core
    occluder = Actor(figure, radius, at_rest(stage.frames, pick(rng, 0, 6.3)), depth=OCCLUDING)
    cast.occluders.append(occluder)
    return occluder


def _pass(stage: Stage, occluder: Actor, times: tuple[int, int, int, int], drift: float) -> Series:
    """Distance of the occluder from its middle place, float64 [frames]: it comes, drifts, goes; sets where it exists.

    `times` are first contact, in place, leaving, last contact.
    """
    contact, there, leaving, clear = times
    near = occluder.reach + 0.2
    far = near + 2 * float(np.hypot(*stage.half)) + occluder.reach
    speed = near / (there - contact)
    lead = int((far - near) / speed)
    knots = [contact - lead, contact, there, leaving, clear, clear + lead]
    places = [-far, -near, -drift * near, drift * near, near, far]
    t = np.arange(stage.frames, dtype=np.float64)
    travel = np.interp(t, knots, places)
    occluder.frames = range(max(contact - lead, 0), min(clear + lead, stage.frames))
    smooth: Series = cv2.GaussianBlur(travel[:, None], (1, 9), 0, sigmaY=2.0, borderType=cv2.BORDER_REPLICATE)[:, 0]
    return smooth


def _meet(
    rng: np.random.Generator, stage: Stage, cast: Cast, centre: Series, span: tuple[int, int], clearance: float
) -> None:
    """Lead a look-alike, if there is one, across `centre` (float64 [frames, 2]) during the span of frames."""
    if not cast.twins or chance(rng, 0.15):
        return
    twin = cast.twins[rng.integers(len(cast.twins))]
    direction = _direction(rng)
    far = clearance + 1.1 * twin.reach
    miss = np.array([-direction[1], direction[0]]) * cast.target.radius * pick(rng, -0.9, 0.9)
    middle = span[0] + (span[1] - span[0]) * pick(rng, 0.3, 0.7)
    travel = np.interp(np.arange(stage.frames), [span[0], middle, span[1]], [-far, 0.0, far])
    crossing = centre + miss + direction * travel[:, None]
    twin.path.position = blended(twin.path.position, crossing, window(stage.frames, span[0], 14, span[1], 14))
    if chance(rng, 0.3):
        twin.depth = IN_FRONT


def _outside(rng: np.random.Generator, stage: Stage, target: Actor, side: int) -> Series:
    """A point so far outside that no camera shake brings the target into the frame; sides: left, right, top, bottom."""
    limit = (stage.half + target.reach) * 1.3
    along = pick(rng, -0.6, 0.6) * stage.half
    sign = -1 if side % 2 == 0 else 1
    return np.array([sign * limit[0], along[1]]) if side < 2 else np.array([along[0], sign * limit[1]])


def _clearance(occluder: Actor, target: Actor) -> float:
    return occluder.reach + target.reach


def _direction(rng: np.random.Generator) -> Series:
    angle = pick(rng, 0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _turned(vector: Series, angle: float) -> Series:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([vector[0] * cos - vector[1] * sin, vector[0] * sin + vector[1] * cos])
