"""A list of short videos, and the network of the command's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from sam2long.batch.driver import Batch
from sam2long.batch.job import Job, Settings
from sam2long.batch.scheduler import Limits
from sam2long.running.models import ModelChoice
from tests.cli.conftest import tiny_model, write_clip

__all__ = ["tiny_model"]

BOX = ("4,16,20,32",)


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos `v00.mp4` to `v39.mp4` of 3 to 7 frames, and one that is none."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(40):
        write_clip(folder / f"v{number:02}.mp4", 3 + number % 5)
    (folder / "corrupt.mp4").write_bytes(b"no video" * 99)
    return folder


def make_jobs(videos: Path, count: int) -> list[Job]:
    return [Job(f"v{number:02}", str(videos / f"v{number:02}.mp4"), box=BOX) for number in range(count)]


def make_batch(jobs: list[Job], out: Path, model: Path, **more: object) -> Batch:
    network = ModelChoice(str(model), device="cpu", quiet=True)
    limits = Limits(retries=1, backoff=0.05, timeout=6.0)
    settings = Settings(formats=("png", "coco"))
    return Batch(jobs, out, network, settings, **{"limits": limits, **more})  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
