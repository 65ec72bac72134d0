"""Pictures of pseudo-videos for the docs, and the clip of `sam2long demo` that is composed of photos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from sam2long.results.films.encoder import Mp4Encoder
from sam2long.synthetic.photo_clip import FPS, MASKS, VIDEO, pack_masks
from training.data.cutouts import Actor, Bend, Pose
from training.data.photos import Image, PhotoLibrary, cut_out, read_photo, read_picture
from training.data.pseudo import pseudo_clip, under_camera
from training.stages import Staging

_FRAMES, _WIDTH, _HEIGHT = 96, 384, 256
_SCENERY = "backgrounds/caltech101/joshua_tree_0043.jpg"
_HERO, _TWIN, _BARREL = (
    f"photos/caltech101-{name}" for name in ("animals/elephant_0008", "animals/elephant_0012", "things/barrel_0015")
)
_SHOWN = (0, 1, 2, 4, 5, 7)
_STRONG = 0.45


def draw_examples(photos: Path, picture: Path, rows: int = 8) -> None:
    """Draw a picture of pseudo-videos, two to a row, their objects tinted; all photos are from Caltech 101."""
    library, rng = PhotoLibrary(photos, "caltech101"), np.random.default_rng(4)
    colours = np.random.default_rng(1).integers(60, 255, (256, 3))
    strips = []
    for _ in range(2 * rows):
        images, ids = pseudo_clip(library, rng, 8, 256, Staging())
        tinted = [
            np.where((ids[t] > 0)[..., None], images[t] * (1 - _STRONG) + colours[ids[t]] * _STRONG, images[t])
            for t in _SHOWN
        ]
        strips.append(cv2.resize(np.hstack(tinted), None, fx=0.42, fy=0.42, interpolation=cv2.INTER_AREA))
    sheet = np.hstack([np.vstack(strips[:rows]), np.vstack(strips[rows:])]).astype(np.uint8)
    picture.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(picture), sheet[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def render_demo(photos: Path) -> None:
    """Write the clip and its masks into the package: an elephant passes another one and walks behind a barrel.

    All photos are from Caltech 101 (CC BY 4.0, see NOTICE), so that the clip may be shipped.
    """
    rng = np.random.default_rng(11)
    side = _WIDTH
    scenery = under_camera(rng, read_picture(photos / _SCENERY), None, _FRAMES, side, 0.06, _WIDTH / _HEIGHT)
    hero = _walker(rng, _cutout(photos, _HERO)[:, ::-1], (0.14, 0.66), (0.84, 0.66), 0.3)
    twin = _walker(rng, _cutout(photos, _TWIN), (0.95, 0.56), (0.05, 0.56), 0.30)
    barrel = _walker(rng, _cutout(photos, _BARREL), (0.58, 0.60), (0.52, 0.60), 0.26)
    encoder = Mp4Encoder(VIDEO, _HEIGHT, _WIDTH, FPS)
    masks = []
    for frame in range(_FRAMES):
        image, ids = scenery.images[frame], np.zeros((side, side), np.uint8)
        for number, actor in ((2, twin), (1, hero), (3, barrel)):
            actor.paint(frame, image, ids, number, _WIDTH / _HEIGHT)
        shown = cv2.resize(cv2.convertScaleAbs(image), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
        masks.append(cv2.resize(ids, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_NEAREST) == 1)
        encoder.add(shown, frame / FPS)
    encoder.close()
    MASKS.write_bytes(pack_masks(np.stack(masks)))


def _walker(
    rng: np.random.Generator, picture: Image, start: tuple[float, float], end: tuple[float, float], width: float
) -> Actor:
    """A cut-out that walks, swaying a little, from one place to another; places and width are shares of the picture."""
    side = _WIDTH
    scale = width * side / picture.shape[1]
    pose = Pose.draw(rng, _FRAMES, side, scale, 0.05)
    time = np.linspace(0, 1, _FRAMES)[:, None]
    pose.centre = side * ((1 - time) * np.array(start) + time * np.array(end))
    pose.centre[:, 1] += 2 * np.sin(np.arange(_FRAMES) * 0.5)
    pose.turn[:] = 0.03 * np.sin(np.arange(_FRAMES) * 0.25)
    return Actor(np.ascontiguousarray(picture), pose, Bend(rng, _FRAMES, 0.008), np.ones((_FRAMES, 3)))


def _cutout(photos: Path, name: str) -> Image:
    return cut_out(read_photo(photos / f"{name}.png"), 1)
