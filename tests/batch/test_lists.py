"""Job lists of every kind, and what the command prints, reports and does again."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

from sam2long.batch.driver import drive
from sam2long.batch.job import Job
from sam2long.batch.job_list import read_jobs
from sam2long.batch.report import write_report
from sam2long.errors import JobError
from tests.cli.conftest import Command, sam2long, write_clip

from .conftest import contents, make_batch
from .inline import InlineExecutor

__all__ = ["sam2long"]


def test_a_table_says_the_same_as_lines(tmp_path: Path) -> None:
    table = 'id,video,box,point,stride,reverse,modulation\na,v/a.mp4,"4,16,20,32#1; 1,2,3,4@5#2",,2,,\n'
    table += ',b.mp4,,"5,6",,yes,"0.9,1.1"\n\n'
    (tmp_path / "jobs.csv").write_text("\ufeff" + table, encoding="utf-8")
    lines = [
        {"id": "a", "video": "v/a.mp4", "box": ["4,16,20,32#1", "1,2,3,4@5#2"], "stride": "2"},
        {"video": "b.mp4", "point": "5,6", "reverse": "yes", "modulation": "0.9,1.1"},
    ]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    jobs = read_jobs(tmp_path / "jobs.csv")
    assert jobs == read_jobs(tmp_path / "jobs.jsonl")
    assert [(job.id, job.video) for job in jobs] == [("a", str(tmp_path / "v/a.mp4")), ("b", str(tmp_path / "b.mp4"))]
    assert jobs[0].box == ("4,16,20,32#1", "1,2,3,4@5#2") and jobs[1].point == ("5,6",)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("jobs.csv", "id,video,bax\na,a.mp4,1\n", "line 2: unknown key 'bax'"),
        ("jobs.csv", "id,video,box\na,a.mp4,4,16,20,32\n", "line 2: more values than columns"),
        ("jobs.csv", 'id,video,box\na,a.mp4,"1,2\n', "bad CSV"),
        ("jobs.csv", "id,box\na,5\n", "line 2: 'video' is missing"),
        ("jobs.csv", "id,video,box\na,a.mp4,\n", "nothing to follow"),
        ("jobs.csv", "video,box,stride\na.mp4,5,two\n", "'two' is not a valid stride"),
        ("jobs.csv", "id,video,box\na,a.mp4,5\nA,b.mp4,5\n", "two jobs have the id 'A'"),
        ("jobs.csv", "id,video,box\n../a,a.mp4,5\n", "cannot be the name of a folder"),
        ("jobs.csv", "id,video,box\n", "the job list is empty"),
        ("jobs.jsonl", '{"id": "a"\n', "line 1: bad JSON"),
        ("jobs.jsonl", "[1]\n", "line 1: expected an object"),
        ("jobs.txt", "a.mp4\n", "is not a job list"),
    ],
)
def test_a_bad_list_is_refused_in_one_line(sam2long: Command, tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    ended = sam2long("batch", tmp_path / name, "--out", tmp_path / "out")
    assert ended.status == 2 and said in ended.err and ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_video_without_prompts_beside_it_is_named(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 1)
    with pytest.raises(JobError, match=r"a\.mp4 has no prompts; expected a\.json, a\.png, a\.s2l beside it"):
        read_jobs(tmp_path)


def make_folder(folder: Path) -> Path:
    """A film with prompts, one with a mask, pictures with prompts, a corrupt film, and files that are none of these."""
    (folder / "c").mkdir(parents=True)
    prompts = {"prompts": [{"frame": 0, "object": 1, "box": [4, 16, 20, 32]}]}
    for name in ("a", "c", "d"):
        (folder / f"{name}.json").write_text(json.dumps(prompts), encoding="utf-8")
    write_clip(folder / "a.mp4", 5)
    write_clip(folder / "b.mp4", 4)
    mask = np.zeros((48, 64), np.uint8)
    mask[16:32, 4:20] = 255
    cv2.imwrite(str(folder / "b.png"), mask)
    for number in range(3):
        cv2.imwrite(str(folder / "c" / f"{number}.png"), np.full((48, 64, 3), 40 + number, np.uint8))
    (folder / "d.mp4").write_bytes(b"no video" * 99)
    (folder / "notes.txt").write_text("not a video", encoding="utf-8")
    return folder


def test_a_folder_its_status_its_report_and_another_try(tiny_model: Path, tmp_path: Path, sam2long: Command) -> None:
    folder, out = make_folder(tmp_path / "videos"), tmp_path / "out"
    network = ("--model", tiny_model, "--device", "cpu", "--save", "png,coco")
    words = ("batch", folder, "--out", out, *network, "--workers", 1, "--retries", 0)
    first = sam2long(*words, "--json")
    assert first.status == 11, first.err
    events = [json.loads(line) for line in first.out.splitlines()]
    ended = {event["job"]: event["event"] for event in events if event["event"] in ("done", "failed")}
    assert ended == {"a": "done", "b": "done", "c": "done", "d": "failed"}
    assert events[-1]["counts"] == {"done": 3, "failed": 1, "running": 0, "waiting": 0}
    for name, given in [
        ("a.mp4", ("a.json", "--prompts")),
        ("b.mp4", ("b.png", "--mask")),
        ("c", ("c.json", "--prompts")),
    ]:
        single = tmp_path / "single" / Path(name).stem
        assert sam2long("track", folder / name, given[1], folder / given[0], *network, "--out", single).status == 0
        assert contents(single) == contents(out / Path(name).stem)
    before = contents(out)
    status = sam2long("batch", "--status", out)
    assert status.status == 0
    assert status.out.splitlines()[0].startswith("4 jobs: 3 done, 1 failed; 12 frames, ")
    assert status.out.splitlines()[1].startswith("failed: d after 1 attempt: ")
    rows = [json.loads(line) for line in sam2long("batch", "--status", out, "--json").out.splitlines()]
    assert {row["id"]: row["state"] for row in rows} == {**dict.fromkeys("abc", "done"), "d": "failed"}
    assert contents(out) == before
    write_clip(folder / "d.mp4", 3)
    again = sam2long(*words)
    assert again.status == 11 and again.out.startswith("3 of 4 jobs done, 1 failed")
    mended = sam2long(*words, "--retry-failed", "--json")
    assert mended.status == 0
    events = [json.loads(line) for line in mended.out.splitlines()]
    assert {event.get("job") for event in events} - {None} == {"d"}
    assert len(list((out / "d" / "masks").iterdir())) == 3
    assert sam2long("batch", "--status", tmp_path).status == 2


@pytest.mark.skipif(sys.platform == "win32", reason="file names")
def test_the_report_page_escapes_what_it_shows_and_its_links_lead_somewhere(tiny_model: Path, tmp_path: Path) -> None:
    video = write_clip(tmp_path / "clip.mp4", 3)
    bad = tmp_path / "<img src=x>.mp4"
    bad.write_bytes(b"none")
    jobs = [Job('a <b> & "c" #1?', str(video), box=("4,16,20,32",)), Job("bad", str(bad), box=("1,1,5,5",))]
    batch = make_batch(jobs, tmp_path / "out", tiny_model)
    list(drive(batch, lambda work, _: InlineExecutor(work)))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<b>" not in page and "<img" not in page and "&lt;img src=x&gt;" in page
    (link,) = re.findall(r'<td title="[^"]+"><a href="([^"]+)"', page)
    assert (tmp_path / "out" / unquote(link)).exists()
    rows = [json.loads(line) for line in (tmp_path / "out" / "report.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["state"], row["attempts"], row["frames"]) for row in rows] == [("done", 1, 3), ("failed", 2, None)]
    shutil.rmtree(tmp_path / "out" / ".batch" / "rows")
    write_report(tmp_path / "out", jobs)
    assert ": 0 done, 2 waiting; 0 frames" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
