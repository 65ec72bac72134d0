"""Strips: frames of a video in a row, the truth above each method's masks, wrong and missing regions boxed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.evaluation.datasets.dataset import Dataset
from sam2long.evaluation.datasets.id_maps import IdMap, read_binary, read_ids
from sam2long.evaluation.datasets.layout import mask_files, object_folders
from sam2long.results.palette import bright_colour
from sam2long.video.images.image_source import read_rgb

Picture = npt.NDArray[np.uint8]

FRAMES = 6
_PICTURE_WIDTH = 220
_GAP = 4
_BLEND = 0.5
_SMALLEST_REGION = 0.002
"""Of the picture; boundaries that are a pixel off are not boxed."""
_PAST_REDS = 3
"""The palette begins with the colours of the boxes."""
_WRONG, _MISSING = (255, 60, 60), (255, 220, 0)


@dataclass(frozen=True)
class Strip:
    """A picture uint8 [height, width, 3] RGB, and the frames in it."""

    video: str
    picture: Picture
    frames: tuple[str, ...]


def draw_strip(dataset: Dataset, video: str, predictions: Sequence[Path]) -> Strip:
    """Truth in the first row, then one row for each folder of predictions.

    Raises:
        DatasetError: a mask cannot be read.
    """
    frames = _spread(_annotated(dataset.masks / video))
    columns = []
    for frame in frames:
        image = read_rgb(next(path for path in sorted((dataset.images / video).iterdir()) if path.stem == frame))
        truth = _ids(dataset.masks / video, frame, dataset)
        cells = [_shade(image, truth)]
        cells += [_compared(image, truth, _ids(folder / video, frame, dataset)) for folder in predictions]
        columns.append(_stack([_small(cell) for cell in cells], axis=0))
    return Strip(video, _stack(columns, axis=1), tuple(frames))


def error_boxes(region: npt.NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Boxes (x, y, width, height) around the larger connected parts of a bool [height, width] region."""
    opened = cv2.morphologyEx(region.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, parts, _ = cv2.connectedComponentsWithStats(opened)
    return [
        (int(x), int(y), int(width), int(height))
        for x, y, width, height, area in parts[1:]
        if area >= _SMALLEST_REGION * region.size
    ]


def _annotated(folder: Path) -> list[str]:
    folders = object_folders(folder)
    return [path.stem for path in mask_files(folders[0] if folders else folder)]


def _spread(frames: Sequence[str]) -> list[str]:
    return [frames[round(number)] for number in np.linspace(0, len(frames) - 1, min(FRAMES, len(frames)))]


def _ids(folder: Path, frame: str, dataset: Dataset) -> IdMap:
    """One id map, whatever the layout; overlapping objects hide each other."""
    folders = object_folders(folder)
    if folders:
        masks = [read_binary(item / f"{frame}.png") for item in folders if (item / f"{frame}.png").is_file()]
        ids = np.zeros_like(masks[0])
        for number, mask in enumerate(masks, 1):
            ids[mask > 0] = number
        return ids
    read = read_binary if dataset.benchmark.binary else read_ids
    ids = read(folder / f"{frame}.png")
    return np.where(ids == dataset.benchmark.ignored, 0, ids)


def _shade(image: Picture, ids: IdMap) -> Picture:
    shaded = image.copy()
    for object_id in np.unique(ids[ids > 0]):
        inside = ids == object_id
        shaded[inside] = (1 - _BLEND) * image[inside] + _BLEND * bright_colour(int(object_id) + _PAST_REDS)
    return shaded


def _compared(image: Picture, truth: IdMap, pred: IdMap) -> Picture:
    shaded = _shade(image, pred)
    thickness = max(2, image.shape[1] // 160)
    for region, colour in (((pred != truth) & (pred > 0), _WRONG), ((pred == 0) & (truth > 0), _MISSING)):
        for x, y, width, height in error_boxes(region):
            cv2.rectangle(shaded, (x, y), (x + width, y + height), colour, thickness)
    return shaded


def _small(picture: Picture) -> Picture:
    height = round(picture.shape[0] * _PICTURE_WIDTH / picture.shape[1])
    small: Picture = cv2.resize(picture, (_PICTURE_WIDTH, height), interpolation=cv2.INTER_AREA)
    return small


def _stack(pictures: Sequence[Picture], axis: int) -> Picture:
    """Side by side (axis 1) or below each other (axis 0), with white between."""
    shape = list(pictures[0].shape)
    shape[axis] = _GAP
    gap = np.full(shape, 255, np.uint8)
    pieces = [piece for picture in pictures for piece in (gap, picture)][1:]
    return np.concatenate(pieces, axis=axis)
