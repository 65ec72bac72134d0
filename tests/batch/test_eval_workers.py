"""`sam2long eval` on several workers: the files and figures of one process, also after kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sam2long.batch.executors.local import LocalExecutor
from sam2long.batch.scheduler import Limits
from sam2long.batch.work import Place
from sam2long.errors import BatchError
from sam2long.evaluation.datasets.benchmarks import BENCHMARKS
from sam2long.evaluation.datasets.dataset import Choice, open_dataset
from sam2long.evaluation.experiment import Experiment
from sam2long.evaluation.task import task_of
from sam2long.evaluation.variants import single, with_baseline
from sam2long.evaluation.workers import predict_on_workers
from sam2long.running.models import ModelChoice
from sam2long.tree import TreeConfig
from tests.cli.conftest import Command, sam2long
from tests.evaluation.folders import photos, save_video
from tests.evaluation.layouts import FIRST, TWO

from .conftest import contents
from .faulty import FaultyWork
from .inline import InlineExecutor

__all__ = ["sam2long"]


def make_data(root: Path, *videos: str) -> Path:
    """Videos of 4 to 6 frames."""
    for number, video in enumerate(videos):
        names = [f"{frame:05d}" for frame in range(4 + number % 3)]
        photos(root / "JPEGImages" / video, names)
        save_video(root / "Annotations", video, dict.fromkeys(names, TWO if number % 2 else FIRST))
    return root


def make_experiment(root: Path, out: Path, model: Path, baseline: bool = False) -> tuple[Experiment, ModelChoice]:
    task = task_of(open_dataset(BENCHMARKS["davis-folder"], root, Choice()))
    network = ModelChoice(str(model), device="cpu", quiet=True)
    variants = with_baseline(TreeConfig()) if baseline else single(TreeConfig())
    return Experiment(task, variants, out, network.load, network.described(), together=baseline), network


def figures(out: Path) -> list[object]:
    rows = json.loads((out / "results.json").read_text(encoding="utf-8"))["variants"]
    return [row["measured"] for row in rows]


def test_two_workers_give_the_files_and_figures_of_one_process(
    tiny_model: Path, tmp_path: Path, sam2long: Command
) -> None:
    root = make_data(tmp_path / "data", "a", "b", "c")
    fixed = ("eval", "davis-folder", "--root", root, "--model", tiny_model, "--device", "cpu")
    sweep = ("--sweep", "pathways=1,2")
    assert sam2long(*fixed, *sweep, "--out", tmp_path / "one").status == 0
    many = sam2long(*fixed, *sweep, "--out", tmp_path / "many", "--workers", 2)
    assert many.status == 0, many.err
    assert "(6/6)" in many.out
    for folder in ("pathways-1", "pathways-2"):
        one, two = (contents(tmp_path / name / folder / "predictions") for name in ("one", "many"))
        assert one == two and len(one) == 15
        (times,) = (tmp_path / "many" / folder).glob("times.jsonl")
        assert len(times.read_text(encoding="utf-8").splitlines()) == 3
    assert figures(tmp_path / "one") == figures(tmp_path / "many")
    again = sam2long(*fixed, *sweep, "--out", tmp_path / "many")  # nothing is left, on whatever executor
    assert again.status == 0 and "frames/s (" not in again.out


def test_two_trees_side_by_side_stay_on_one_worker(tiny_model: Path, tmp_path: Path) -> None:
    root = make_data(tmp_path / "data", "a", "b")
    one, network = make_experiment(root, tmp_path / "one", tiny_model, baseline=True)
    many, _ = make_experiment(root, tmp_path / "many", tiny_model, baseline=True)
    predicted = {(time.video, variant) for variant, time in one.predict()}
    on_worker = predict_on_workers(many, network, lambda work, _: InlineExecutor(work))
    assert {(time.video, variant) for variant, time in on_worker} == predicted and len(predicted) == 4
    assert contents(tmp_path / "one") == contents(tmp_path / "many")


def test_a_killed_worker_costs_an_attempt_and_a_wrong_video_only_itself(tiny_model: Path, tmp_path: Path) -> None:
    root = make_data(tmp_path / "data", "a", "killer-once", "wrong", "d")
    photos(root / "JPEGImages" / "wrong", ["00000"], height=20)  # its mask is higher
    experiment, network = make_experiment(root, tmp_path / "out", tiny_model)
    log, places = tmp_path / "log", [Place("cpu", 1)] * 2
    predicted = predict_on_workers(
        experiment, network, lambda work, _: LocalExecutor(FaultyWork(work, log), places), Limits(1, 0.05, 20)
    )
    done: list[str] = []
    with (
        pytest.warns(UserWarning, match="attempt 1 of killer-once failed.*SIGKILL"),
        pytest.raises(BatchError, match=r"1 of 4 not predicted \(wrong: .*masks are 60x40 pixels, pictures 60x20"),
    ):
        done.extend(time.video for _, time in predicted)
    assert sorted(done) == ["a", "d", "killer-once"]
    started = [line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()]
    assert sorted(started) == ["a", "d", "killer-once", "killer-once", "wrong"]
    # Another process, with another executor, does what is left; everything equals an undisturbed run.
    photos(root / "JPEGImages" / "wrong", ["00000"])
    again, network = make_experiment(root, tmp_path / "out", tiny_model)
    left = list(predict_on_workers(again, network, lambda work, _: InlineExecutor(work)))
    assert [time.video for _, time in left] == ["wrong"]
    whole, _ = make_experiment(root, tmp_path / "whole", tiny_model)
    assert len(list(whole.predict())) == 4
    assert contents(tmp_path / "out" / "predictions") == contents(tmp_path / "whole" / "predictions")


def gone(group: int) -> bool:
    """Whether all processes of a group end within seconds."""
    for _ in range(500):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_keeps_what_is_finished(
    tiny_model: Path, tmp_path: Path, sam2long: Command, number: int, status: int
) -> None:
    root, out = make_data(tmp_path / "data", *(f"v{index}" for index in range(40))), tmp_path / "out"
    words = [*map(str, ("eval", "davis-folder", "--root", root, "--model", tiny_model, "--device", "cpu"))]
    # A test run in the background may have SIGINT ignored, and children inherit that.
    sound = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    command = [sys.executable, "-m", "sam2long", *words, "--out", str(out), "--workers", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=sound
    ) as process:
        assert process.stdout is not None and "frames/s" in process.stdout.readline()
        os.killpg(process.pid, number)  # as a terminal does: workers get it too
        said = process.communicate(timeout=100)[1]
    assert process.returncode == status and "Traceback" not in said and said.count("\n") == 1, said
    assert gone(process.pid)
    finished = {path: path.stat().st_mtime_ns for path in (out / "predictions").iterdir()}
    assert 1 <= len(finished) < 40 and not [path for path in finished if path.name.startswith(".")]
    assert sam2long(*words, "--out", out).status == 0
    assert all(path.stat().st_mtime_ns == written for path, written in finished.items())
    assert sam2long(*words, "--out", tmp_path / "whole").status == 0
    assert contents(out / "predictions") == contents(tmp_path / "whole" / "predictions")
    assert figures(out) == figures(tmp_path / "whole")


def test_ray_or_workers_that_cannot_be_are_refused(tiny_model: Path, tmp_path: Path, sam2long: Command) -> None:
    root = make_data(tmp_path / "data", "a")
    fixed = ("eval", "davis-folder", "--root", root, "--model", tiny_model, "--out", tmp_path / "out")
    for words, said in [(("--executor", "slurm"), "unknown executor"), (("--address", "auto"), "--executor ray")]:
        ended = sam2long(*fixed, *words)
        assert ended.status == 2 and said in ended.err and ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
