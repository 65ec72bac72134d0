"""Folders of truth and of predictions, matched file by file before anything is compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sam2long.errors import DatasetError
from sam2long.evaluation.id_maps import present_ids, read_ids
from sam2long.evaluation.sheet import Comparison, FramePair

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
        missing: predictions that were not there.
    """

    truth: Path
    pred: Path
    format: TruthFormat = TruthFormat()
    allow_missing: bool = False
    missing: list[Path] = field(default_factory=list)

    def comparisons(self, videos: Iterable[str]) -> list[Comparison]:
        """What to compare: one comparison a video, or one an object where objects have folders of their own.

        Raises:
            DatasetError: a prediction is missing and must not be, or a folder is not laid out as it should be.
        """
        self._check_pred()
        found = [item for video in videos for item in self._video(self.truth / video, self.pred / video, video)]
        self._check_missing()
        return found

    def single(self, video: str) -> Comparison:
        """What to compare where the two folders hold the masks of one video, without folders for videos.

        Raises:
            DatasetError: as `comparisons`.
        """
        self._check_pred()
        found = self._palette(self.truth, self.pred, video)
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
        objects = object_folders(truth)
        if objects:
            self._check_pred_folder(pred, [folder.name for folder in objects])
            return [self._object(video, folder, pred / folder.name) for folder in objects]
        return [self._palette(truth, pred, video)]

    def _palette(self, truth: Path, pred: Path, video: str) -> Comparison:
        if pred.is_dir() and object_folders(pred):
            raise DatasetError(f"{pred} has a folder for each object; expected one PNG a frame, as in the truth")
        masks = self._masks(truth)
        first_ids = tuple(present_ids(read_ids(masks[0]))) if not self.format.binary else (BINARY_ID,)
        object_id = BINARY_ID if self.format.binary else None
        pairs = self._pairs(masks, pred)
        return Comparison(video, pairs, object_id, self.format.ignored, first_ids)

    def _object(self, video: str, truth: Path, pred: Path) -> Comparison:
        object_id = folder_id(truth)
        return Comparison(video, self._pairs(self._masks(truth), pred), object_id, None, (object_id,))

    def _masks(self, folder: Path) -> list[Path]:
        masks = mask_files(folder)
        if len(masks) < (1 if self.format.all_frames else _FEWEST):
            raise DatasetError(
                f"{folder} has {len(masks)} masks; scoring leaves the first and the last out and needs at least one "
                "between (sets that publish the first mask only are scored by their servers)"
            )
        return masks

    def _pairs(self, masks: Sequence[Path], pred: Path) -> tuple[FramePair, ...]:
        counted = masks if self.format.all_frames else masks[1:-1]
        present = {path.name for path in mask_files(pred)} if pred.is_dir() else set()
        absent = [pred / mask.name for mask in counted if mask.name not in present]
        self.missing += absent
        return tuple(FramePair(mask.stem, mask, pred / mask.name if mask.name in present else None) for mask in counted)

    def _check_pred_folder(self, pred: Path, objects: Sequence[str]) -> None:
        if pred.is_dir() and mask_files(pred) and not object_folders(pred):
            raise DatasetError(
                f"{pred} has masks of all objects in one PNG; expected a folder for each object ({objects[0]}, ...), "
                "as in the truth"
            )


def video_names(root: Path) -> list[str]:
    """The folders in a folder, sorted; raises DatasetError if there is none."""
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}")
    names = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        raise DatasetError(f"{root} holds no folders; expected one for each video")
    return names


def mask_files(folder: Path) -> list[Path]:
    """The PNGs in a folder, sorted by name; raises DatasetError if there is no such folder."""
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}; expected the masks of a video in it")
    return sorted(path for path in folder.iterdir() if path.suffix == ".png" and not path.name.startswith("."))


def object_folders(folder: Path) -> list[Path]:
    """The folders in a video's folder of masks, one for each object, sorted; none where a PNG holds all objects."""
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}; expected the masks of a video in it")
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def folder_id(folder: Path) -> int:
    """The object id that a folder's name is; raises DatasetError if it is no number."""
    if not folder.name.isdecimal():
        raise DatasetError(f"{folder} should be named after its object, such as 000; {folder.name!r} is no number")
    return int(folder.name)
