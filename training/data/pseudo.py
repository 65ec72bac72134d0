"""Pseudo-videos: short clips composed of photos, with the exact masks of everything that moves in them.

Either cut-outs move over a background, or a whole photo lies under a moving camera and cut-outs pass before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from training.data.cutouts import Actor, Bend, Numbers, smooth_walk, squeezing
from training.data.photos import Image, PhotoLibrary
from training.stages import Staging

SMALLEST_SHARE, LARGEST_SHARE = 0.0008, 0.7
"""Share of the first frame that an object covers if it is to be tracked."""

_MOST_OBJECTS = 200


@dataclass(frozen=True)
class Scenery:
    """What lies behind the cut-outs.

    Attributes:
        images: float32 [size, size, 3] of each frame, 0..255.
        ids: uint8 [size, size] of each frame.
    """

    images: list[npt.NDArray[np.float32]]
    ids: list[Image]


def pseudo_clip(
    library: PhotoLibrary, rng: np.random.Generator, frames: int, size: int, staging: Staging
) -> tuple[Image, Image]:
    """Compose a clip.

    Args:
        library: the photos.
        rng: everything random comes from it.
        frames: of the clip.
        size: side of its square frames, pixels.
        staging: what happens in it.

    Returns:
        uint8 [frames, size, size, 3] RGB and uint8 [frames, size, size] ids. On the first frame at least one object
        shows, and none smaller or larger than is worth tracking.
    """
    while True:
        motion = float(np.exp(rng.uniform(np.log(0.05), np.log(0.5))))
        squeeze = float(rng.choice([16 / 9, 16 / 9, 4 / 3, 1.0, 3 / 4]))
        whole = rng.random() < 0.45
        if whole:
            photo = library.draw_photo(rng)
            scenery = under_camera(rng, photo.image, photo.ids, frames, size, motion, squeeze)
        else:
            scenery = under_camera(rng, _backdrop(library, rng), None, frames, size, 1.5 * motion, squeeze)
        cast = _draw_cast(library, rng, frames, size, motion, whole, staging)
        taken = min(int(max(ids.max() for ids in scenery.ids)), _MOST_OBJECTS)
        for number in rng.permutation(len(cast)):
            for actor in cast[number]:
                for frame in range(frames):
                    actor.paint(frame, scenery.images[frame], scenery.ids[frame], taken + 1 + int(number), squeeze)
        ids = _worth_tracking(np.stack(scenery.ids))
        if ids[0].any():
            return _film(rng, scenery.images, motion), ids


def _backdrop(library: PhotoLibrary, rng: np.random.Generator) -> Image:
    return library.draw_background(rng) if rng.random() < 0.6 else library.draw_photo(rng).image


def under_camera(
    rng: np.random.Generator, image: Image, ids: Image | None, frames: int, size: int, motion: float, squeeze: float
) -> Scenery:
    """A photo under a camera that pans, turns and zooms; it is bent too if it has objects.

    Photos without objects are continued by their mirror image, those with objects by a single colour: the mirrored
    objects would be further ones without a mask.
    """
    height, width = image.shape[:2]
    shape = squeezing(squeeze)
    cover = max(size / width / shape[0, 0], size / height / shape[1, 1])
    zoom = cover * np.exp(rng.uniform(-0.15, 0.3) + smooth_walk(rng, frames, 0.5 * motion)[:, 0].clip(-0.5, 0.7))
    turn = rng.normal(0, 0.06) + smooth_walk(rng, frames, 0.4 * motion)[:, 0]
    spare = np.maximum(np.array([width, height]) - size / cover / np.diag(shape), 0)
    centre = np.array([width, height]) / 2 + rng.uniform(-0.5, 0.5, 2) * spare
    path = centre + smooth_walk(rng, frames, 0.4 * motion, 2) * size / cover
    bend = Bend(rng, frames, motion * rng.uniform(0.02, 0.12)) if ids is not None and rng.random() < 0.7 else None
    border, colour = (cv2.BORDER_REFLECT_101, (0, 0, 0)) if ids is None else (cv2.BORDER_CONSTANT, image.mean((0, 1)))
    if rng.random() < 0.5:
        image, ids = np.ascontiguousarray(image[:, ::-1]), None if ids is None else np.ascontiguousarray(ids[:, ::-1])
    scenery = Scenery([], [])
    for frame in range(frames):
        seen, objects = image, np.zeros((height, width), np.uint8) if ids is None else ids
        if bend is not None:
            seen, objects = bend.apply(image, frame), bend.apply(objects, frame, cv2.INTER_NEAREST)
        matrix = _view(turn[frame], zoom[frame], path[frame], shape, size)
        shown = cv2.warpAffine(
            seen, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=colour
        )
        scenery.images.append(shown.astype(np.float32))
        scenery.ids.append(cv2.warpAffine(objects, matrix, (size, size), flags=cv2.INTER_NEAREST))
    return scenery


def _view(turn: float, zoom: float, centre: Numbers, shape: Numbers, size: int) -> Numbers:
    cosine, sine = np.cos(turn), np.sin(turn)
    linear = zoom * shape @ np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([linear, (size / 2 - linear @ centre)[:, None]])


def _draw_cast(
    library: PhotoLibrary,
    rng: np.random.Generator,
    frames: int,
    size: int,
    motion: float,
    whole: bool,
    staging: Staging,
) -> list[list[Actor]]:
    """The cut-outs of a clip by object: an object is one cut-out, or two that move together."""
    count = int(rng.integers(0, 3)) if whole else int(rng.integers(1, 4))
    heads = [
        Actor.draw(rng, library.draw_cutout(rng), frames, size, motion * rng.uniform(0.4, 1.6)) for _ in range(count)
    ]
    if heads and rng.random() < staging.twins:
        heads.append(_look_alike(rng, heads[0], frames, size, motion))
    if heads and rng.random() < staging.eventful:
        heads.append(_crossing(rng, library.draw_cutout(rng), heads[0], frames, size, motion))
    if heads and rng.random() < staging.eventful:
        _leave(rng, heads[int(rng.integers(len(heads)))], frames, size)
    return [
        [head, _attached(rng, library.draw_cutout(rng), head, frames, size, motion)] if rng.random() < 0.25 else [head]
        for head in heads
    ]


def _look_alike(rng: np.random.Generator, actor: Actor, frames: int, size: int, motion: float) -> Actor:
    """The same cut-out on a path of its own, often of a slightly different colour."""
    side = float(actor.pose.scale[0]) * max(actor.picture.shape[:2]) * float(np.exp(rng.normal(0, 0.15)))
    twin = Actor.draw(rng, actor.picture, frames, size, motion, side)
    tint = rng.uniform(0.75, 1.3, 3) if rng.random() < 0.5 else np.ones(3)
    return replace(twin, gain=actor.gain * tint)


def _crossing(rng: np.random.Generator, picture: Image, victim: Actor, frames: int, size: int, motion: float) -> Actor:
    """A cut-out that meets another at some frame; whichever is painted later hides the other."""
    actor = Actor.draw(rng, picture, frames, size, motion)
    meeting = int(rng.integers(1, frames)) if frames > 1 else 0
    away = np.arange(frames)[:, None] - meeting
    actor.pose.centre = victim.pose.centre + away * rng.normal(0, 1.2 / frames, 2) * size
    return actor


def _leave(rng: np.random.Generator, actor: Actor, frames: int, size: int) -> None:
    """Take an actor out of the picture for some frames, at once or on its way; it may come back elsewhere."""
    first, last = sorted(int(frame) for frame in rng.integers(1, frames + 2, 2))
    away = np.arange(frames)
    steps = np.minimum(away - first + 1, last - away).clip(0)
    angle = rng.uniform(0, 2 * np.pi)
    distance = 3.0 * (steps > 0) if rng.random() < 0.5 else 0.5 * steps
    actor.pose.centre = actor.pose.centre + size * distance[:, None] * np.array([np.cos(angle), np.sin(angle)])
    if rng.random() < 0.3:
        actor.pose.centre[last:] += rng.uniform(-0.5, 0.5, 2) * size


def _attached(rng: np.random.Generator, picture: Image, carrier: Actor, frames: int, size: int, motion: float) -> Actor:
    """A second cut-out of the same object: it keeps its place on the carrier but for a little movement."""
    side = float(carrier.pose.scale[0]) * max(carrier.picture.shape[:2])
    part = Actor.draw(rng, picture, frames, size, 0.3 * motion, side * float(rng.uniform(0.3, 0.9)))
    growth = carrier.pose.scale / carrier.pose.scale[0]
    angle = rng.uniform(0, 2 * np.pi) + carrier.pose.turn - carrier.pose.turn[0]
    offset = 0.35 * side * growth[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    own = part.pose.centre - part.pose.centre[0]
    part.pose.centre = carrier.pose.centre + offset + own
    part.pose.scale = part.pose.scale * growth
    part.pose.turn = part.pose.turn + carrier.pose.turn - carrier.pose.turn[0]
    return part


def _worth_tracking(ids: Image) -> Image:
    """Without the objects that the first frame does not show, or hardly, or that fill it."""
    areas = np.bincount(ids[0].ravel(), minlength=256) / ids[0].size
    numbers = np.arange(256, dtype=np.uint8)
    numbers[(areas < SMALLEST_SHARE) | (areas > LARGEST_SHARE)] = 0
    return numbers[ids]


def _film(rng: np.random.Generator, images: list[npt.NDArray[np.float32]], motion: float) -> Image:
    """What a camera makes of it: changes of exposure, blur, noise, and the blocks of compression."""
    frames, size = len(images), len(images[0])
    exposure = np.exp(smooth_walk(rng, frames, 0.08) + smooth_walk(rng, frames, 0.02, 3)).astype(np.float32)
    blur = rng.uniform(0.4, 1.4) if rng.random() < 0.2 else 0.0
    smear = int(rng.integers(3, 8)) if rng.random() < 2 * motion * 0.4 else 0
    noise = rng.uniform(1, 6) if rng.random() < 0.3 else 0.0
    quality = int(rng.integers(25, 85)) if rng.random() < 0.35 else 0
    grain = rng.standard_normal((2 * size, 2 * size, 3), dtype=np.float32) * noise if noise else None
    film = []
    for image, light in zip(images, exposure, strict=True):
        if blur:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        if smear and rng.random() < 0.5:
            image = cv2.filter2D(image, -1, _smear(rng, smear))
        image = image * light
        if grain is not None:
            top, left = rng.integers(0, size, 2)
            image += grain[top : top + size, left : left + size]
        # rounds and clips to 0..255, but would make negative values positive
        frame = cv2.convertScaleAbs(cv2.max(image, 0.0))
        if quality:
            packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            frame = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        film.append(frame)
    return np.stack(film)


def _smear(rng: np.random.Generator, length: int) -> npt.NDArray[np.float32]:
    """Kernel of a movement by `length` pixels while the shutter is open."""
    kernel = np.zeros((length, length), np.float32)
    angle, middle = rng.uniform(0, np.pi), (length - 1) / 2
    reach = middle * np.array([np.cos(angle), np.sin(angle)])
    start, end = (tuple(np.round(middle + sign * reach).astype(int).tolist()) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return kernel / kernel.sum()
