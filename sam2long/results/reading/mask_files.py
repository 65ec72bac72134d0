"""Reads the masks that `track` has written, from whichever of its formats is there."""

from __future__ import annotations

import json
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sam2long.errors import UserError
from sam2long.video.source import VideoSource

Mask = npt.NDArray[np.bool_]


class ResultsError(UserError):
    """Results of an earlier run that are missing, damaged, or do not belong together."""


class MaskFiles(ABC):
    """Masks of a video in one format."""

    @abstractmethod
    def read(self, frame: int, ids: Collection[int]) -> Iterator[tuple[int, Mask]]:
        """Yield the masks of these objects with their ids, bool [height, width], one at a time.

        Raises:
            ResultsError: they are missing or damaged.
        """

    def close(self) -> None:  # noqa: B027 (only some formats hold a file open)
        """Close open files."""


class NpzMasks(MaskFiles):
    """Reads `masks.npz`."""

    def __init__(self, path: Path, video: VideoSource) -> None:
        self._path, self._shape = path, (video.height, video.width)
        try:
            self._zip = zipfile.ZipFile(path)
            with self._zip.open("object_ids.npy") as entry:
                self._ids = [int(number) for number in np.lib.format.read_array(entry, allow_pickle=False)]
        except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise ResultsError(f"{path} cannot be read: {error}") from error

    def read(self, frame: int, ids: Collection[int]) -> Iterator[tuple[int, Mask]]:
        """Yield the masks of one frame; see `MaskFiles.read`."""
        height, width = self._shape
        try:
            with self._zip.open(f"frame_{frame:06d}.npy") as entry:
                np.lib.format.read_magic(entry)
                shape, _, kind = np.lib.format.read_array_header_1_0(entry)
                if shape != (len(self._ids), height, width) or kind != np.bool_:
                    raise ValueError(f"frame {frame} has other objects or another size")
                for object_id in self._ids:
                    mask = np.frombuffer(entry.read(height * width), np.uint8).reshape(height, width)
                    if object_id in ids:
                        yield object_id, mask.astype(bool)
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise ResultsError(f"{self._path} is damaged: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


class CocoMasks(MaskFiles):
    """Reads `coco.json`; objects without an annotation on a frame have an empty mask there."""

    def __init__(self, path: Path, video: VideoSource) -> None:
        self._path, self._shape = path, (video.height, video.width)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            numbers = {int(image["id"]): int(image["frame_number"]) for image in data["images"]}
            self._frames = set(numbers.values())
            self._found: dict[tuple[int, int], dict[str, Any]] = {
                (numbers[int(item["image_id"])], int(item["track_id"])): item["segmentation"]
                for item in data["annotations"]
            }
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise ResultsError(f"{path} cannot be read as the masks of a run ({error!r})") from error

    def read(self, frame: int, ids: Collection[int]) -> Iterator[tuple[int, Mask]]:
        """Yield the masks of one frame; see `MaskFiles.read`."""
        from pycocotools import mask as coco

        if frame not in self._frames:
            raise ResultsError(f"{self._path} lacks frame {frame}, which the summary of the run lists")
        for object_id in ids:
            segmentation = self._found.get((frame, object_id))
            if segmentation is None:
                yield object_id, np.zeros(self._shape, bool)
                continue
            try:
                mask = coco.decode({"size": list(self._shape), "counts": segmentation["counts"].encode("ascii")})
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                raise ResultsError(f"object {object_id} on frame {frame} of {self._path} is damaged") from error
            yield object_id, mask.astype(bool)


class PngPerObjectMasks(MaskFiles):
    """Reads the folder `objects`."""

    def __init__(self, path: Path, video: VideoSource) -> None:
        self._path, self._video = path, video

    def read(self, frame: int, ids: Collection[int]) -> Iterator[tuple[int, Mask]]:
        """Yield the masks of one frame; see `MaskFiles.read`."""
        for object_id in ids:
            path = self._path / f"{object_id:03d}" / f"{self._video.frame_name(frame)}.png"
            yield object_id, read_png(path, self._video) > 0


class PngMasks(MaskFiles):
    """Reads the folder `masks`; of objects that overlap, only the smallest id is seen."""

    def __init__(self, path: Path, video: VideoSource) -> None:
        self._path, self._video = path, video

    def read(self, frame: int, ids: Collection[int]) -> Iterator[tuple[int, Mask]]:
        """Yield the masks of one frame; see `MaskFiles.read`."""
        labels = read_png(self._path / f"{self._video.frame_name(frame)}.png", self._video)
        for object_id in ids:
            yield object_id, labels == object_id


READERS: dict[str, type[NpzMasks | CocoMasks | PngPerObjectMasks | PngMasks]] = {
    "masks.npz": NpzMasks,
    "objects": PngPerObjectMasks,
    "coco.json": CocoMasks,
    "masks": PngMasks,
}
"""Readers by the names of files and folders, the best first: all but the last keep masks that overlap."""


def open_masks(folder: Path, video: VideoSource) -> MaskFiles:
    """Open the best masks that an output folder holds; `video` tells their size and the names of frames.

    Raises:
        ResultsError: there are none, or they are damaged.
    """
    for name, reader in READERS.items():
        if (folder / name).exists():
            return reader(folder / name, video)
    raise ResultsError(
        f"{folder} holds no masks that can be read back; it needs one of {', '.join(READERS)} "
        "(--save npz, png-per-object, coco or png)"
    )


def read_png(path: Path, video: VideoSource) -> npt.NDArray[np.uint8]:
    """Read a grey, palette or black-and-white PNG: its values, uint8 [height, width].

    Raises:
        ResultsError: it is missing, damaged, in colour, or of another size than the video.
    """
    try:
        with Image.open(path) as image:
            mode, values = image.mode, np.asarray(image)
    except FileNotFoundError as error:
        raise ResultsError(f"the mask {path} is missing") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ResultsError(f"the mask {path} cannot be read as an image: {error}") from error
    if mode not in ("1", "L", "P"):
        raise ResultsError(f"the mask {path} is an image of kind {mode}; expected a palette or grey PNG of 8 bits")
    if values.shape != (video.height, video.width):
        size = f"{values.shape[1]}x{values.shape[0]}"
        raise ResultsError(f"the mask {path} is {size} pixels, but the video is {video.width}x{video.height}")
    return values.astype(np.uint8)
