"""trace.csv: what is written comes back, streamed, and never half."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from sam2long.results import FrameResult
from sam2long.results.observation import Observation
from sam2long.results.trace_file import COLUMNS, TraceError, read_trace
from sam2long.results.writers import open_writers
from sam2long.video import open_video

COUNT, HEIGHT, WIDTH = 5, 20, 30


def result(frame: int) -> FrameResult:
    """Object 2 enters on frame 2; only it has rivals."""
    masks = {1: np.zeros((HEIGHT, WIDTH), bool)}
    masks[1][:frame] = True
    if frame >= 2:
        masks[2] = np.ones((HEIGHT, WIDTH), bool)
    scores = {object_id: 0.1 * object_id + 0.01 * frame for object_id in masks}
    logits = {object_id: 1.5 * object_id - frame for object_id in masks}
    leads = {1: math.inf, 2: -0.25}
    return FrameResult(
        frame, frame / 7, masks, scores, logits, dict.fromkeys(masks, 0.5), {each: leads[each] for each in masks}
    )


def write(folder: Path, frames: range, **ending: object) -> Path:
    source = open_video(np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8))
    marked = {(0, 1), (2, 2)}
    with open_writers(folder, ["trace"], source, object_ids=[1, 2], settings={}, prompted=marked) as writers:
        for frame in frames:
            writers.write(result(frame))
        writers.finish(**ending)  # type: ignore[arg-type]
    return folder / "trace.csv"


@pytest.mark.parametrize("frames", [range(COUNT), range(COUNT - 1, -1, -1)])
def test_what_is_written_comes_back(tmp_path: Path, frames: range) -> None:
    items = list(read_trace(write(tmp_path / "out", frames)))
    expected = [(frame, object_id) for frame in frames for object_id in ((1, 2) if frame >= 2 else (1,))]
    assert [(item.frame, item.object_id) for item in items] == expected
    third = next(item for item in items if (item.frame, item.object_id) == (2, 2))
    assert third == Observation(2, pytest.approx(2 / 7, abs=1e-6), 2, 600, 1.0, 0.22, 0.5, -0.25, True)
    assert [item.area for item in items if item.object_id == 1] == [frame * WIDTH for frame in frames]
    assert {(item.frame, item.object_id) for item in items if item.prompted} == {(0, 1), (2, 2)}


def test_it_is_a_plain_table(tmp_path: Path) -> None:
    with write(tmp_path / "out", range(COUNT)).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "frame": "0",
        "time": "0.000000",
        "object": "1",
        "area": "0",
        "object_score": "1.5",
        "predicted_iou": "0.1",
        "disagreement": "0.5",
        "lead": "inf",
        "prompted": "1",
        "new_scene": "0",
    }


def test_a_run_that_was_stopped_leaves_what_it_has(tmp_path: Path) -> None:
    trace = write(tmp_path / "out", range(3), complete=False, reason="Stopped.")
    assert [item.frame for item in read_trace(trace)] == [0, 1, 2, 2]


def test_a_run_that_failed_leaves_what_it_has(tmp_path: Path) -> None:
    source = open_video(np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8))
    with (
        pytest.raises(RuntimeError),
        open_writers(tmp_path / "out", ["trace"], source, object_ids=[1], settings={}) as writers,
    ):
        writers.write(result(0))
        raise RuntimeError("tracking failed")
    assert [item.frame for item in read_trace(tmp_path / "out" / "trace.csv")] == [0]


def test_reading_is_streamed(tmp_path: Path) -> None:
    trace = write(tmp_path / "out", range(COUNT))
    trace.write_text(trace.read_text(encoding="utf-8") + "broken\n", encoding="utf-8")
    items = read_trace(trace)
    assert next(items).frame == 0
    with pytest.raises(TraceError, match="line 10 is damaged"):
        list(items)


def test_traces_of_earlier_versions_have_no_scene_cuts(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(",".join(COLUMNS[:-1]) + "\n3,0.125,1,40,2.5,0.75,0.1,inf,1\n", encoding="utf-8")
    (item,) = read_trace(path)
    assert (item.frame, item.prompted, item.new_scene) == (3, True, False)
