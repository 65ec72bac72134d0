"""The examples of docs/prompt-files.md are read as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sam2long.running.prompts.parsed import BoxPrompt

from .conftest import Read, named, places

PAGE = Path(__file__).parents[3] / "docs" / "prompt-files.md"
EXAMPLES = [
    ("**COCO**", "a.json", [(0, 4)], {4: "player"}),
    ("**YouTube-VIS**", "a.json", [(1, 4)], {4: "player"}),
    ("**YOLO**", "frame_000000.txt", [(0, 1), (0, 2)], {1: "class 0", 2: "class 1"}),
    ("**LabelMe**", "frame_000000.json", [(0, 4), (0, 5)], {4: "player", 5: "ball"}),
    ("**CVAT for video 1.1**", "annotations.xml", [(0, 1), (3, 2)], {1: "player", 2: "ball"}),
    ("**MOT**", "gt.txt", [(0, 4)], {4: None}),
]


@pytest.mark.parametrize(("title", "name", "where", "names"), EXAMPLES, ids=[title for title, *_ in EXAMPLES])
def test_examples(read: Read, title: str, name: str, where: list[tuple[int, int]], names: dict[int, str]) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n{title}")[1]
    block = re.search(r"```\w*\n(.*?)```", section, re.DOTALL)
    assert block is not None
    prompts = read(block[1], name=name, video=np.zeros((10, 720, 1280, 3), np.uint8))
    assert places(prompts) == where
    assert named(prompts) == names
    first = prompts[0]
    if isinstance(first, BoxPrompt):
        assert first.box == pytest.approx((300, 10, 500, 400), abs=0.1)
