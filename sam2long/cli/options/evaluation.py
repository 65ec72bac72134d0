"""The options of `sam2long eval` that no other command has, with the help that users read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_DATA, _TREES, _SCORES = "Data set", "Comparisons", "Scoring and results"

Dataset: TypeAlias = Annotated[
    str, typer.Argument(metavar="DATASET", help="sav-val, lvos-v2, mose, davis-2017 ...; a wrong name lists them all.")
]
Root: TypeAlias = Annotated[
    Path, typer.Option(metavar="PATH", help="Its folder; a synthetic suite is written there.", rich_help_panel=_DATA)
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Only the first so many videos.", rich_help_panel=_DATA)
]
Videos: TypeAlias = Annotated[str | None, typer.Option(metavar="A,B", help="Only these videos.", rich_help_panel=_DATA)]
Images: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Pictures from another folder of the root.", rich_help_panel=_DATA),
]
Masks: TypeAlias = Annotated[
    str | None, typer.Option(metavar="DIR", help="Masks from another folder of the root.", rich_help_panel=_DATA)
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder for results. Default: results/DATASET.", rich_help_panel=_SCORES),
]
ScoreOnly: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--score-only", help="Score the masks in --out, of any method; track nothing.", rich_help_panel=_SCORES
    ),
]
AllowMissing: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-missing", help="Count missing predictions as empty masks.", rich_help_panel=_SCORES),
]
Rule: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Score by sav, davis, vost or lvos instead of the data set's own.", rich_help_panel=_SCORES),
]
LvosRule: TypeAlias = Annotated[
    int, typer.Option(metavar="YEAR", help="LVOS's evaluator of 2024 or 2022.", rich_help_panel=_SCORES)
]
Workers: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Processes that score. Default: one a core.", rich_help_panel=_SCORES)
]
Report: TypeAlias = Annotated[
    bool, typer.Option("--report", help="Also write report.html with plots and strips.", rich_help_panel=_SCORES)
]
Baseline: TypeAlias = Annotated[
    bool,
    typer.Option("--baseline", help="Plain SAM 2 beside the tree, each frame encoded once.", rich_help_panel=_TREES),
]
Sweep: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=A,B",
        help="A row for each value of pathways, iou-threshold, uncertainty-threshold or modulation (LOW:HIGH).",
        rich_help_panel=_TREES,
    ),
]
