"""Matches folders of truth and predictions file by file, before anything is compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.frame_names import match_frames
from sam2long.evaluation.datasets.id_maps import present_ids, read_ids
from sam2long.evaluation.datasets.layout import folders_by_id, mask_files, object_folders
from sam2long.evaluation.reporting.sheet import Comparison, FramePair

_Item = TypeVar("_Item")
_FEWEST = 3
"""Annotated frames a video needs for one to lie between first and last."""
BINARY_ID = 1
"""Object id in data sets whose masks are black and white."""


@dataclass(frozen=True)
class TruthFormat:
    """How the masks of a data set are to be read.

    Attributes:
        binary: every value above 0 is the one object.
        ignored: id that counts as background.
        all_frames: compare the first and the last annotated frame too.
    """

    binary: bool = False
    ignored: int | None = None
    all_frames: bool = False


@dataclass
class Pairing:
    """Matches the truth of some videos with predictions.

    Attributes:
        truth: folder with a folder of masks for each video.
        pred: the same for predictions.
        format: how to read the masks.
        allow_missing: compare with an empty mask where a prediction is missing.
        missing: missing predictions.
    """

    truth: Path
    pred: Path
    format: TruthFormat = TruthFormat()
    allow_missing: bool = False
    missing: list[Path] = field(default_factory=list)

    def comparisons(self, videos: Iterable[str]) -> list[Comparison]:
        """What to compare: one comparison per video, or one per object where objects have folders of their own.

        Raises:
            DatasetError: a prediction is missing and must not be, or a folder is not laid out as it should be.
        """
        self._check_pred()
        found = [item for video in videos for item in self._video(self.truth / video, self.pred / video, video)]
        self._check_missing()
        return found

    def single(self, video: str) -> list[Comparison]:
        """What to compare where the two folders hold the masks of one video, without folders for videos.

        Raises:
            DatasetError: as `comparisons`.
        """
        self._check_pred()
        found = self._video(self.truth, self.pred, video)
        self._check_missing()
        return found

    def _check_pred(self) -> None:
        if not self.pred.is_dir():
            raise DatasetError(f"there is no folder of predictions {self.pred}")

    def _check_missing(self) -> None:
        if self.missing and not self.allow_missing:
            raise DatasetError(
                f"{len(self.missing)} predictions are missing, the first one is {self.missing[0]}; "
                "with --allow-missing they count as empty masks"
            )

    def _video(self, truth: Path, pred: Path, video: str) -> list[Comparison]:
        apart = bool(object_folders(truth))
        # A prediction that is not there at all is missing, however it might have been laid out.
        there = pred.is_dir() and bool(mask_files(pred) or object_folders(pred))
        if there and apart == bool(mask_files(pred)):
            return [self._mixed(truth, pred, video)]
        return self._objects(truth, pred, video) if apart else [self._palette(truth, pred, video)]

    def _palette(self, truth: Path, pred: Path, video: str) -> Comparison:
        masks = self._masks(truth)
        first_ids = tuple(present_ids(read_ids(masks[0]))) if not self.format.binary else (BINARY_ID,)
        object_id = BINARY_ID if self.format.binary else None
        pairs = tuple(
            FramePair(mask.stem, mask, file) for mask, file in zip(self._counted(masks), self._files(masks, pred))
        )
        return Comparison(video, pairs, object_id, self.format.ignored, first_ids)

    def _objects(self, truth: Path, pred: Path, video: str) -> list[Comparison]:
        given = folders_by_id(pred) if pred.is_dir() else {}
        found = []
        for object_id, folder in folders_by_id(truth).items():
            masks = self._masks(folder)
            files = self._files(masks, given.get(object_id, pred / folder.name))
            pairs = tuple(FramePair(mask.stem, mask, file) for mask, file in zip(self._counted(masks), files))
            found.append(Comparison(video, pairs, object_id, None, (object_id,)))
        return found

    def _mixed(self, truth: Path, pred: Path, video: str) -> Comparison:
        """Where one side has a folder for each object, and the other one PNGs with ids as values."""
        apart, joined = (truth, pred) if object_folders(truth) else (pred, truth)
        names = [folder.name for folder in object_folders(apart)]
        if self.format.binary or not all(name.isdecimal() and int(name) for name in names):
            raise DatasetError(
                f"{apart} has folders ({names[0]}, ...) and {joined} has masks of all objects in one PNG; expected one "
                "PNG per frame in both, or a folder in both for each object, or folders named by the ids in the PNGs"
            )
        folders = folders_by_id(apart)
        return self._mixed_truth(folders, pred, video) if apart == truth else self._mixed_pred(truth, folders, video)

    def _mixed_pred(self, truth: Path, folders: dict[int, Path], video: str) -> Comparison:
        masks = self._masks(truth)
        files = {object_id: self._files(masks, folder) for object_id, folder in folders.items()}
        pairs = tuple(
            FramePair(mask.stem, mask, {item: file for item, found in files.items() if (file := found[number])})
            for number, mask in enumerate(self._counted(masks))
        )
        return Comparison(video, pairs, None, self.format.ignored, tuple(present_ids(read_ids(masks[0]))))

    def _mixed_truth(self, folders: dict[int, Path], pred: Path, video: str) -> Comparison:
        masks = {object_id: self._masks(folder) for object_id, folder in folders.items()}
        if len({tuple(mask.stem for mask in files) for files in masks.values()}) > 1:
            raise DatasetError(f"the objects in {next(iter(folders.values())).parent} have masks on different frames")
        first = next(iter(masks.values()))
        truths = [dict(zip(folders, files)) for files in zip(*(self._counted(files) for files in masks.values()))]
        pairs = tuple(
            FramePair(mask.stem, truth, file)
            for mask, truth, file in zip(self._counted(first), truths, self._files(first, pred))
        )
        return Comparison(video, pairs, None, None, tuple(folders))

    def _masks(self, folder: Path) -> list[Path]:
        masks = mask_files(folder)
        if len(masks) < (1 if self.format.all_frames else _FEWEST):
            raise DatasetError(
                f"{folder} has {len(masks)} masks; scoring leaves the first and the last out and needs at least one "
                "between (sets that publish the first mask only are scored by their servers)"
            )
        return masks

    def _counted(self, items: Sequence[_Item]) -> Sequence[_Item]:
        return items if self.format.all_frames else items[1:-1]

    def _files(self, masks: Sequence[Path], pred: Path) -> list[Path | None]:
        """The predictions of the masks that count; notes those that are missing."""
        files = list(self._counted(match_frames(masks, mask_files(pred) if pred.is_dir() else [])))
        self.missing += [pred / mask.name for mask, file in zip(self._counted(masks), files) if file is None]
        return files
