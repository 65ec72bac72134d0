"""Folders of masks as in DAVIS: one image per frame, whose palette index or grey value is the object's id."""

from __future__ import annotations

import re
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from sam2long.errors import PromptError
from sam2long.running.prompts.files.marks import Area, Mark, Mask
from sam2long.running.prompts.files.record import files_in
from sam2long.running.prompts.files.target import FrameName, Target
from sam2long.video.masks import IGNORED, read_mask_file


def read_davis(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read a folder of palette PNGs, or of black and white ones for one object; 255 beside other ids is no object.

    A folder of numbered folders with black and white PNGs, as in SA-V, has one object in each of them.

    Raises:
        PromptError: an image cannot be read, has another size than the video, or is in colour.
    """
    files = [(None, file) for file in mask_files(path)]
    in_folders = [(int(folder.name), file) for folder in object_folders(path) for file in mask_files(folder)]
    found = files or in_folders
    frames = target.frames([FrameName(file.name) for _, file in found], str(path))
    marks: list[Mark] = []
    for (key, file), frame in zip(found, frames):
        for number in _ids(file, target) if frame is not None else ():
            area = Area(partial(_mask, file, number))
            marks.append(Mark(frame or 0, number if key is None else key, None, area, f"{file}: object {number}"))
    return marks


def object_folders(folder: Path) -> list[Path]:
    """Folders inside whose name is a number; raises PromptError."""
    try:
        found = [path for path in folder.iterdir() if re.fullmatch("[0-9]{1,9}", path.name) and path.is_dir()]
    except OSError as error:
        raise PromptError(f"{folder}: cannot be read ({error.strerror})") from None
    return sorted(found, key=lambda path: int(path.name))


def mask_files(folder: Path) -> list[Path]:
    """The PNGs of a folder; raises PromptError."""
    return files_in(folder, ".png")


def _ids(file: Path, target: Target) -> list[int]:
    from PIL import Image

    try:
        with Image.open(file) as image:
            target.check_size(image.width, image.height, str(file))
            if image.mode not in ("P", "L", "1"):
                raise PromptError(f"{file}: a mask in colour; use PNGs with a palette, or in black and white")
            values = [value for _, value in image.getcolors() or ()]
            palette = image.mode == "P"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PromptError(f"{file}: cannot be read as an image ({error})") from None
    ids = sorted(value for value in values if isinstance(value, int) and value)
    if not palette:
        return [1] if ids else []
    return [number for number in ids if number != IGNORED or len(ids) == 1]


def _mask(file: Path, number: int) -> Mask:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the index 255, which is no object in such folders
        return read_mask_file(file)[number]
