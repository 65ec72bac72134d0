"""Soft edges and post-processing in batches: the same files as `track` writes, and mistakes told before any work."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sam2long.batch import run
from sam2long.batch.driver import drive
from sam2long.batch.job import Job, Settings
from sam2long.errors import ConfigError, OutputError
from sam2long.results.postprocessing import Postprocessing
from tests.cli.conftest import Command, sam2long, write_clip

from .conftest import BOX, contents, make_batch
from .inline import InlineExecutor

__all__ = ["sam2long"]


@pytest.mark.parametrize("apart", [False, True], ids=["whole", "split at prompts"])
def test_the_files_are_those_of_track(tiny_model: Path, tmp_path: Path, sam2long: Command, apart: bool) -> None:
    video, boxes = write_clip(tmp_path / "clip.mp4", 6), ("4,16,20,32", "4,16,20,32@3")
    jobs = [Job("all", str(video), box=boxes), Job("own", str(video), box=boxes, settings={"grow": "-1", "soft": "no"})]
    settings = Settings(formats=("png", "matte"), postprocessing=Postprocessing(soft=True, grow=2))
    batch = replace(make_batch(jobs, tmp_path / "out", tiny_model, split_at_prompts=apart), settings=settings)
    assert [update.kind for update in drive(batch, lambda work, _: InlineExecutor(work))].count("done") == 2
    for name, words in (("all", ("--soft", "--grow", 2)), ("own", ("--grow", -1))):
        single = tmp_path / name
        given = [word for box in boxes for word in ("--box", box)]
        how = ("--save", "png,matte", "--model", tiny_model, "--device", "cpu")
        assert sam2long("track", video, *given, *how, *words, "--out", single).status == 0
        ours, theirs = contents(tmp_path / "out" / name), contents(single)
        assert ours.keys() == theirs.keys()
        assert [key for key in ours if ours[key] != theirs[key]] in ([], ["summary.json"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--soft",), "need a format with an opacity"),
        (("--feather", 300), "feather is 300"),
        (("--save", "bmp"), "unknown output format 'bmp'"),
        (("--scale", "0.5um"), "a scale is only used by the format csv"),
    ],
)
def test_mistakes_are_told_before_any_work(
    sam2long: Command, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    (tmp_path / "jobs.jsonl").write_text(json.dumps({"video": "a.mp4", "box": BOX[0]}), encoding="utf-8")
    ended = sam2long("batch", tmp_path / "jobs.jsonl", "--out", tmp_path / "out", *words)
    assert ended.status == 2 and said in ended.err and ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_job_whose_own_settings_have_no_format() -> None:
    job = Job("a", "a.mp4", box=BOX, settings={"soft": True})
    with pytest.raises(ConfigError, match="job a: soft edges need a format with an opacity"):
        Settings().of(job)


def test_batches_of_earlier_versions_can_be_resumed() -> None:
    assert not {"postprocessing", "cuts"} & Settings().described().keys()
    assert Settings(postprocessing=Postprocessing(largest=True)).described()["postprocessing"]


def test_an_unknown_format_from_python(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="unknown output format"):
        next(run([Job("a", "a.mp4", box=BOX)], tmp_path / "out", settings=Settings(formats=("gif",))))
    assert not (tmp_path / "out").exists()
