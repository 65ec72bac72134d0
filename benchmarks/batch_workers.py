"""What workers of a batch cost and what a split video loses.

    python -m benchmarks.batch_workers memory [--jobs 200]
    python -m benchmarks.batch_workers throughput [--videos 6] [--frames 100] [--rounds 2]
    python -m benchmarks.batch_workers split [--frames 150]

`memory`: one worker does short jobs one after the other; its resident memory after each (Linux only).
`throughput`: two hand-started loops of `sam2long track`, half of the videos each, against `sam2long batch` with two
workers, one thread each, in the order A B B A; seconds, and processor seconds, which other work disturbs less.
`split`: videos of the synthetic suites, objects given as true masks on three frames, tracked as a whole and with
`--split-at-prompts`; J&F of both against the truth, and of one against the other. Model: nano.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression
from typing import Any

import numpy as np
from PIL import Image

import sam2long.batch
from benchmarks.kill9 import write_clip, write_model
from sam2long.batch.driver import Batch, drive
from sam2long.batch.executors.local import LocalExecutor
from sam2long.batch.job import Job, Settings
from sam2long.batch.work import Place, Pulse, Runner, Summary, Work
from sam2long.evaluation import sequence_scores
from sam2long.evaluation.datasets.suites_on_disk import write_suite
from sam2long.running.interrupt import Stop
from sam2long.running.models import ModelChoice

BOX = "4,16,20,32"
SUITES = ("easy", "occlusion", "lookalike", "long")


@dataclass(frozen=True)
class WeighedWork:
    """Real work whose summaries tell the resident memory of the worker, as a warning."""

    work: Work

    def start(self, place: Place) -> WeighedRunner:
        return WeighedRunner(self.work.start(place))


@dataclass(frozen=True)
class WeighedRunner:
    runner: Runner

    @property
    def facts(self) -> Mapping[str, str]:
        return self.runner.facts

    def run(self, payload: Any, pulse: Pulse, stop: Stop) -> Summary:
        summary = self.runner.run(payload, pulse, stop)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return {**summary, "warnings": [str(pages * os.sysconf("SC_PAGE_SIZE"))]}


def memory(folder: Path, count: int) -> None:
    """Resident memory of a worker after each of many jobs."""
    network = folder / "network.safetensors"
    write_model(network)
    for number in range(10):
        write_clip(folder / f"{number}.mp4", 2 + number)
    jobs = [Job(f"{number:04}", str(folder / f"{number % 10}.mp4"), box=(BOX,)) for number in range(count)]
    batch = Batch(jobs, folder / "out", ModelChoice(str(network), device="cpu", quiet=True), Settings())
    began, weights = time.monotonic(), list[float]()
    for update in drive(batch, lambda work, _: LocalExecutor(WeighedWork(work), [Place("cpu", 1)])):
        if update.kind == "done" and update.result is not None:
            weights.append(int(update.result.warnings[0]) / 1e6)
    told = [number for number in (1, 10, 20, 50, 100, 200, 500, 1000) if number <= len(weights)]
    print(
        f"{len(weights)} jobs of 2 to 11 frames in {time.monotonic() - began:.0f} s; resident memory of the worker, MB"
    )
    print(", ".join(f"after {number}: {weights[number - 1]:.1f}" for number in told))
    rest = weights[20:]
    slope = linear_regression(range(len(rest)), rest).slope
    print(f"straight line from job 21 on: {slope * 1000:.1f} kB per job")


def throughput(folder: Path, count: int, frames: int, rounds: int) -> None:
    """Two loops of `track` against a batch with two workers."""
    videos = [folder / f"v{number}.mp4" for number in range(count)]
    for video in videos:
        write_clip(video, frames)
    (folder / "jobs.csv").write_text(
        "video,box\n" + "".join(f'{video.name},"{BOX}"\n' for video in videos), encoding="utf-8"
    )
    totals = {"two loops of track": [0.0, 0.0], "batch, two workers": [0.0, 0.0]}
    for turn in range(2 * rounds):
        for name in totals if turn % 2 == 0 else reversed(totals):
            out = folder / f"{turn}-{name.split()[0]}"
            commands = loops(videos, out) if "track" in name else [batch_of(folder / "jobs.csv", out)]
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            running = [subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1"}) for words in commands]
            if any(process.wait() for process in running):
                raise SystemExit(f"{name} failed")
            seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            totals[name][0] += seconds
            totals[name][1] += spent
            print(f"{name}: {seconds:.1f} s, {spent:.1f} s of processor time", flush=True)
    (hand, hand_spent), (ours, ours_spent) = totals.values()
    print(f"{count} videos of {frames} frames, {2 * rounds} times each; load now {os.getloadavg()[0]:.1f}")
    print(f"throughput of the batch: {hand / ours:.3f} of the loops'; by processor time {hand_spent / ours_spent:.3f}")


def loops(videos: list[Path], out: Path) -> list[list[str]]:
    """Two shells that track every second video each."""
    track = f"{sys.executable} -m sam2long track --model nano --device cpu --quiet --box {BOX}"
    halves = [videos[::2], videos[1::2]]
    return [["sh", "-ec", "; ".join(f"{track} {path} --out {out / path.stem}" for path in half)] for half in halves]


def batch_of(jobs: Path, out: Path) -> list[str]:
    """The batch command."""
    words = ["--out", str(out), "--model", "nano", "--device", "cpu", "--quiet", "--workers", "2", "--threads", "1"]
    return [sys.executable, "-m", "sam2long", "batch", str(jobs), *words]


def split(folder: Path, frames: int) -> None:
    """J&F of whole and split runs."""
    jobs, truths = list[Job](), dict[str, Path]()
    for suite in SUITES:
        for _ in write_suite(f"synthetic-{suite}", folder / suite, None, 1):
            pass
        (truth,) = (folder / suite / "Annotations").iterdir()
        places = prompted(truth, frames)
        masks = tuple(f"{truth / f'{place:05d}.png'}@{place}" for place in places)
        jobs.append(
            Job(suite, str(folder / suite / "JPEGImages" / truth.name), mask=masks, settings={"end": frames - 1})
        )
        truths[suite] = truth
        print(f"{suite}: {truth.name}, prompted on {places}", flush=True)
    network = sam2long.batch.ModelChoice("nano", device="cpu", quiet=True)
    settings = Settings(formats=("png",))
    for name, apart in (("whole", False), ("split", True)):
        for result in sam2long.batch.run(jobs, folder / name, model=network, settings=settings, split_at_prompts=apart):
            print(f"{name} {result.id}: {result.state} {result.error or ''}", flush=True)
    means = list[tuple[float, ...]]()
    for suite, truth in truths.items():
        whole, parts = (read(folder / name / suite / "masks", frames) for name in ("whole", "split"))
        true = read(truth, frames)
        figures = score(whole, true), score(parts, true), score(parts, whole)
        means.append(figures)
        print(f"{suite}: whole {figures[0]:.1f}, split {figures[1]:.1f}, split against whole {figures[2]:.1f}")
    print("mean:", ", ".join(f"{sum(column) / len(column):.1f}" for column in zip(*means, strict=True)))


def prompted(truth: Path, frames: int) -> list[int]:
    """The first frame, and the first ones after a third and two thirds that show all objects of the first."""
    all_ids = ids(truth / "00000.png")
    places = [0]
    for start in (frames // 3, 2 * frames // 3):
        places += [n for n in range(start, frames) if all_ids <= ids(truth / f"{n:05d}.png")][:1]
    return places


def ids(path: Path) -> set[int]:
    """Objects on a picture of ids."""
    return set(np.unique(np.asarray(Image.open(path)))) - {0}


def read(folder: Path, frames: int) -> list[np.ndarray]:
    """The first pictures of ids."""
    return [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())[:frames]]


def score(predicted: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Mean J&F over the objects, in per cent."""
    objects = sorted(set(np.unique(truth[0])) - {0})
    scores = [
        sequence_scores((p == number, t == number) for p, t in zip(predicted, truth, strict=True)).j_and_f
        for number in objects
    ]
    return 100 * float(np.mean([value for value in scores if not math.isnan(value)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("memory", "throughput", "split"))
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="batch-workers-") as name:
        if args.what == "memory":
            memory(Path(name), args.jobs)
        elif args.what == "throughput":
            throughput(Path(name), args.videos, args.frames or 100, args.rounds)
        else:
            split(Path(name), args.frames or 150)


if __name__ == "__main__":
    main()
