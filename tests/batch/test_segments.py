"""A video cut at its prompts: which cuts are made, and that the joined results are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from sam2long.batch.driver import drive
from sam2long.batch.job import Job
from sam2long.batch.segments import Segment, segments
from sam2long.running.prompts.parsed import PointPrompt
from sam2long.running.run import FrameRange
from tests.cli.conftest import Command, sam2long, write_clip

from .conftest import contents, make_batch
from .inline import InlineExecutor

__all__ = ["sam2long"]


def prompts(*places: tuple[int, int]) -> list[PointPrompt]:
    return [PointPrompt(frame, number, 1.0, 1.0, 1) for frame, number in places]


@pytest.mark.parametrize(
    ("places", "frames", "expected"),
    [
        ([(0, 1)], FrameRange(), [Segment(0, None)]),
        ([(0, 1), (5, 1)], FrameRange(), [Segment(0, 4), Segment(5, None)]),
        ([(0, 1), (5, 2)], FrameRange(), [Segment(0, None)]),  # object 1 is not prompted on frame 5
        ([(0, 1), (5, 2), (9, 1), (9, 2)], FrameRange(), [Segment(0, 8), Segment(9, None)]),
        ([(0, 1), (5, 1), (9, 1)], FrameRange(2, 7), [Segment(2, 4), Segment(5, 7)]),
        ([(0, 1), (5, 1)], FrameRange(stride=2), [Segment(0, None)]),
        ([(0, 1), (5, 1)], FrameRange(reverse=True), [Segment(0, None)]),
    ],
)
def test_where_a_video_is_cut(places: list[tuple[int, int]], frames: FrameRange, expected: list[Segment]) -> None:
    assert segments(prompts(*places), frames) == expected


def test_the_joined_results_are_whole(tiny_model: Path, tmp_path: Path, sam2long: Command) -> None:
    video, boxes = write_clip(tmp_path / "clip.mp4", 12), ("4,16,20,32#1", "16,16,32,32@6#1")
    job = Job("clip", str(video), box=boxes)
    batch = make_batch([job], tmp_path / "out", tiny_model, split_at_prompts=True)
    kinds = [update.kind for update in drive(batch, lambda work, _: InlineExecutor(work))]
    assert kinds.count("done") == 1 and "failed" not in kinds and "retry" not in kinds
    assert kinds.count("started") == 3  # two segments, and the run that writes
    words = ("--box", boxes[0], "--box", boxes[1], "--save", "png,coco", "--model", tiny_model)
    assert sam2long("track", video, *words, "--out", tmp_path / "single").status == 0
    split, whole = contents(tmp_path / "out" / "clip"), contents(tmp_path / "single")
    assert split.keys() == whole.keys()
    for frame in range(7):  # up to the cut, nothing can differ
        assert split[f"masks/{frame:05}.png"] == whole[f"masks/{frame:05}.png"]
    assert not list((tmp_path / "out" / ".batch" / "sessions").iterdir())
