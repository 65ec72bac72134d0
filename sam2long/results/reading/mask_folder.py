"""A plain folder of masks from anywhere: PNGs of object ids, or one folder of PNGs per object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sam2long.results.reading.mask_files import ResultsError, read_png
from sam2long.video.described import DescribedVideo
from sam2long.video.images.image_source import natural_key
from sam2long.video.source import DEFAULT_FPS

Mask = npt.NDArray[np.bool_]
_WHITE = 255
"""Alone it is white, the one object; beside other ids it means "ignore"."""


class MaskFolder:
    """Masks without a summary.

    Attributes:
        video: the video, of which only the size and the names of frames are known.
        frames: numbers of the frames, ascending.

    Args:
        folder: PNGs whose values are object ids, as in DAVIS, or folders named by object ids that hold black-and-white
            PNGs, as in SA-V.
        known: frame numbers by name. Without them, and for other names, frames have the numbers at the end of the
            names; where there are none, the first is frame 0.

    Raises:
        ResultsError: the folder holds no PNGs.
    """

    def __init__(self, folder: Path, known: Mapping[str, int] | None = None) -> None:
        inside = sorted(item for item in folder.iterdir() if item.is_dir() and item.name.isdecimal())
        self._folders = {int(item.name): item for item in inside if _pngs(item)}
        self._folder = folder
        names = {path.stem for place in self._folders.values() for path in _pngs(place)}
        names = {path.stem for path in _pngs(folder)} or names
        if not names:
            raise ResultsError(f"{folder} holds neither a run of sam2long nor PNGs with masks")
        self._names = _numbered(sorted(names, key=lambda name: natural_key(Path(name))), known or {})
        self.frames = sorted(self._names)
        first = next(path for place in (folder, *self._folders.values()) for path in _pngs(place))
        width, height = _size(first)
        self.video = DescribedVideo(folder.name, height, width, DEFAULT_FPS, None)

    def masks(self, frame: int) -> dict[int, Mask]:
        """Masks of one frame by object id, bool [height, width]; empty ones may be left out.

        Raises:
            ResultsError: a file is damaged, or has another size than the first.
        """
        name = f"{self._names[frame]}.png"
        if (self._folder / name).exists():
            values = read_png(self._folder / name, self.video)
            ids = [int(number) for number in np.unique(values) if number]
            if ids == [_WHITE]:
                return {1: values == _WHITE}
            return {object_id: values == object_id for object_id in ids if object_id != _WHITE}
        places = {object_id: place / name for object_id, place in self._folders.items()}
        return {object_id: read_png(path, self.video) > 0 for object_id, path in places.items() if path.exists()}


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ResultsError(f"the mask {path} cannot be read as an image: {error}") from error


def _pngs(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".png" and not path.name.startswith(".")]


def _numbered(names: list[str], known: Mapping[str, int]) -> dict[int, str]:
    """Names by frame number."""
    if set(names) <= known.keys():
        return {known[name]: name for name in names}
    ends = [re.search(r"\d+$", name) for name in names]
    numbers = [int(end[0]) for end in ends if end]
    if len(set(numbers)) < len(names):
        return dict(enumerate(names))
    return dict(zip(numbers, names, strict=True))
