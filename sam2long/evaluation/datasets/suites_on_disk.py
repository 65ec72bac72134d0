"""The synthetic suites as folders in DAVIS layout, so that they are measured like any other data set."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.benchmarks import SYNTHETIC_PREFIX
from sam2long.synthetic.export import write_davis
from sam2long.synthetic.suites import SUITES, SuiteVideo


def write_suite(name: str, root: Path, videos: tuple[str, ...] | None, limit: int | None) -> Iterator[str]:
    """Write the videos of `synthetic-NAME` that are not in `root` yet, and yield the name of each before it is made.

    Raises:
        DatasetError: a video that the suite does not have.
        OutputError: the folder cannot be written.
    """
    suite = SUITES[name.removeprefix(SYNTHETIC_PREFIX)]
    have = [video.name for video in suite.videos]
    unknown = [video for video in videos or () if video not in have]
    if unknown:
        raise DatasetError(f"there is no video {unknown[0]} in {name}; it has {have[0]} to {have[-1]}")
    for video in [video for video in suite.videos if videos is None or video.name in videos][:limit]:
        if not _complete(video, root):
            yield video.name
            write_davis(video.scene(), root, video.name)


def _complete(video: SuiteVideo, root: Path) -> bool:
    pictures, masks = root / "JPEGImages" / video.name, root / "Annotations" / video.name
    if pictures.is_dir() and masks.is_dir():
        return True
    shutil.rmtree(pictures, ignore_errors=True)  # an interruption came between the two
    return False
