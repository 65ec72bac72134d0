"""The official result files: PNGs of ids, or a folder for each object, and the zip that a server takes."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.dataset import Dataset
from sam2long.results import FrameResult
from sam2long.results.palette import davis_palette

MOST_IDS = 255
_BINARY_VALUE = 255


@dataclass(frozen=True)
class MaskFiles:
    """Writes the masks of one video.

    Attributes:
        folder: where to, an existing folder.
        object_ids: the data set's ids, ascending; object k of the results is the k-th of them, from 1.
        folders: names of the objects' folders where results have one for each, in the same order; else none.
        shape: (height, width).
        binary: write 0 and 255.
    """

    folder: Path
    object_ids: Sequence[int]
    folders: Sequence[str]
    shape: tuple[int, int]
    binary: bool = False

    def __post_init__(self) -> None:
        if not self.folders and max(self.object_ids) > MOST_IDS:
            raise DatasetError(f"object id {max(self.object_ids)} does not fit into a palette PNG (at most {MOST_IDS})")
        for name in self.folders:
            (self.folder / name).mkdir()

    @property
    def needs_logits(self) -> bool:
        """Whether objects compete for pixels."""
        return not self.folders and len(self.object_ids) > 1

    def write(self, name: str, result: FrameResult | None) -> None:
        """Write frame `name`; None before any object has appeared."""
        if self.folders:
            for number, folder in enumerate(self.folders, 1):
                mask = result.masks.get(number) if result else None
                image = np.zeros(self.shape, np.uint8) if mask is None else mask.astype(np.uint8)
                _save(image, self.folder / folder / f"{name}.png")
            return
        _save(self._joined(result), self.folder / f"{name}.png")

    def _joined(self, result: FrameResult | None) -> npt.NDArray[np.uint8]:
        if result is None or not result.masks:
            return np.zeros(self.shape, np.uint8)
        numbers = sorted(result.masks)
        values = np.array(
            [_BINARY_VALUE if self.binary else self.object_ids[number - 1] for number in numbers], np.uint8
        )
        if len(numbers) == 1:
            return np.where(result.masks[numbers[0]], values[0], 0).astype(np.uint8)
        return paint(np.stack([result.logits[number].float().cpu().numpy() for number in numbers]), values)


def paint(logits: npt.NDArray[np.float32], values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Give every pixel to the object of the highest logit, the first of equals, if that is above 0.

    Args:
        logits: [objects, height, width].
        values: what to paint, uint8 [objects].

    Returns:
        uint8 [height, width].
    """
    best = logits.argmax(axis=0)
    painted: npt.NDArray[np.uint8] = np.where(logits.max(axis=0) > 0, values[best], 0).astype(np.uint8)
    return painted


def write_archive(dataset: Dataset, predictions: Path, path: Path) -> None:
    """Zip the masks as the benchmark's server wants them; raises DatasetError if a frame it wants is not there."""
    partial = path.with_name(f".{path.name}.part")
    prefix = Path(dataset.benchmark.archive or "")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for video in dataset.videos:
                for file in _wanted(dataset, predictions / video, video):
                    archive.write(file, prefix / video / file.name)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _wanted(dataset: Dataset, folder: Path, video: str) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(f"there are no masks of {video} in {folder}")
    files = sorted(folder.glob("*.png"))
    frames = dataset.server_frames.get(video)
    if frames is None:
        return files
    absent = sorted(frames - {file.stem for file in files})
    if absent:
        raise DatasetError(
            f"{dataset.benchmark.title} wants frame {absent[0]} of {video}, but {folder} has no mask of it"
        )
    return [file for file in files if file.stem in frames]


def _save(ids: npt.NDArray[np.uint8], path: Path) -> None:
    image = Image.fromarray(ids)
    image.putpalette(davis_palette().tobytes())
    image.save(path)
