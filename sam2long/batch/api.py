"""Batches from Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from sam2long.batch.driver import Batch, drive
from sam2long.batch.executors.choice import ExecutorChoice
from sam2long.batch.job import Job, Settings
from sam2long.batch.job_list import checked, read_jobs
from sam2long.batch.ledger import read_results
from sam2long.batch.result import Result
from sam2long.batch.scheduler import Limits
from sam2long.batch.shard import Shard
from sam2long.running.models import ModelChoice


def run(
    jobs: Iterable[Job] | str | Path,
    out: str | Path,
    *,
    model: str | ModelChoice = "sam2.1-hiera-large",
    settings: Settings | None = None,
    executor: str | ExecutorChoice = "local",
    limits: Limits | None = None,
    shard: str = "1/1",
    retry_failed: bool = False,
    split_at_prompts: bool = False,
) -> Iterator[Result]:
    """Track many videos, and yield the result of each job once it is done or has failed for good.

    Called again with the same arguments it resumes: jobs that were finished before are neither done nor yielded again;
    `status` has them all. Local workers are started with `spawn`, so a script needs `if __name__ == "__main__":`.

    Args:
        jobs: jobs, or the path of a job list, see `read_jobs`; relative paths in jobs are relative to here.
        out: output folder; the files of a job go into its folder `JOB`, as `sam2long track` writes them.
        model: name of a network, or all that `load_model` can be told.
        settings: how to track the jobs that have no settings of their own.
        executor: "local" for processes on this machine, "ray" for actors of a Ray cluster, or also how many.
        limits: retries, their pauses, and the time after which a hanging worker is killed.
        shard: "3/16" does the third of sixteen parts of the jobs.
        retry_failed: also do the jobs that have failed for good before.
        split_at_prompts: track segments between frames on which all objects are prompted apart.

    Raises:
        JobError: the job list cannot be used.
        BatchError: `out` belongs to another batch, or no worker can be started.
        ConfigError: a setting is out of range.
        OutputError: a format is unknown, or cannot be written here.
    """
    listed = read_jobs(Path(jobs)) if isinstance(jobs, str | Path) else checked(job.located(Path()) for job in jobs)
    network = model if isinstance(model, ModelChoice) else ModelChoice(model, quiet=True)
    choice = executor if isinstance(executor, ExecutorChoice) else ExecutorChoice(executor)
    choice = replace(choice, device=choice.device or network.device)
    batch = Batch(
        listed,
        Path(out).absolute(),
        network,
        settings or Settings(),
        Shard.parse(shard),
        limits or Limits(),
        retry_failed,
        split_at_prompts,
    )
    return _results(batch, choice)


def status(out: str | Path) -> list[Result]:
    """What is known of each job of a batch that was ever begun, in the order of their ids."""
    known = read_results(Path(out))
    return [known[job_id] for job_id in sorted(known)]


def _results(batch: Batch, choice: ExecutorChoice) -> Iterator[Result]:
    for update in drive(batch, choice.open):
        if update.kind in ("done", "failed") and update.result is not None:
            yield update.result
