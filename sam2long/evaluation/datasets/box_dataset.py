"""Data sets of boxes: the layouts and result files of LaSOT, LaSOT_ext and GOT-10k."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.dataset import Choice
from sam2long.evaluation.run_folder import write_text
from sam2long.evaluation.scoring.boxes import Boxes, BoxTrack, Flags, Got10kRule, LasotRule


@dataclass(frozen=True)
class BoxBenchmark:
    """One data set of boxes.

    Attributes:
        name: on the command line.
        title: in tables.
        kind: "lasot" or "got10k", which decides layout and result files.
        video_list: file of sequence names in the root; None takes all class folders.
        rule: scoring rule; None if only a server scores it.
        evaluator: name of the rule in tables.
        videos: expected number of sequences; GOT-10k's are not confirmed.
    """

    name: str
    title: str
    kind: str
    video_list: str | None
    rule: LasotRule | Got10kRule | None
    evaluator: str
    videos: int


BOX_BENCHMARKS: dict[str, BoxBenchmark] = {
    item.name: item
    for item in (
        BoxBenchmark("lasot", "LaSOT test", "lasot", "testing_set.txt", LasotRule(), "pytracking rules", 280),
        BoxBenchmark("lasot-ext", "LaSOT_ext", "lasot", None, LasotRule(strict=False), "pytracking rules", 150),
        BoxBenchmark("got10k-val", "GOT-10k val", "got10k", "list.txt", Got10kRule(), "GOT-10k toolkit rules", 180),
        BoxBenchmark("got10k-test", "GOT-10k test", "got10k", "list.txt", None, "", 180),
    )
}
"""All of them by name."""


@dataclass(frozen=True)
class BoxDataset:
    """A data set of boxes whose layout has been checked.

    Attributes:
        benchmark: its layout and rules.
        root: its folder.
        videos: names of those chosen.
        available: number of sequences there are.
    """

    benchmark: BoxBenchmark
    root: Path
    videos: tuple[str, ...]
    available: int

    @property
    def is_whole(self) -> bool:
        """Whether all available sequences are chosen."""
        return len(self.videos) == self.available

    @property
    def announced(self) -> int:
        """Number of sequences by the authors' count, or the number found if that is larger."""
        return max(self.available, self.benchmark.videos)

    def folder(self, video: str) -> Path:
        """Folder of a sequence."""
        if self.benchmark.kind == "lasot":
            return self.root / video.rpartition("-")[0] / video
        return self.root / video

    def pictures(self, video: str) -> Path:
        """Folder of a sequence's pictures."""
        return self.folder(video) / "img" if self.benchmark.kind == "lasot" else self.folder(video)

    def truth(self, video: str) -> Boxes:
        """Its boxes (x, y, width, height), [frames, 4]; of GOT-10k's test split the first only."""
        return read_boxes(self.folder(video) / "groundtruth.txt")

    def track(self, video: str, predictions: Path) -> BoxTrack:
        """A sequence's prediction beside its truth.

        Raises:
            DatasetError: a file is missing or is not what it should be.
        """
        truth = self.truth(video)
        pred = read_boxes(predictions / result_name(self.benchmark, video))
        if self.benchmark.kind == "got10k":
            return BoxTrack(video, pred, truth, _flags(self.folder(video) / "cover.label"), self._size(video))
        hidden = [_flags(self.folder(video) / name) for name in ("full_occlusion.txt", "out_of_view.txt")]
        if any(len(flags) != len(truth) for flags in hidden):
            raise DatasetError(f"{self.folder(video)}: the flag files and groundtruth.txt differ in length")
        return BoxTrack(video, pred, truth, ~(hidden[0] | hidden[1]))

    def _size(self, video: str) -> tuple[int, int]:
        """Width and height of the pictures."""
        info = self.folder(video) / "meta_info.ini"
        found = (
            re.search(r"resolution\s*:\s*\((\d+)\s*,\s*(\d+)\)", info.read_text(encoding="utf-8"))
            if info.is_file()
            else None
        )
        if found:
            return int(found[1]), int(found[2])
        with Image.open(min(self.pictures(video).glob("*.jpg"))) as picture:
            return picture.size


def open_box_dataset(benchmark: BoxBenchmark, root: Path, choice: Choice) -> BoxDataset:
    """Check the layout of a data set and choose sequences; raises DatasetError."""
    names = _names(benchmark, root)
    unknown = [name for name in choice.videos or () if name not in names]
    if unknown:
        raise DatasetError(f"there is no sequence {unknown[0]} in {root}; the {len(names)} there are begin {names[0]}")
    chosen = [name for name in names if choice.videos is None or name in choice.videos][: choice.limit]
    dataset = BoxDataset(benchmark, root, tuple(chosen), len(names))
    for video in chosen:
        for path in (dataset.pictures(video), dataset.folder(video) / "groundtruth.txt"):
            if not path.exists():
                raise DatasetError(f"{root} is not laid out as {benchmark.title}: expected {path}, found nothing there")
    return dataset


def _names(benchmark: BoxBenchmark, root: Path) -> list[str]:
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}; --root is the folder of {benchmark.title}")
    if benchmark.video_list is None:
        names = sorted(path.name for path in root.glob("*/*-*") if (path / "groundtruth.txt").is_file())
        expected = "class folders with sequences such as atv/atv-1"
    else:
        path = root / benchmark.video_list
        names = path.read_text(encoding="utf-8").split() if path.is_file() else []
        expected = f"{benchmark.video_list} with the names of its sequences"
    if not names:
        found = ", ".join(sorted(path.name for path in root.iterdir())[:4]) or "nothing"
        raise DatasetError(f"{root} is not laid out as {benchmark.title}: expected {expected}, found {found}")
    return names


def result_name(benchmark: BoxBenchmark, video: str) -> str:
    """Path of a sequence's result file among the predictions."""
    return f"{video}.txt" if benchmark.kind == "lasot" else f"{video}/{video}_001.txt"


def write_lasot(boxes: Boxes, path: Path) -> None:
    """Write one line `x,y,width,height` per frame, in whole pixels."""
    write_text(path, "".join(",".join(f"{value:.0f}" for value in box) + "\n" for box in boxes))


def write_got10k(boxes: Boxes, seconds: Sequence[float], folder: Path, video: str) -> None:
    """Write `VIDEO_001.txt` and the seconds each frame took, as the toolkit does."""
    write_text(folder / f"{video}_001.txt", "".join(",".join(f"{value:.3f}" for value in box) + "\n" for box in boxes))
    write_text(folder / f"{video}_time.txt", "".join(f"{value:.8f}\n" for value in seconds))


def write_box_archive(dataset: BoxDataset, predictions: Path, path: Path) -> None:
    """Zip the folders of all sequences, as GOT-10k's server takes them."""
    partial = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for video in dataset.videos:
            for file in sorted((predictions / video).glob("*.txt")):
                archive.write(file, Path(video) / file.name)
    partial.replace(path)


def read_boxes(path: Path) -> Boxes:
    """Read boxes (x, y, width, height), one per line, separated by commas, tabs or blanks: float64 [frames, 4].

    Raises:
        DatasetError: the file is missing, or a line does not have four numbers.
    """
    try:
        rows = [
            re.split(r"[,\s]+", line.strip()) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        boxes = np.array([[float(value) for value in row] for row in rows], np.float64)
    except FileNotFoundError as error:
        raise DatasetError(f"there is no file of boxes {path}") from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read as boxes: {error}") from error
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise DatasetError(f"{path}: expected four numbers x,y,width,height on every line")
    return boxes


def _flags(path: Path) -> Flags:
    """Which numbers are above 0; they are separated by commas or line ends."""
    try:
        flags: Flags = np.array(
            [float(word) > 0 for word in re.split(r"[,\s]+", path.read_text(encoding="utf-8").strip())]
        )
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: expected a number for each frame ({type(error).__name__})") from error
    return flags
