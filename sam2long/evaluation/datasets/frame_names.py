"""Matches predictions with the frames of the truth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sam2long.errors import DatasetError


def match_frames(truth: Sequence[Path], pred: Sequence[Path]) -> list[Path | None]:
    """Return the prediction for every mask of the truth, None where it is missing.

    Files match by name. Where no name is shared (00000.png and frame_000000.png), they match by number, but only if
    there is a prediction for every number of the truth: a part of them may be counted from another start.

    Raises:
        DatasetError: neither names nor numbers match.
    """
    by_name = {path.stem: path for path in pred}
    found = [by_name.get(path.stem) for path in truth]
    if not pred or any(found):
        return found
    wanted, given = _by_number(truth), _by_number(pred)
    if not wanted or not wanted.keys() <= given.keys():
        raise DatasetError(
            f"frames of the truth are named {_span(truth)} in {truth[0].parent}, predictions {_span(pred)} in "
            f"{pred[0].parent}: no name in common; name the predictions as the truth"
        )
    # In the order of the truth, since `wanted` was filled from it.
    return [given[number] for number in wanted]


def _by_number(files: Sequence[Path]) -> dict[int, Path]:
    """Files by the number at the end of their names; empty if the names differ in more than that."""
    names = [re.fullmatch(r"(.*?)(\d+)", path.stem) for path in files]
    if not all(names) or len({name[1] for name in names if name}) > 1:
        return {}
    numbered = {int(name[2]): path for name, path in zip(names, files, strict=True) if name}
    return numbered if len(numbered) == len(files) else {}


def _span(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{files[0].name} to {files[-1].name}"
