"""Photos with object masks, and photos without any to use as backgrounds, read from a folder.

    photos/SOURCE/NAME.jpg       a photo, of any size
    photos/SOURCE/NAME.png       its objects: one channel of 8 bits, 0 for none, 1 to 250 for the objects
    backgrounds/SOURCE/NAME.jpg  a photo without masks

Sources are folders of any name, at any depth. Pixels of value 0 may show further objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.errors import VideoError

Image = npt.NDArray[np.uint8]

_SMALLEST_SIDE, _SMALLEST_AREA = 12, 150
"""Pixels an object needs to be worth cutting out."""


@dataclass(frozen=True)
class Photo:
    """A photo.

    Attributes:
        image: uint8 [height, width, 3] RGB.
        ids: uint8 [height, width], the object at each pixel, 0 for none.
    """

    image: Image
    ids: Image


class PhotoLibrary:
    """The photos of a folder; pictures are read when they are asked for.

    Args:
        folder: holds `photos` and `backgrounds`.
        source: how the names of the sources to take begin; by default all are taken.

    Raises:
        VideoError: there is no photo with a mask, or no background.
    """

    def __init__(self, folder: Path, source: str = "") -> None:
        self.masks = sorted((folder / "photos").glob(f"{source}*/**/*.png"))
        self.backgrounds = sorted((folder / "backgrounds").glob(f"{source}*/**/*.jpg"))
        if not self.masks:
            raise VideoError(f"no photo with a mask: expected {str(folder / 'photos')!r}/SOURCE/NAME.jpg and NAME.png")
        if not self.backgrounds:
            raise VideoError(f"no background: expected {str(folder / 'backgrounds')!r}/SOURCE/NAME.jpg")
        sources = [path.parent for path in self.masks]
        # Sources differ in size a lot; the square root keeps a large one from drowning the others.
        weights = np.array([sources.count(source) for source in sources]) ** -0.5
        self._cumulative = np.cumsum(weights / weights.sum())

    def draw_photo(self, rng: np.random.Generator) -> Photo:
        """A photo with masks; those of small sources come up more often than their share."""
        path = self.masks[min(int(np.searchsorted(self._cumulative, rng.random())), len(self.masks) - 1)]
        photo = read_photo(path)
        return Photo(photo.image, merge_objects(photo.ids, rng))

    def draw_background(self, rng: np.random.Generator) -> Image:
        """A photo without masks: uint8 [height, width, 3] RGB."""
        return read_picture(self.backgrounds[int(rng.integers(len(self.backgrounds)))])

    def draw_cutout(self, rng: np.random.Generator) -> Image:
        """One object, uint8 [height, width, 4] RGBA with premultiplied colours."""
        while True:
            photo = self.draw_photo(rng)
            areas = np.bincount(photo.ids.ravel(), minlength=256)
            areas[0] = 0
            numbers = (areas >= _SMALLEST_AREA).nonzero()[0]
            if not len(numbers):
                continue
            weights = areas[numbers] ** 0.5
            cutout = cut_out(photo, int(rng.choice(numbers, p=weights / weights.sum())))
            if min(cutout.shape[:2]) >= _SMALLEST_SIDE:
                return cutout


def read_photo(mask: Path) -> Photo:
    """Read a mask and the photo beside it.

    Raises:
        VideoError: one of them is missing or damaged, or they do not fit together.
    """
    ids = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    if ids is None or ids.ndim != 2:
        raise VideoError(f"mask {str(mask)!r} is not a picture of one channel")
    image = read_picture(mask.with_suffix(".jpg"))
    if ids.shape != image.shape[:2]:
        raise VideoError(f"mask {str(mask)!r} is not of the size of its photo")
    return Photo(image, ids.astype(np.uint8))


def cut_out(photo: Photo, number: int) -> Image:
    """The bounding box of one object, uint8 [height, width, 4] RGBA with premultiplied colours."""
    mask = (photo.ids == number).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    part = slice(top, top + height), slice(left, left + width)
    alpha = cv2.GaussianBlur(mask[part] * 255, (3, 3), 0.7)
    colours = photo.image[part] * (alpha[..., None] / 255)
    return np.dstack([colours.astype(np.uint8), alpha])


def merge_objects(ids: Image, rng: np.random.Generator) -> Image:
    """Sometimes take objects that touch for one, as a rider and a bicycle are; one object may have many colours."""
    kind = rng.random()
    if kind < _MERGE_ALL:
        return (ids > 0).astype(np.uint8) if _touching(ids) else ids
    return _merge_pair(ids, rng) if kind < _MERGE_ALL + _MERGE_TWO else ids


_MERGE_ALL, _MERGE_TWO = 0.4, 0.15
_NEAR = np.ones((5, 5), np.uint8)


def _touching(ids: Image) -> bool:
    """Whether all objects are in one piece, or nearly so."""
    closed = cv2.morphologyEx((ids > 0).astype(np.uint8), cv2.MORPH_CLOSE, _NEAR)
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return bool(len(areas) and areas.max() > 0.9 * areas.sum())


def _merge_pair(ids: Image, rng: np.random.Generator) -> Image:
    numbers = np.unique(ids[ids > 0])
    if len(numbers) < 2:
        return ids
    one = int(rng.choice(numbers))
    grown = cv2.dilate((ids == one).astype(np.uint8), _NEAR) > 0
    near = np.unique(ids[grown & (ids > 0) & (ids != one)])
    return np.where(ids == int(rng.choice(near)), one, ids).astype(np.uint8) if len(near) else ids


def read_picture(path: Path) -> Image:
    """Read a photo, uint8 [height, width, 3] RGB.

    Raises:
        VideoError: there is none.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise VideoError(f"picture {str(path)!r} cannot be read")
    return np.ascontiguousarray(image[:, :, ::-1])
