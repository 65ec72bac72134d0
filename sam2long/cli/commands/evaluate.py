"""`sam2long eval`: runs a benchmark from its data folder to its results table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sam2long.cli.options import evaluation as options
from sam2long.cli.options import results
from sam2long.cli.options.evaluation import DataOptions, ScoreOptions, WorkerOptions
from sam2long.cli.options.grouped import grouped
from sam2long.cli.options.network import NetworkOptions
from sam2long.cli.options.tree import TreeOptions
from sam2long.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sam2long.batch.executors.choice import ExecutorChoice
    from sam2long.evaluation.datasets.box_dataset import BoxDataset
    from sam2long.evaluation.datasets.dataset import Choice, Dataset
    from sam2long.evaluation.experiment import Experiment, VariantResult
    from sam2long.evaluation.run_folder import VideoTime
    from sam2long.evaluation.task import Task
    from sam2long.evaluation.variants import Variant
    from sam2long.running.models import ModelChoice
    from sam2long.tree import TreeConfig


@grouped
def evaluate(
    dataset: options.Dataset,
    root: options.Root,
    network: NetworkOptions,
    data: DataOptions,
    tree: TreeOptions,
    scoring: ScoreOptions,
    workers: WorkerOptions,
    baseline: options.Baseline = False,
    sweep: options.Sweep = None,
    quiet: results.Quiet = False,
    as_json: results.AsJson = False,
) -> None:
    """Run a benchmark: track its videos, write and score the result files, and print the results table."""
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.cli.running.events import choose
    from sam2long.evaluation.datasets.dataset import Choice
    from sam2long.evaluation.experiment import Experiment

    quiet = quiet or as_json
    choice = network.choice(quiet)
    variants = _variants(tree.config(), baseline, sweep)
    executor = workers.choice(network.device)
    if scoring.report:
        _check_report()
    videos = tuple(data.videos.split(",")) if data.videos else None
    part = Choice(videos, data.limit, data.images, data.masks, scoring.rule, scoring.lvos_rule)
    task = _task(dataset, root, part, scoring.score_only, quiet)
    settings = {"dataset": task.dataset.benchmark.title, "images": data.images, **choice.described()}
    experiment = Experiment(
        task,
        variants,
        scoring.out or Path("results") / dataset,
        choice.load,
        settings,
        baseline,
        scoring.allow_missing,
        workers.workers,
    )
    choose(as_json, len(task.dataset.videos) * len(variants))
    if not scoring.score_only:
        _predict(experiment, executor, choice, quiet)
    _finish(experiment, experiment.score(), scoring.report)


def _variants(tree: TreeConfig, baseline: bool, sweep: str | None) -> list[Variant]:
    from sam2long.evaluation import variants

    if baseline and sweep:
        raise ConfigError("--baseline and --sweep cannot be combined")
    if baseline:
        return variants.with_baseline(tree)
    return variants.sweep(sweep, tree) if sweep else variants.single(tree)


def _task(name: str, root: Path, choice: Choice, score_only: bool, quiet: bool) -> Task:
    from sam2long.evaluation.experiment import check_scorable
    from sam2long.evaluation.task import task_of

    task = task_of(_open(name, root, choice, quiet))
    check_scorable(task, score_only)
    return task


def _open(name: str, root: Path, choice: Choice, quiet: bool) -> Dataset | BoxDataset:
    from sam2long.evaluation.datasets.benchmarks import BENCHMARKS, SYNTHETIC_PREFIX
    from sam2long.evaluation.datasets.box_dataset import BOX_BENCHMARKS, open_box_dataset
    from sam2long.evaluation.datasets.dataset import open_dataset
    from sam2long.evaluation.datasets.suites_on_disk import write_suite

    if name in BOX_BENCHMARKS:
        return open_box_dataset(BOX_BENCHMARKS[name], root, choice)
    if name not in BENCHMARKS:
        raise DatasetError(f"unknown data set {name!r}; known: {', '.join([*BENCHMARKS, *BOX_BENCHMARKS])}")
    if name.startswith(SYNTHETIC_PREFIX):
        # Several suites may share a root; each gets its own subfolder.
        root = root / name.removeprefix(SYNTHETIC_PREFIX)
        for video in write_suite(name, root, choice.videos, choice.limit):
            if not quiet:
                typer.echo(f"rendering {video}")
    return open_dataset(BENCHMARKS[name], root, choice)


def _on_workers(
    experiment: Experiment, network: ModelChoice, choice: ExecutorChoice
) -> Iterator[tuple[Variant, VideoTime]]:
    from sam2long.evaluation.workers import predict_on_workers

    return predict_on_workers(experiment, network, choice.open)


def _predict(experiment: Experiment, choice: ExecutorChoice | None, network: ModelChoice, quiet: bool) -> None:
    from sam2long.cli.running.events import current

    events = current()
    predicted = experiment.predict() if choice is None else _on_workers(experiment, network, choice)
    total = len(experiment.task.dataset.videos) * len(experiment.variants)
    try:
        for done, (variant, time) in enumerate(predicted, 1):
            speed = time.frames / max(time.seconds, 1e-9)
            if events is not None:
                events.done(time.video, variant=variant.label, frames=time.frames, frames_per_second=round(speed, 3))
            elif not quiet:
                typer.echo(
                    f"{time.video}: {time.frames} frames, {variant.label}, {speed:.1f} frames/s ({done}/{total})"
                )
    except KeyboardInterrupt:
        sys.stderr.write("stopped; videos that are done are kept, and the same command does the rest\n")
        raise


def _finish(experiment: Experiment, results: list[VariantResult], report: bool) -> None:
    """Write all files, then print the tables."""
    from sam2long.cli.running.events import current
    from sam2long.evaluation.reporting.summary import environment, results_csv, results_json, tables
    from sam2long.evaluation.reporting.tables import count
    from sam2long.evaluation.run_folder import write_text

    dataset, surroundings = experiment.task.dataset, environment()
    title = dataset.benchmark.title
    content = results_json(title, experiment.settings, results, surroundings)
    write_text(experiment.out / "results.json", json.dumps(content, indent=1))
    write_text(experiment.out / "results.csv", results_csv(results))
    missing = sum(result.missing for result in results)
    if missing:
        sys.stderr.write(f"warning: {count(missing, 'missing prediction')} counted as empty\n")
    if (events := current()) is not None:
        events.settle()
        events.result(**content, out=experiment.out, report=_write_report(experiment, results, report))
        return
    part = "" if len(dataset.videos) == dataset.announced else f" of {dataset.announced}: NOT the whole data set"
    typer.echo(f"{title}, {count(len(dataset.videos), 'video')}{part}")
    for table in tables(title, results):
        typer.echo("\n" + table.text())
    for result in results:
        if result.archive:
            typer.echo(f"for the server: {result.archive}")
    if report:
        typer.echo(f"report: {_write_report(experiment, results, report)}")


def _write_report(experiment: Experiment, results: list[VariantResult], wanted: bool) -> Path | None:
    """Write the report, if it is wanted."""
    if not wanted:
        return None
    from sam2long.evaluation.reporting.report import write_report
    from sam2long.evaluation.reporting.summary import environment

    return write_report(experiment, results, environment())


def _check_report() -> None:
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("--report needs matplotlib and Jinja2: pip install 'sam2long[report]'") from error
