"""Options specific to `sam2long eval`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from sam2long.cli.options.batch import Address, PerGpu, Threads

if TYPE_CHECKING:
    from sam2long.batch.executors.choice import ExecutorChoice

_DATA, _TREES, _SCORES, _WORKERS = "Data set", "Comparisons", "Scoring and results", "Workers"

Dataset: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="DATASET", help="Such as sav-val, lvos-v2, mose or davis-2017; an unknown name lists them all."
    ),
]
Root: TypeAlias = Annotated[
    Path,
    typer.Option(
        metavar="PATH", help="Folder of the data set; synthetic suites are generated there.", rich_help_panel=_DATA
    ),
]
Baseline: TypeAlias = Annotated[
    bool,
    typer.Option("--baseline", help="Also run plain SAM 2; both share the encoded frames.", rich_help_panel=_TREES),
]
Sweep: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=A,B",
        help="One table row per value of pathways, iou-threshold, uncertainty-threshold or modulation (LOW:HIGH).",
        rich_help_panel=_TREES,
    ),
]


@dataclass(frozen=True)
class DataOptions:
    """Which part of a data set is used."""

    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N videos.", rich_help_panel=_DATA)] = None
    videos: Annotated[str | None, typer.Option(metavar="A,B", help="Use only these videos.", rich_help_panel=_DATA)] = (
        None
    )
    images: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Read the images from this subfolder of the root instead.", rich_help_panel=_DATA
        ),
    ] = None
    masks: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Read the masks from this subfolder of the root instead.", rich_help_panel=_DATA
        ),
    ] = None


@dataclass(frozen=True)
class ScoreOptions:
    """How predictions are scored, and where they are kept."""

    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Output folder. Default: results/DATASET.", rich_help_panel=_SCORES),
    ] = None
    score_only: Annotated[
        bool,
        typer.Option(
            "--score-only",
            help="Score the masks already in --out, made by any method, without tracking.",
            rich_help_panel=_SCORES,
        ),
    ] = False
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Count missing predictions as empty masks.", rich_help_panel=_SCORES),
    ] = False
    rule: Annotated[
        str | None,
        typer.Option(
            help="Score by the rule of sav, davis, vost or lvos instead of the data set's own.", rich_help_panel=_SCORES
        ),
    ] = None
    lvos_rule: Annotated[
        int, typer.Option(metavar="YEAR", help="Version of the LVOS evaluator: 2024 or 2022.", rich_help_panel=_SCORES)
    ] = 2024
    report: Annotated[
        bool,
        typer.Option("--report", help="Also write report.html with plots and film strips.", rich_help_panel=_SCORES),
    ] = False


@dataclass(frozen=True)
class WorkerOptions:
    """Who tracks."""

    executor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Track in workers: local (processes on this machine) or ray (a Ray cluster).",
            rich_help_panel=_WORKERS,
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Track, and score, in this many processes. Default: track in this one, score with one per core.",
            rich_help_panel=_WORKERS,
        ),
    ] = None
    per_gpu: PerGpu = 1
    threads: Threads = None
    address: Address = None

    def choice(self, device: str | None) -> ExecutorChoice | None:
        """The executor, or None to track in this process; raises ConfigError."""
        if self == WorkerOptions():
            return None
        from sam2long.batch.executors.choice import ExecutorChoice

        return ExecutorChoice(self.executor or "local", self.workers, self.per_gpu, self.threads, self.address, device)
