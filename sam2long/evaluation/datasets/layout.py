"""Recognises what a folder of masks holds: one video (PNGs of ids, or a folder per object), or one folder per video."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.id_maps import cannot_hold_ids, values_inside
from sam2long.video.images.image_source import natural_key

_SAMPLED = 5
"""Masks of each folder that are looked at to tell objects from videos."""


class Layout(Enum):
    """Kinds of folders."""

    MASKS = "PNGs"
    NUMBERED = "folders named by numbers with PNGs in them: objects of a video, or videos"
    FOLDERS = "other folders, or nothing"


def video_names(root: Path) -> list[str]:
    """The folders in a folder, sorted; raises DatasetError if there is none."""
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}")
    names = [folder.name for folder in _folders(root)]
    if not names:
        raise DatasetError(f"{root} holds no folders; expected one for each video")
    return names


def mask_files(folder: Path) -> list[Path]:
    """The PNGs in a folder in their order (9 before 10); raises DatasetError if there is no such folder."""
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}; expected the masks of a video in it")
    files = (path for path in folder.iterdir() if path.suffix == ".png" and not path.name.startswith("."))
    return sorted(files, key=natural_key)


def object_folders(folder: Path) -> list[Path]:
    """The folders in a video's folder of masks, one for each object, sorted; none where a PNG holds all objects."""
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}; expected the masks of a video in it")
    return _folders(folder)


def folder_id(folder: Path) -> int:
    """The object id that a folder's name is; raises DatasetError if it is no number."""
    if not folder.name.isdecimal():
        raise DatasetError(f"{folder} should be named after its object, such as 000; {folder.name!r} is no number")
    return int(folder.name)


def folders_by_id(folder: Path) -> dict[int, Path]:
    """Object folders by the number that their names mean, whatever its leading zeros.

    Raises:
        DatasetError: a name is no number, or two mean the same.
    """
    found: dict[int, Path] = {}
    for item in object_folders(folder):
        object_id = folder_id(item)
        if object_id in found:
            raise DatasetError(f"{found[object_id]} and {item.name} are both object {object_id}")
        found[object_id] = item
    return found


def holds_one_video(truth: Path, pred: Path) -> bool:
    """Whether two folders hold the masks of one video, without a folder for the video.

    Folders named by numbers may be objects or videos. They are objects if only that can be: images that
    cannot hold ids, values that differ between truth and prediction (1 and 255), or names that are equal as numbers
    only (1 and 001).

    Raises:
        DatasetError: there is no such folder, or a mask cannot be read.
    """
    kinds = _layout(truth), _layout(pred)
    if kinds == (Layout.NUMBERED, Layout.NUMBERED):
        return _are_objects(folders_by_id(truth), folders_by_id(pred))
    return kinds[0] is Layout.MASKS or kinds == (Layout.NUMBERED, Layout.MASKS)


def _layout(folder: Path) -> Layout:
    if mask_files(folder):
        return Layout.MASKS
    folders = _folders(folder)
    if folders and all(item.name.isdecimal() and mask_files(item) and not _folders(item) for item in folders):
        return Layout.NUMBERED
    return Layout.FOLDERS


def _are_objects(truth: dict[int, Path], pred: dict[int, Path]) -> bool:
    shared = [(truth[number], pred[number]) for number in truth.keys() & pred.keys()]
    if shared and all(first.name != second.name for first, second in shared):
        return True
    values = [(_values(first), _values(second)) for first, second in shared]
    if any(max(map(len, sides)) > 1 for sides in values):
        return False
    plain = any(cannot_hold_ids(path) for pair in shared for folder in pair for path in _sample(folder))
    return plain or any(first and second and first != second for first, second in values)


def _values(folder: Path) -> set[int]:
    """Values besides 0 in some masks of a folder."""
    return {value for path in _sample(folder) for value in values_inside(path)}


def _sample(folder: Path) -> list[Path]:
    files = mask_files(folder)
    return files[:: max(1, len(files) // _SAMPLED)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
