"""Options specific to `sam2long eval` and their help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

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
Limit: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Use only the first N videos.", rich_help_panel=_DATA)
]
Videos: TypeAlias = Annotated[
    str | None, typer.Option(metavar="A,B", help="Use only these videos.", rich_help_panel=_DATA)
]
Images: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Read the images from this subfolder of the root instead.", rich_help_panel=_DATA),
]
Masks: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Read the masks from this subfolder of the root instead.", rich_help_panel=_DATA),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Output folder. Default: results/DATASET.", rich_help_panel=_SCORES),
]
ScoreOnly: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--score-only",
        help="Score the masks already in --out, made by any method, without tracking.",
        rich_help_panel=_SCORES,
    ),
]
AllowMissing: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-missing", help="Count missing predictions as empty masks.", rich_help_panel=_SCORES),
]
Rule: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Score by the rule of sav, davis, vost or lvos instead of the data set's own.", rich_help_panel=_SCORES
    ),
]
LvosRule: TypeAlias = Annotated[
    int, typer.Option(metavar="YEAR", help="Version of the LVOS evaluator: 2024 or 2022.", rich_help_panel=_SCORES)
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Track, and score, in this many processes. Default: track in this one, score with one per core.",
        rich_help_panel=_WORKERS,
    ),
]
Executor: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Track in workers: local (processes on this machine) or ray (a Ray cluster).",
        rich_help_panel=_WORKERS,
    ),
]
Report: TypeAlias = Annotated[
    bool, typer.Option("--report", help="Also write report.html with plots and film strips.", rich_help_panel=_SCORES)
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
