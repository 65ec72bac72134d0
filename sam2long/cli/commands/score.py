"""`sam2long score`: computes J, F and J&F of predicted masks from any method."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sam2long.errors import DatasetError

if TYPE_CHECKING:
    from sam2long.evaluation.reporting.sheet import Comparison
    from sam2long.evaluation.scoring.rules import Rule


class RuleName(str, Enum):
    """Benchmark whose scoring and averaging rule to follow."""

    SAV = "sav"
    DAVIS = "davis"
    VOST = "vost"


def score(
    pred: Annotated[Path, typer.Argument(metavar="PRED", help="Folder of predicted masks, one subfolder per video.")],
    truth: Annotated[Path, typer.Argument(metavar="GT", help="Folder of ground-truth masks, with the same layout.")],
    rule: Annotated[
        RuleName,
        typer.Option("--rule", help="Scoring rule: sav (SA-V, vos-benchmark), davis (DAVIS 2017) or vost."),
    ] = RuleName.SAV,
    all_frames: Annotated[
        bool, typer.Option("--all-frames", help="Also score the first and last frame; only with --rule sav.")
    ] = False,
    binary: Annotated[
        bool, typer.Option("--binary", help="Treat masks as black and white, with one object per video.")
    ] = False,
    ignore_id: Annotated[
        int | None, typer.Option(help="Ground-truth value to treat as background. Default with davis and vost: 255.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Count missing predictions as empty masks.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of scoring processes. Default: one per core.")
    ] = None,
    save_csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write one row per object to this file.")
    ] = None,
    save_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all scores, unrounded, to this file.")
    ] = None,
) -> None:
    """Score predicted masks against ground truth: J, F and J&F."""
    # Imported here because OpenCV and NumPy are slow to import, and `sam2long --help` must be fast.
    from sam2long.evaluation.datasets.layout import holds_one_video, video_names
    from sam2long.evaluation.reporting.tables import as_json, count, figures_table, objects_csv
    from sam2long.evaluation.run_folder import write_text
    from sam2long.evaluation.scoring.pairing import Pairing, TruthFormat
    from sam2long.evaluation.scoring.scoring import measure

    if all_frames and rule is not RuleName.SAV:
        raise DatasetError(
            f"--all-frames works only with --rule sav; the {rule.value} rule excludes the first and last frame"
        )
    ignored = 255 if ignore_id is None and rule is not RuleName.SAV else ignore_id
    pairing = Pairing(truth, pred, TruthFormat(binary, ignored, all_frames), allow_missing)
    if truth.is_dir() and pred.is_dir() and holds_one_video(truth, pred):
        comparisons = pairing.single(truth.resolve().name)
    else:
        comparisons = pairing.comparisons(video_names(truth))
    _check(comparisons, rule, binary)
    measured = measure(comparisons, [_chosen(rule, all_frames)], workers, guess_ignored=ignored is None)[0]
    for path, text in ((save_csv, objects_csv(measured.objects)), (save_json, json.dumps(as_json(measured), indent=1))):
        if path is not None:
            write_text(path, text)
    if pairing.missing:
        sys.stderr.write(f"warning: {count(len(pairing.missing), 'missing prediction')} counted as empty\n")
    typer.echo(figures_table(measured))


def _chosen(rule: RuleName, all_frames: bool) -> Rule:
    from sam2long.evaluation.scoring.rules import DavisRule, SavRule, VostRule

    if rule is RuleName.SAV:
        return SavRule(all_frames=all_frames)
    return DavisRule() if rule is RuleName.DAVIS else VostRule()


def _check(comparisons: list[Comparison], rule: RuleName, binary: bool) -> None:
    apart = next((item for item in comparisons if item.object_id is not None), None)
    if apart is not None and not binary and rule is not RuleName.SAV:
        raise DatasetError(
            f"{apart.video} has one folder per object, but the {rule.value} rule expects one PNG per frame with "
            "object ids as values; use --rule sav"
        )
