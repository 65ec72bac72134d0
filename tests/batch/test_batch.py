"""Whole batches with real worker processes: bad videos, dying and hanging workers, kills of the driver, shards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sam2long.batch.driver import Batch, Update, drive
from sam2long.batch.executors.local import LocalExecutor
from sam2long.batch.job import Job
from sam2long.batch.ledger import read_results
from sam2long.batch.shard import Shard
from sam2long.batch.work import Place
from sam2long.errors import BatchError
from tests.cli.conftest import Command, sam2long, write_clip

from .conftest import BOX, contents, make_batch, make_jobs
from .faulty import FaultyWork
from .inline import InlineExecutor

__all__ = ["sam2long"]

PROGRAM = [sys.executable, "-c", "from sam2long.cli.app import main; main()"]


def do(batch: Batch, log: Path) -> list[str]:
    """Run a batch with two processes; the kinds of updates about jobs."""
    places = [Place("cpu", 1)] * 2
    return _kinds(drive(batch, lambda work, _: LocalExecutor(FaultyWork(work, log), places)))


def do_here(batch: Batch) -> list[str]:
    """The same in this process."""
    return _kinds(drive(batch, lambda work, _: InlineExecutor(work)))


def _kinds(updates: Iterator[Update]) -> list[str]:
    return [f"{update.kind} {update.result.id}" for update in updates if update.result is not None]


def single_runs(sam2long: Command, jobs: list[Job], out: Path, model: Path) -> None:
    for job in jobs:
        words = ("--box", BOX[0], "--save", "png,coco", "--model", model, "--out", out / job.id)
        assert sam2long("track", job.video, *words).status == 0


def test_forty_videos_of_which_three_are_bad(videos: Path, tiny_model: Path, tmp_path: Path, sam2long: Command) -> None:
    bad = [Job(name, str(videos / "v01.mp4"), box=BOX) for name in ("killer", "hanger")]
    bad.append(Job("corrupt", str(videos / "corrupt.mp4"), box=BOX))
    jobs = [*make_jobs(videos, 37), *bad]
    out, log = tmp_path / "out", tmp_path / "log"
    batch = make_batch(jobs, out, tiny_model)
    do(batch, log)
    results = read_results(out)
    failed = {result.id: result for result in results.values() if result.state == "failed"}
    assert set(failed) == {"killer", "hanger", "corrupt"}
    assert {result.attempts for result in failed.values()} == {2}
    assert "SIGKILL" in (failed["killer"].error or "") and "no frame" in (failed["hanger"].error or "")
    assert sum(result.state == "done" for result in results.values()) == 37
    started = Counter(line.split()[0] for line in log.read_text(encoding="utf-8").splitlines())
    assert all(started[job.id] == (2 if job in bad else 1) for job in jobs)
    single_runs(sam2long, jobs[:3], tmp_path / "single", tiny_model)
    for job in jobs[:3]:
        assert contents(out / job.id) == contents(tmp_path / "single" / job.id)
    assert not any((out / job.id).exists() for job in bad)
    assert do(batch, log) == []  # nothing is done twice
    rows = [json.loads(line) for line in (out / "report.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == [job.id for job in jobs]
    assert "hanger" in (out / "report.html").read_text(encoding="utf-8")


def test_two_shards_and_a_resumed_whole_run_give_the_same_files(videos: Path, tiny_model: Path, tmp_path: Path) -> None:
    jobs = make_jobs(videos, 6)
    for number in (1, 2):
        done = do_here(make_batch(jobs, tmp_path / "shards", tiny_model, shard=Shard(number, 2)))
        assert {line.split()[1] for line in done} == {job.id for job in jobs[number - 1 :: 2]}
    assert do_here(make_batch(jobs, tmp_path / "shards", tiny_model)) == []
    first = make_batch(jobs, tmp_path / "whole", tiny_model, shard=Shard(1, 3))
    do_here(first)
    resumed = do_here(make_batch(jobs, tmp_path / "whole", tiny_model))
    assert {line.split()[1] for line in resumed} == {job.id for job in jobs} - {jobs[0].id, jobs[3].id}
    for job in jobs:
        assert contents(tmp_path / "shards" / job.id) == contents(tmp_path / "whole" / job.id)


def test_other_settings_or_another_job_are_refused(videos: Path, tiny_model: Path, tmp_path: Path) -> None:
    jobs, out = make_jobs(videos, 2), tmp_path / "out"
    do_here(make_batch(jobs, out, tiny_model))
    before = contents(out)
    with pytest.raises(BatchError, match="split_at_prompts"):
        do_here(make_batch(jobs, out, tiny_model, split_at_prompts=True))
    other = [Job("v00", jobs[0].video, point=("5,5",)), jobs[1]]
    with pytest.raises(BatchError, match="another job with the id 'v00'"):
        do_here(make_batch(other, out, tiny_model))
    assert contents(out).keys() == before.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_driver_resumes_and_does_nothing_twice(
    videos: Path, tiny_model: Path, tmp_path: Path, sam2long: Command
) -> None:
    jobs = [*make_jobs(videos, 3), Job("long", str(write_clip(tmp_path / "long.mp4", 150)), box=BOX)]
    lines = [json.dumps({"id": job.id, "video": job.video, "box": BOX[0]}) for job in jobs]
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "out"
    words = ["batch", tmp_path / "jobs.jsonl", "--out", out, "--model", tiny_model, "--save", "png,coco"]
    command = [*PROGRAM, *map(str, words), "--device", "cpu", "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(9000):
            if (out / "v02" / "summary.json").exists() or process.poll() is not None:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    time.sleep(0.5)  # workers notice that their parent is gone
    done = [result.id for result in read_results(out).values() if result.state == "done"]
    finished = {job_id: (out / job_id / "summary.json").stat().st_mtime_ns for job_id in done}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert f"{len(jobs)} of {len(jobs)} jobs done" in ended.stdout
    assert finished == {job_id: (out / job_id / "summary.json").stat().st_mtime_ns for job_id in finished}
    single_runs(sam2long, jobs[-1:], tmp_path / "single", tiny_model)
    assert contents(out / "long") == contents(tmp_path / "single" / "long")
    assert not list((out / ".batch" / "sessions").iterdir())
