"""`sam2long batch`: tracks many videos from one list, and resumes where it was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sam2long.cli.options import batch as options
from sam2long.cli.options import results
from sam2long.cli.options.batch import FailureOptions, WorkerOptions
from sam2long.cli.options.edges import EdgeOptions
from sam2long.cli.options.grouped import grouped
from sam2long.cli.options.network import NetworkOptions
from sam2long.cli.options.results import SaveOptions
from sam2long.cli.options.tree import TrackingOptions
from sam2long.errors import ConfigError

if TYPE_CHECKING:
    from sam2long.batch.driver import Batch
    from sam2long.batch.executors.choice import ExecutorChoice

_FAILED_STATUS, _MOST_FAILED = 10, 100


@grouped
def batch(
    *,
    jobs: options.Jobs = None,
    out: options.Out = None,
    status: options.Status = None,
    workers: WorkerOptions,
    failures: FailureOptions,
    files: SaveOptions,
    network: NetworkOptions,
    tracking: TrackingOptions,
    edges: EdgeOptions,
    as_json: results.AsJson = False,
    quiet: results.Quiet = False,
) -> None:
    """Track many videos from one list. Run the same command again to resume. Exit status: 0, or 10 + failed jobs."""
    if status is not None:
        return _print_status(status, as_json)
    if jobs is None or out is None:
        raise ConfigError("batch needs JOBS and --out DIR, or --status DIR")
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.batch.driver import Batch
    from sam2long.batch.job import Settings
    from sam2long.batch.job_list import read_jobs
    from sam2long.batch.scheduler import Limits
    from sam2long.batch.shard import Shard

    tracking.check()
    settings = Settings(
        files.formats,
        tracking.config(),
        tracking.max_delay,
        scale=files.pixel_size(),
        cuts=tracking.cuts or "keep",
        postprocessing=edges.postprocessing(),
    )
    limits = Limits(failures.retries, failures.backoff, failures.timeout or None)
    part, where, choice = Shard.parse(workers.shard), out.absolute(), network.choice(quiet=True)
    again, apart = failures.retry_failed, workers.split_at_prompts
    todo = Batch(read_jobs(jobs), where, choice, settings, part, limits, again, apart)
    return _run(todo, workers.choice(network.device), as_json, quiet)


def _run(todo: Batch, choice: ExecutorChoice, as_json: bool, quiet: bool) -> None:
    from contextlib import closing

    from sam2long.batch.driver import drive
    from sam2long.batch.result import FAILED
    from sam2long.cli.running.batch_progress import BatchProgress
    from sam2long.running.interrupt import StopSignals

    counts: dict[str, int] = {}
    updates = drive(todo, choice.open)
    with BatchProgress(as_json, quiet) as progress, StopSignals() as stop, closing(updates):  # type: ignore[type-var]
        for update in stop.until_asked(updates):
            progress.show(update)
            counts = update.counts
    progress.conclude(counts, todo.out, stop.who if stop.asked else None)
    if stop.asked:
        raise typer.Exit(stop.status)
    if counts.get(FAILED):
        raise typer.Exit(_FAILED_STATUS + min(counts[FAILED], _MOST_FAILED))


def _print_status(out: Path, as_json: bool) -> None:
    """Print totals, and the failed jobs with their errors."""
    import json

    from sam2long.batch.ledger import read_results, read_total
    from sam2long.batch.report import totals_line
    from sam2long.batch.result import FAILED, RUNNING

    total, results = read_total(out), read_results(out)
    if as_json:
        for result in results.values():
            typer.echo(json.dumps(result.row()))
        return
    unknown = total - len(results)
    never = f", {unknown:,} never begun" if unknown > 0 else ""
    typer.echo(f"{total:,} job{'s' * (total != 1)}: {totals_line(results.values())}{never}")
    for result in results.values():
        if result.state == FAILED:
            typer.echo(f"failed: {result.id} after {_attempts(result.attempts)}: {result.error}")
        elif result.state == RUNNING:
            typer.echo(f"running, or interrupted by a kill: {result.id}")


def _attempts(count: int) -> str:
    return f"{count} attempt{'s' * (count != 1)}"
