"""`sam2long batch`: tracks many videos from one list, and resumes where it was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sam2long.cli.options import batch as batch_options
from sam2long.cli.options import common as options
from sam2long.errors import ConfigError

if TYPE_CHECKING:
    from sam2long.batch.driver import Batch
    from sam2long.batch.executors.choice import ExecutorChoice

_FAILED_STATUS, _MOST_FAILED = 10, 100


def batch(
    jobs: batch_options.Jobs = None,
    out: batch_options.Out = None,
    status: batch_options.Status = None,
    retry_failed: batch_options.RetryFailed = False,
    executor: batch_options.Executor = "local",
    workers: batch_options.Workers = None,
    per_gpu: batch_options.PerGpu = 1,
    threads: batch_options.Threads = None,
    address: batch_options.Address = None,
    shard: batch_options.Part = "1/1",
    split_at_prompts: batch_options.SplitAtPrompts = False,
    retries: batch_options.Retries = 2,
    backoff: batch_options.Backoff = 10.0,
    timeout: batch_options.Timeout = 600.0,
    save: options.Save = "png,overlay,coco",
    scale: options.Scale = None,
    as_json: batch_options.AsJson = False,
    quiet: options.Quiet = False,
    model: options.Model = "sam2.1-hiera-large",
    checkpoint: options.Checkpoint = None,
    random_weights: options.RandomWeights = False,
    image_size: options.ImageSize = None,
    device: options.Device = None,
    precision: options.Precision = "auto",
    compile: options.Compile = False,
    pathways: options.Pathways = None,
    iou_threshold: options.IouThreshold = None,
    uncertainty_threshold: options.UncertaintyThreshold = None,
    modulation: options.Modulation = None,
    merge: options.Merge = None,
    greedy: options.Greedy = False,
    max_delay: options.MaxDelay = None,
) -> None:
    """Track many videos from one list. Run the same command again to resume. Exit status: 0, or 10 + failed jobs."""
    if status is not None:
        return _print_status(status, as_json)
    if jobs is None or out is None:
        raise ConfigError("batch needs JOBS and --out DIR, or --status DIR")
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.batch.driver import Batch
    from sam2long.batch.executors.choice import ExecutorChoice
    from sam2long.batch.job import Settings
    from sam2long.batch.job_list import read_jobs
    from sam2long.batch.scheduler import Limits
    from sam2long.batch.shard import Shard
    from sam2long.cli.options.tree import check_delay, tree_config
    from sam2long.results.scale import Scale
    from sam2long.running.models import ModelChoice

    check_delay(max_delay)
    network = ModelChoice(model, checkpoint, device, image_size, random_weights, precision, compile, quiet=True)
    tree = tree_config(pathways, iou_threshold, uncertainty_threshold, modulation, merge, greedy)
    size = None if scale is None else Scale.parse(scale)
    settings = Settings(_formats(save), tree, max_delay, scale=size)
    limits = Limits(retries, backoff, timeout or None)
    part, where = Shard.parse(shard), out.absolute()
    todo = Batch(read_jobs(jobs), where, network, settings, part, limits, retry_failed, split_at_prompts)
    return _run(todo, ExecutorChoice(executor, workers, per_gpu, threads, address, device), as_json, quiet)


def _formats(text: str) -> tuple[str, ...]:
    from sam2long.results.writers import FILES

    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in FILES:
            raise ConfigError(f"unknown output format {word!r}; known: {', '.join(FILES)}")
    return words


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
