"""A synthetic scene whose masks are known, as a folder of images and as frames in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from sam2long.running.prompts.files.choice import PromptFrames
from sam2long.running.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from sam2long.running.prompts.reading import read_file
from sam2long.synthetic.export import write_ids
from sam2long.synthetic.scene import Scene, SceneConfig, iterate
from sam2long.video import open_video
from tests.cli.conftest import sam2long, same_ctrl_c, tiny_model

__all__ = ["sam2long", "same_ctrl_c", "tiny_model"]

FRAMES, HEIGHT, WIDTH = 8, 64, 80
LATE = 3
"""Frame on which the third object is first seen."""

Read = Callable[..., list[Prompt]]


@dataclass(frozen=True)
class Truth:
    """The scene: `ids` uint8 [frames, height, width], and the folders of its images and its masks."""

    ids: npt.NDArray[np.uint8]
    images: Path
    masks: Path

    def mask(self, frame: int, number: int) -> npt.NDArray[np.bool_]:
        return self.ids[frame] == number

    def box(self, frame: int, number: int) -> tuple[int, int, int, int]:
        """x, y, width, height."""
        rows, columns = np.nonzero(self.mask(frame, number))
        x, y = int(columns.min()), int(rows.min())
        return x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Three objects; the third is seen from frame LATE on. Images are called img_0001.jpg and so on."""
    root = tmp_path_factory.mktemp("scene")
    folders = root / "walk", root / "masks"
    for folder in folders:
        folder.mkdir()
    pictures = list(iterate(Scene(SceneConfig("easy", FRAMES, HEIGHT, WIDTH, objects=3), 5)))
    ids = np.stack([labels for _, labels in pictures])
    ids[:LATE][ids[:LATE] == 3] = 0
    for number, ((image, _), labels) in enumerate(zip(pictures, ids), 1):
        Image.fromarray(image).save(folders[0] / f"img_{number:04d}.jpg")
        write_ids(labels, folders[1] / f"img_{number:04d}.png")
    return Truth(ids, *folders)


@pytest.fixture
def read(truth: Truth, tmp_path: Path) -> Read:
    """Reads a file, or content that is written to one, for the folder of images."""

    def run(given: Any, frames: str = "first", name: str = "given.json", video: Any = None) -> list[Prompt]:
        path = given
        if not isinstance(given, Path):
            path = tmp_path / name
            path.write_text(given if isinstance(given, str) else json.dumps(given), encoding="utf-8")
        with open_video(truth.images if video is None else video) as source:
            return read_file(path, source, PromptFrames.parse(frames)).prompts

    return run


def places(prompts: list[Prompt]) -> list[tuple[int, int]]:
    """(frame, object) of each prompt."""
    return [(prompt.frame, prompt.object_id) for prompt in prompts]


def named(prompts: list[Prompt]) -> dict[int, str | None]:
    """Name of each object."""
    return {prompt.object_id: prompt.name for prompt in prompts}


def only_boxes(prompts: list[Prompt]) -> list[tuple[float, float, float, float]]:
    assert all(isinstance(prompt, BoxPrompt) for prompt in prompts)
    return [prompt.box for prompt in prompts if isinstance(prompt, BoxPrompt)]


def only_masks(prompts: list[Prompt]) -> list[npt.NDArray[np.bool_]]:
    assert all(isinstance(prompt, MaskPrompt) for prompt in prompts)
    return [prompt.mask for prompt in prompts if isinstance(prompt, MaskPrompt)]


def only_points(prompts: list[Prompt]) -> list[tuple[float, float]]:
    assert all(isinstance(prompt, PointPrompt) for prompt in prompts)
    return [(prompt.x, prompt.y) for prompt in prompts if isinstance(prompt, PointPrompt)]


def same_masks(prompts: list[Prompt], truth: Truth) -> bool:
    """Whether every prompt is a mask, and pixel for pixel the truth of its frame and object."""
    wanted = [truth.mask(*place) for place in places(prompts)]
    return all(np.array_equal(mask, other) for mask, other in zip(only_masks(prompts), wanted, strict=True))
