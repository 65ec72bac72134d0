"""The same with a real local Ray, one of whose actors is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sam2long.batch.driver import drive
from sam2long.batch.executors.ray_actors import RayCluster, RayExecutor
from sam2long.batch.ledger import read_results
from sam2long.evaluation.workers import predict_on_workers

from .conftest import contents, make_batch, make_jobs
from .faulty import FaultyWork
from .inline import InlineExecutor
from .test_eval_workers import make_data, make_experiment

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of two cores, whose actors can import the tests."""
    roots = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": roots})
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
def test_a_killed_actor_costs_one_attempt(videos: Path, tiny_model: Path, tmp_path: Path) -> None:
    jobs, out, log = make_jobs(videos, 4), tmp_path / "out", tmp_path / "log"
    batch = make_batch(jobs, out, tiny_model)
    killed = False
    for update in drive(batch, lambda work, _: RayExecutor(FaultyWork(work, log), RayCluster(threads=1))):
        if update.kind == "done" and not killed and log.exists():
            os.kill(int(log.read_text(encoding="utf-8").split()[-1]), signal.SIGKILL)
            killed = True
    results = read_results(out)
    assert killed and {result.state for result in results.values()} == {"done"} and len(results) == 4
    assert sum(result.attempts for result in results.values()) <= 5
    list(drive(make_batch(jobs, tmp_path / "local", tiny_model), lambda work, _: InlineExecutor(work)))
    for job in jobs:
        assert contents(out / job.id) == contents(tmp_path / "local" / job.id)


@pytest.mark.usefixtures("cluster")
def test_eval_on_actors_gives_the_files_of_one_process(tiny_model: Path, tmp_path: Path) -> None:
    root = make_data(tmp_path / "data", "a", "b")
    one, network = make_experiment(root, tmp_path / "one", tiny_model)
    many, _ = make_experiment(root, tmp_path / "many", tiny_model)
    assert len(list(one.predict())) == 2
    predicted = predict_on_workers(many, network, lambda work, _: RayExecutor(work, RayCluster(workers=1)))
    assert sorted(time.video for _, time in predicted) == ["a", "b"]
    assert contents(tmp_path / "one" / "predictions") == contents(tmp_path / "many" / "predictions")
