"""Detections of supervision: its sinks, and in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sam2long
from sam2long.errors import ConfigError, PromptError
from sam2long.model import SAM2

from .conftest import FRAMES, LATE, Read, Truth, named, only_boxes, places

sv = pytest.importorskip("supervision")


def detections(truth: Truth, frame: int, masks: bool = False, tracked: bool = True) -> object:
    numbers = [number for number in (1, 2, 3) if truth.mask(frame, number).any()]
    boxes = [truth.box(frame, number) for number in numbers]
    return sv.Detections(
        xyxy=np.array([[x, y, x + width, y + height] for x, y, width, height in boxes], float),
        mask=np.stack([truth.mask(frame, number) for number in numbers]) if masks else None,
        class_id=np.array([0] * len(numbers)),
        tracker_id=np.array(numbers) if tracked else None,
        confidence=np.array([0.5] * len(numbers)),
        data={"class_name": np.array(["walker"] * len(numbers))},
    )


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_sinks(truth: Truth, read: Read, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"boxes.{kind}"
    with {"csv": sv.CSVSink, "json": sv.JSONSink}[kind](str(path)) as sink:
        for frame in range(FRAMES):
            sink.append(detections(truth, frame), custom_data={"frame_index": frame})
    prompts = read(path)
    assert places(prompts) == [(0, 1), (0, 2), (LATE, 3)]
    assert named(prompts) == {1: "walker", 2: "walker", 3: "walker"}
    for (frame, number), box in zip(places(prompts), only_boxes(prompts)):
        x, y, width, height = truth.box(frame, number)
        assert box == (x, y, x + width, y + height)
    assert len(read(path, "all")) == 3 * FRAMES - LATE


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_sink_without_frames(truth: Truth, read: Read, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"boxes.{kind}"
    with {"csv": sv.CSVSink, "json": sv.JSONSink}[kind](str(path)) as sink:
        sink.append(detections(truth, 0, tracked=False))
    with pytest.raises(PromptError, match="does not say on which frames the detections are"):
        read(path)


def test_detections_in_memory(truth: Truth, small_model: SAM2) -> None:
    with sam2long.Session(small_model, truth.images) as session:
        given = {frame: detections(truth, frame, masks=True) for frame in range(FRAMES)}
        assert sam2long.load_prompts(given, session) == {1: [0], 2: [0], 3: [LATE]}
        assert [style.name for style in session.styles.values()] == ["walker"] * 3
        assert session.prompts == {1: [0], 2: [0], 3: [LATE]}
    with sam2long.Session(small_model, truth.images) as session:
        found = sam2long.load_prompts(detections(truth, 4, tracked=False), session, frame=4, prompt_frames="all")
        assert found == {1: [4], 2: [4], 3: [4]}


def test_what_cannot_be_loaded(truth: Truth, small_model: SAM2, tmp_path: Path) -> None:
    with sam2long.Session(small_model, truth.images) as session:
        with pytest.raises(PromptError, match="detections need the frame that they are on"):
            sam2long.load_prompts(detections(truth, 0), session)
        with pytest.raises(PromptError, match=r"expected supervision\.Detections, not int"):
            sam2long.load_prompts(3, session, frame=0)
        with pytest.raises(PromptError, match="has only frames 0 to 7"):
            sam2long.load_prompts(detections(truth, 0), session, frame=8)
        with pytest.raises(PromptError, match="nothing is marked"):
            sam2long.load_prompts({}, session)
        with pytest.raises(ConfigError, match="must be first, all or a number from 1, not '0'"):
            sam2long.load_prompts(detections(truth, 0), session, frame=0, prompt_frames=0)
        with pytest.raises(PromptError, match="cannot be read"):
            sam2long.load_prompts(tmp_path / "nowhere.json", session)
        assert not session.styles
