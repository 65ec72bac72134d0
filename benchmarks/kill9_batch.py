"""Kills the workers and the driver of a batch with SIGKILL at random moments, resumes, and compares every file.

    python -m benchmarks.kill9_batch [--kills 100] [--seed 0] [--jobs 8] [--frames 80] [--executor ray] [--keep FOLDER]

Each video is first tracked by a `sam2long track` of its own. Then two workers do all of them as a batch. At random
moments, mostly while a worker is at a job, a worker is killed, one time in three the driver; a killed driver is started
again, and so it goes on until the batch is done; another batch takes its place until all kills are made. Whenever a
driver ends, and in the end, every file of a finished job must equal the single run's to the byte, no finished job may
have been written again, and after a whole batch no session, no segment and no unfinished file may be left.

The network is that of `benchmarks.kill9`, sessions save themselves every 50 ms. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.kill9 import EVERY, write_clip, write_model
from sam2long.batch.driver import Batch, drive
from sam2long.batch.executors.base import Executor
from sam2long.batch.executors.local import LocalExecutor
from sam2long.batch.executors.ray_actors import RayCluster, RayExecutor
from sam2long.batch.job import Job, Settings
from sam2long.batch.ledger import read_results
from sam2long.batch.scheduler import Limits
from sam2long.batch.work import Place, Pulse, Runner, Summary, Work
from sam2long.running.interrupt import Stop
from sam2long.running.models import ModelChoice

BOX = "4,16,20,32"
FORMATS = ("png", "overlay", "coco")


@dataclass(frozen=True)
class WatchedWork:
    """Real work that notes which process does what, and saves its sessions often."""

    work: Work
    log: Path

    def start(self, place: Place) -> WatchedRunner:
        from sam2long.tracking import session
        from sam2long.tracking.saving import autosave

        note(self.log, "loading")
        saver = session.AutoSaver
        session.AutoSaver = lambda path, every, write: saver(path, EVERY, write)  # type: ignore[misc,assignment]
        autosave._SHARE = 1
        return WatchedRunner(self.work.start(place), self.log)


@dataclass(frozen=True)
class WatchedRunner:
    runner: Runner
    log: Path

    @property
    def facts(self) -> Mapping[str, str]:
        return self.runner.facts

    def run(self, payload: Any, pulse: Pulse, stop: Stop) -> Summary:
        note(self.log, payload.job.id)
        return self.runner.run(payload, pulse, stop)


def note(log: Path, what: str) -> None:
    """Append a line in one write."""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {what}\n")


@dataclass
class Count:
    """What the campaign has seen.

    Attributes:
        kills: by what was killed.
        batches: that came to their end.
        attempts: jobs begun, those that were killed included.
        resumed: attempts that found a session of an earlier one.
        compared: files compared with single runs.
        differences: a line for everything that was not as it must be.
    """

    kills: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    attempts: int = 0
    resumed: int = 0
    compared: int = 0
    differences: list[str] = field(default_factory=list)


def run_driver(folder: Path, out: Path, executor: str) -> None:
    """Be the driver: do what is left of the batch."""
    jobs = [Job(path.stem, str(path), box=(BOX,)) for path in sorted((folder / "videos").iterdir())]
    network = ModelChoice(str(folder / "network.safetensors"), device="cpu", quiet=True)
    batch = Batch(jobs, out, network, Settings(FORMATS), limits=Limits(1000, 0.05, 120))

    def open_executor(work: Work, tasks: int) -> Executor:
        watched = WatchedWork(work, out.with_suffix(".log"))
        if executor == "ray":
            return RayExecutor(watched, RayCluster(workers=2))
        return LocalExecutor(watched, [Place("cpu", 1)] * 2)

    for _ in drive(batch, open_executor):
        pass


@dataclass
class Campaign:
    """All kills; every file lies in `folder`."""

    folder: Path
    executor: str
    moments: random.Random
    count: Count = field(default_factory=Count)
    finished: dict[Path, int] = field(default_factory=dict)

    def disturbed(self, out: Path, kills: int) -> None:
        """Do one batch, with at most `kills` kills."""
        made, driver, log = 0, self._start(out), out.with_suffix(".log")
        while True:
            if made < kills:
                self._wait(driver, log)
                made += driver.poll() is None and self._kill(driver, log)
            if made >= kills and driver.returncode is None:
                driver.wait()
            if driver.poll() is None:
                continue
            if driver.returncode != -signal.SIGKILL:
                break
            self.check(out, whole=False)
            driver = self._start(out)
        if driver.returncode:
            self.count.differences.append(f"{out.name}: the driver ended with {driver.returncode}")
        lines = log.read_text(encoding="utf-8").splitlines()
        self.count.attempts += sum(not line.endswith(" loading") for line in lines)
        self.check(out, whole=True)
        self.count.batches += 1

    def check(self, out: Path, whole: bool) -> None:
        """Compare what is done with the single runs; of a whole batch, everything."""
        results = read_results(out)
        done = [job_id for job_id, result in results.items() if result.state == "done"]
        names = sorted(path.name for path in (self.folder / "single").iterdir())
        if whole and sorted(done) != names:
            self.count.differences.append(f"{out.name}: done are only {', '.join(sorted(done))}")
        for job_id in done:
            path = out / job_id / "summary.json"
            if self.finished.setdefault(path, path.stat().st_mtime_ns) != path.stat().st_mtime_ns:
                self.count.differences.append(f"{out.name}: {job_id} was written again")
            one, many = contents(self.folder / "single" / job_id), contents(out / job_id)
            self.count.compared += len(many)
            differing = sorted(name for name in one.keys() | many.keys() if one.get(name) != many.get(name))
            self.count.differences += [f"{out.name}: {job_id}/{name} differs" for name in differing]
        if whole:
            left = [path for path in (out / ".batch" / "sessions").rglob("*") if path.is_file()]
            left += [path for path in out.rglob("*") if ".part" in path.name or "unfinished" in path.name]
            self.count.differences += [f"{out.name}: {path.name} is left over" for path in left]

    def _start(self, out: Path) -> subprocess.Popen[bytes]:
        words = ["-m", "benchmarks.kill9_batch", "--drive", str(out), "--keep", str(self.folder)]
        self.count.resumed += len(list((out / ".batch" / "sessions").glob("*.s2l")))
        with out.with_suffix(".txt").open("ab") as text:
            return subprocess.Popen(
                [sys.executable, *words, "--executor", self.executor], stdout=text, stderr=text, cwd=Path.cwd()
            )

    def _wait(self, driver: subprocess.Popen[bytes], log: Path) -> None:
        """Wait until a worker is at a job, or four times out of five so, and a moment longer."""
        wanted = "job" if self.moments.random() < 0.8 else "loading"
        while driver.poll() is None:
            doing = workers(log).values()
            if doing and (wanted == "loading" or any(what != "loading" for what in doing)):
                break
            time.sleep(0.05)
        with suppress(subprocess.TimeoutExpired):
            driver.wait(self.moments.uniform(0, 4))

    def _kill(self, driver: subprocess.Popen[bytes], log: Path) -> bool:
        """Kill the driver or a worker; False if there is none to kill."""
        if self.moments.random() < 1 / 3:
            driver.kill()
            self.count.kills["driver"] += 1
            driver.wait()
            return True
        doing = workers(log)
        if not doing:
            return False
        chosen = self.moments.choice(sorted(doing))
        with suppress(ProcessLookupError):
            os.kill(chosen, signal.SIGKILL)
            self.count.kills["worker, loading" if doing[chosen] == "loading" else "worker, at a job"] += 1
            return True
        return False


def workers(log: Path) -> dict[int, str]:
    """What each worker that is alive has begun last."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    doing = {int(pid): what for pid, what in (line.split(" ", 1) for line in lines)}
    return {pid: what for pid, what in doing.items() if is_worker(pid)}


def is_worker(pid: int) -> bool:
    """Whether a process of this id runs and is a worker."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"multiprocessing" in words or b"ray::" in words


def contents(folder: Path) -> dict[str, bytes]:
    """Every file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make_single_runs(folder: Path, jobs: int, frames: int) -> None:
    """Videos of different lengths, the network, and what `track` makes of each."""
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    write_model(folder / "network.safetensors")
    for number in range(jobs):
        video = folder / "videos" / f"v{number:02}.mp4"
        if (folder / "single" / video.stem).exists():
            continue
        write_clip(video, frames // 2 + number * frames // jobs)
        words = ["track", str(video), "--box", BOX, "--save", ",".join(FORMATS), "--quiet", "--device", "cpu"]
        network = ["--model", str(folder / "network.safetensors"), "--out", str(folder / "single" / video.stem)]
        subprocess.run([sys.executable, "-m", "sam2long", *words, *network], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--frames", type=int, default=80, help="of a video on average")
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument("--keep", type=Path, help="a folder that keeps all files; single runs in it are used again")
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    if args.drive is not None:
        return run_driver(args.keep, args.drive, args.executor)
    folder = (args.keep or Path(tempfile.mkdtemp(prefix="kill9-batch-"))).absolute()
    began = time.monotonic()
    make_single_runs(folder, args.jobs, args.frames)
    campaign = Campaign(folder, args.executor, random.Random(args.seed))
    count = campaign.count
    while (made := count.kills.total()) < args.kills:
        out = folder / f"out{count.batches:03}-{args.executor}-{args.seed}"
        campaign.disturbed(out, args.kills - made)
        print(f"{out.name}: {count.kills.total() - made} kills", flush=True)
    kills = ", ".join(f"{times} {what}" for what, times in count.kills.most_common())
    print(f"{count.kills.total()} kills ({kills}); {count.batches} batches of {args.jobs} jobs, {args.executor}")
    print(f"{count.attempts} attempts; {count.resumed} sessions were there when a driver was started again")
    print(f"{count.compared} files compared; {len(count.differences)} differences; {time.monotonic() - began:.0f} s")
    for line in count.differences:
        print(f"  {line}")
    if args.keep is None and not count.differences:
        shutil.rmtree(folder)
    elif count.differences:
        print(f"everything is in {folder}")
    print(json.dumps({"kills": count.kills, "attempts": count.attempts, "differences": len(count.differences)}))
    sys.exit(bool(count.differences))


if __name__ == "__main__":
    main()
