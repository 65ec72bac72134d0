"""A data set on disk, with its videos, rules and prompts; checked before any network is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.benchmarks import Benchmark
from sam2long.evaluation.datasets.id_maps import IdMap, present_ids, read_binary, read_ids
from sam2long.evaluation.datasets.layout import folder_id, mask_files, object_folders, video_names
from sam2long.evaluation.datasets.lvos import LvosRule, read_meta
from sam2long.evaluation.scoring.pairing import TruthFormat
from sam2long.evaluation.scoring.rules import DavisRule, Rule, SavRule, VostRule

_PICTURES = frozenset({".jpg", ".jpeg", ".png"})
_SHOWN = 4
RULES = ("sav", "davis", "vost", "lvos")


@dataclass(frozen=True)
class Choice:
    """Which part of a data set to use, and how to read what its authors leave open.

    Attributes:
        videos: names; None for all.
        limit: maximum number of videos, in the list's order.
        images: another folder of pictures than the benchmark's, relative to the root (VOST at 10 fps, YouTube-VOS with
            all frames).
        masks: another folder of masks.
        rule: score by this evaluator instead of the benchmark's own.
        lvos_year: LVOS's evaluator of 2024 or 2022.
    """

    videos: tuple[str, ...] | None = None
    limit: int | None = None
    images: str | None = None
    masks: str | None = None
    rule: str | None = None
    lvos_year: int = 2024


@dataclass(frozen=True)
class ObjectPrompt:
    """The mask that an object is prompted with.

    Attributes:
        object_id: as in the data set; 0 occurs.
        frame: name of its frame.
        mask: bool [height, width].
    """

    object_id: int
    frame: str
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Dataset:
    """A data set whose layout has been checked.

    Attributes:
        benchmark: its layout and rules.
        images, masks: its folders.
        videos: names of those chosen.
        available: number of videos there are.
        rules: evaluators; none if only a server scores it.
        server_frames: for each video, the frames that the server wants; empty for all.
    """

    benchmark: Benchmark
    images: Path
    masks: Path
    videos: tuple[str, ...]
    available: int
    rules: tuple[Rule, ...] = ()
    server_frames: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether all available videos are chosen."""
        return len(self.videos) == self.available

    @property
    def announced(self) -> int:
        """Number of videos by the authors' count, or the number found if that is larger."""
        return max(self.available, self.benchmark.videos or 0)

    @property
    def truth_format(self) -> TruthFormat:
        """How to read its masks for scoring."""
        everything = any(rule.all_frames for rule in self.rules)
        return TruthFormat(self.benchmark.binary, self.benchmark.ignored, everything)

    def object_names(self, video: str) -> list[str]:
        """Folders of the objects of a video; none where a PNG holds all objects."""
        return [folder.name for folder in object_folders(self.masks / video)]

    def prompts(self, video: str) -> list[ObjectPrompt]:
        """The first mask of every object, by id.

        Raises:
            DatasetError: there is none, or a mask cannot be read.
        """
        folders = object_folders(self.masks / video)
        found = list(self._first_masks(video)) if not folders else [_first_of(folder) for folder in folders]
        if not found:
            raise DatasetError(f"{self.masks / video} holds no object to prompt with")
        return sorted(found, key=lambda prompt: prompt.object_id)

    def _first_masks(self, video: str) -> Iterator[ObjectPrompt]:
        masks = mask_files(self.masks / video)
        seen = set() if self.benchmark.ignored is None else {self.benchmark.ignored}
        for path in masks[:1] if self.benchmark.first_frame_only else masks:
            ids = self._read(path)
            for object_id in present_ids(ids):
                if object_id not in seen:
                    seen.add(object_id)
                    yield ObjectPrompt(object_id, path.stem, ids == object_id)

    def _read(self, path: Path) -> IdMap:
        return read_binary(path) if self.benchmark.binary else read_ids(path)


def open_dataset(benchmark: Benchmark, root: Path, choice: Choice = Choice()) -> Dataset:
    """Check that a data set has the layout of its benchmark, and choose videos.

    Raises:
        DatasetError: it has another layout; says what was expected and what was found.
    """
    expected = replace(benchmark, images=choice.images or benchmark.images, masks=choice.masks or benchmark.masks)
    for name in (expected.images, expected.masks):
        _check_folder(root, name, expected)
    names = _video_list(root, expected)
    chosen = _choose(names, choice)
    dataset = Dataset(expected, root / expected.images, root / expected.masks, tuple(chosen), len(names))
    for video in chosen:
        _check_video(dataset, video)
    rules = tuple(_rule(name, root, choice) for name in ((choice.rule,) if choice.rule else expected.rules))
    return replace(dataset, rules=rules, server_frames=_server_frames(root, expected))


def _check_folder(root: Path, name: str, benchmark: Benchmark) -> None:
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}; --root is the folder of {benchmark.title} with {name} in it")
    if not (root / name).is_dir():
        found = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
        raise DatasetError(
            f"{root} is not laid out as {benchmark.title}: expected the folders {benchmark.images} and "
            f"{benchmark.masks}, found {_some(found)}"
        )


def _video_list(root: Path, benchmark: Benchmark) -> list[str]:
    if benchmark.meta is not None and "lvos" in benchmark.rules:
        return list(read_meta(root / benchmark.meta))
    if benchmark.video_list is None:
        return video_names(root / benchmark.masks)
    try:
        names = (root / benchmark.video_list).read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{root} is not laid out as {benchmark.title}: expected its list of videos {benchmark.video_list} "
            f"({error.__class__.__name__})"
        ) from error
    if not names:
        raise DatasetError(f"{root / benchmark.video_list} names no videos")
    return names


def _choose(names: Sequence[str], choice: Choice) -> list[str]:
    unknown = [name for name in choice.videos or () if name not in names]
    if unknown:
        raise DatasetError(f"there is no video {_some(unknown)}; the {len(names)} there are begin {_some(names)}")
    if choice.limit is not None and choice.limit < 1:
        raise DatasetError(f"--limit {choice.limit}: must be 1 or more")
    return [name for name in names if choice.videos is None or name in choice.videos][: choice.limit]


def _check_video(dataset: Dataset, video: str) -> None:
    benchmark, pictures, masks = dataset.benchmark, dataset.images / video, dataset.masks / video
    if not pictures.is_dir():
        raise DatasetError(
            f"{benchmark.title}: expected the pictures of {video} in {pictures}; there is no such folder"
        )
    if not any(path.suffix.lower() in _PICTURES for path in pictures.iterdir()):
        raise DatasetError(f"{benchmark.title}: expected pictures in {pictures}, found {_entries(pictures)}")
    if not masks.is_dir():
        raise DatasetError(f"{benchmark.title}: expected the masks of {video} in {masks}; there is no such folder")
    folders = object_folders(masks)
    if benchmark.per_object and not folders:
        raise DatasetError(
            f"{benchmark.title}: expected a folder for each object in {masks} (000, 001, ...), found {_entries(masks)}"
        )
    if not benchmark.per_object and (folders or not mask_files(masks)):
        raise DatasetError(
            f"{benchmark.title}: expected PNGs with object ids as values in {masks}, found {_entries(masks)}"
        )


def _rule(name: str, root: Path, choice: Choice) -> Rule:
    if name == "sav":
        return SavRule()
    if name == "davis":
        return DavisRule()
    if name == "vost":
        return VostRule()
    if name == "lvos":
        return LvosRule(read_meta(root / "valid_meta.json"), choice.lvos_year)
    raise DatasetError(f"unknown rule {name!r}; choose {', '.join(RULES)}")


def _server_frames(root: Path, benchmark: Benchmark) -> dict[str, frozenset[str]]:
    """What YouTube-VOS's meta.json lists; empty for other data sets."""
    if benchmark.archive is None or benchmark.meta is None:
        return {}
    path = root / benchmark.meta
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return {
            name: frozenset(frame for item in video["objects"].values() for frame in item["frames"])
            for name, video in videos.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path}: expected videos > name > objects > id > frames, as {benchmark.title} has it "
            f"({type(error).__name__}: {error})"
        ) from error


def _first_of(folder: Path) -> ObjectPrompt:
    for path in mask_files(folder):
        mask = read_binary(path) > 0
        if mask.any():
            return ObjectPrompt(folder_id(folder), path.stem, mask)
    raise DatasetError(f"{folder}: none of its masks shows the object")


def _entries(folder: Path) -> str:
    return _some(sorted(path.name for path in folder.iterdir()))


def _some(names: Sequence[str]) -> str:
    if not names:
        return "nothing"
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
