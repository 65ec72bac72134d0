"""What `--save` writes can be given to `--prompts`, with objects, names and masks."""

from __future__ import annotations

from pathlib import Path

import pytest

from sam2long.results import FrameResult
from sam2long.results.writers import open_writers
from sam2long.video import open_video

from .conftest import FRAMES, LATE, Read, Truth, named, only_masks, places, same_masks

NAMES = {1: "cat", 2: "dog", 3: "bird"}


@pytest.fixture(scope="module")
def written(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scene in all formats."""
    out = tmp_path_factory.mktemp("run") / "out"
    formats = ("png", "png-per-object", "coco", "yolo", "labelme", "cvat", "cvat-masks")
    with (
        open_video(truth.images) as source,
        open_writers(out, formats, source, object_ids=[1, 2, 3], settings={}, names=NAMES) as writers,
    ):
        for frame in range(FRAMES):
            masks = {number: truth.mask(frame, number) for number in (1, 2, 3)}
            ones = dict.fromkeys(masks, 1.0)
            writers.write(FrameResult(frame, frame / 24, masks, ones, ones, dict.fromkeys(masks, 0.0)))
    return out


@pytest.mark.parametrize("name", ["masks", "objects", "coco.json", "ytvis.json", "cvat-masks.xml"])
def test_masks_come_back_as_they_were(truth: Truth, written: Path, read: Read, name: str) -> None:
    prompts = read(written / name, "all")
    assert len(prompts) == 3 * FRAMES - LATE
    assert same_masks(prompts, truth)


@pytest.mark.parametrize("name", ["labelme", "yolo", "cvat.xml"])
def test_outlines_come_back_nearly(truth: Truth, written: Path, read: Read, name: str) -> None:
    """They are simplified by up to half a pixel, of objects that are three to ten pixels wide here."""
    prompts = read(written / name, "all")
    assert named(prompts) == NAMES
    assert sorted(places(prompts)) == sorted(places(read(written / "masks", "all")))
    for place, mask in zip(places(prompts), only_masks(prompts)):
        both, either = mask & truth.mask(*place), mask | truth.mask(*place)
        assert both.sum() / either.sum() > 0.7
