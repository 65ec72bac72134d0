"""The same with a real local Ray, one of whose actors is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sam2long.batch.driver import drive
from sam2long.batch.executors.ray_actors import RayCluster, RayExecutor
from sam2long.batch.ledger import read_results

from .conftest import contents, make_batch, make_jobs
from .faulty import FaultyWork
from .inline import InlineExecutor

ray = pytest.importorskip("ray")


def test_a_killed_actor_costs_one_attempt(videos: Path, tiny_model: Path, tmp_path: Path) -> None:
    jobs, out, log = make_jobs(videos, 4), tmp_path / "out", tmp_path / "log"
    batch = make_batch(jobs, out, tiny_model)
    roots = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": roots})
    killed = False
    try:
        updates = drive(batch, lambda work, _: RayExecutor(FaultyWork(work, log), RayCluster(threads=1)))
        for update in updates:
            if update.kind == "done" and not killed and log.exists():
                os.kill(int(log.read_text(encoding="utf-8").split()[-1]), signal.SIGKILL)
                killed = True
    finally:
        ray.shutdown()
    results = read_results(out)
    assert killed and {result.state for result in results.values()} == {"done"} and len(results) == 4
    assert sum(result.attempts for result in results.values()) <= 5
    list(drive(make_batch(jobs, tmp_path / "local", tiny_model), lambda work, _: InlineExecutor(work)))
    for job in jobs:
        assert contents(out / job.id) == contents(tmp_path / "local" / job.id)
