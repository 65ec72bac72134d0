"""Plots a run: each object's scores over the frames, with its prompts and the suggested frames."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sam2long.errors import OutputError
from sam2long.review.suggestions import Observation, Suggestion

_MOST_OBJECTS = 12
"""Maximum number of panels in a picture; objects with suggestions come first."""
_SCORE_LIMIT = 10.0
"""Object scores are clipped to this, since larger ones carry no information and would flatten the rest of the curve."""


@dataclass
class _Line:
    """One object's numbers, in order of arrival."""

    frames: array[float] = field(default_factory=lambda: array("d"))
    scores: array[float] = field(default_factory=lambda: array("d"))
    disagreement: array[float] = field(default_factory=lambda: array("d"))
    areas: array[float] = field(default_factory=lambda: array("d"))
    prompted: list[int] = field(default_factory=list)

    def add(self, item: Observation) -> None:
        self.frames.append(item.frame)
        self.scores.append(item.object_score)
        self.disagreement.append(item.disagreement)
        self.areas.append(item.area)
        if item.prompted:
            self.prompted.append(item.frame)

    def sorted(self) -> list[npt.NDArray[np.float64]]:
        """Frames, scores, disagreement and areas, sorted by frame."""
        order = np.argsort(np.asarray(self.frames), kind="stable")
        return [np.asarray(each)[order] for each in (self.frames, self.scores, self.disagreement, self.areas)]


def draw_timeline(observations: Iterable[Observation], suggestions: list[Suggestion], path: Path) -> None:
    """Plot object score, disagreement and area of each object, with its prompts and suggested frames.

    Args:
        observations: of the run.
        suggestions: the suggested frames, see `review`.
        path: picture to write; its suffix (.png, .svg, .pdf) selects the format.

    Raises:
        OutputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    lines: dict[int, _Line] = {}
    for item in observations:
        lines.setdefault(item.object_id, _Line()).add(item)
    shown = _shown(list(lines), suggestions)
    figure = Figure(figsize=(10, 0.8 + 2 * max(1, len(shown))), layout="constrained")
    panels = figure.subplots(max(1, len(shown)), sharex=True, squeeze=False)[:, 0]
    for axes, object_id in zip(panels, shown, strict=False):
        suggested = [suggestion.frame for suggestion in suggestions if suggestion.object_id == object_id]
        _draw(axes, lines[object_id], object_id, suggested)
    panels[-1].set_xlabel("frame" if len(shown) == len(lines) else f"frame ({len(shown)} of {len(lines)} objects)")
    if shown:
        figure.legend(*_legend(figure), loc="outside upper center", ncols=5, frameon=False)
    _save(figure, path)


def _shown(object_ids: list[int], suggestions: list[Suggestion]) -> list[int]:
    """Ids of the objects that get a panel, in ascending order."""
    first = list(dict.fromkeys([*(one.object_id for one in suggestions), *sorted(object_ids)]))
    return sorted(first[:_MOST_OBJECTS])


def _draw(axes: Any, line: _Line, object_id: int, suggested: list[int]) -> None:
    frames, scores, disagreement, areas = line.sorted()
    axes.plot(frames, scores.clip(-_SCORE_LIMIT, _SCORE_LIMIT), lw=1, color="tab:blue", label="object score (left)")
    axes.axhline(0, lw=0.5, color="tab:blue", alpha=0.5)
    axes.set(ylabel=f"object {object_id}", ylim=(-_SCORE_LIMIT - 1, _SCORE_LIMIT + 1))
    shares = axes.twinx()
    shares.fill_between(frames, disagreement, step="mid", color="tab:orange", alpha=0.5, lw=0, label="disagreement")
    shares.plot(frames, areas / max(1, areas.max()), lw=0.8, color="0.5", label="area (of the largest)")
    shares.set_ylim(0, 1.1)
    for places, colour, name in ((line.prompted, "tab:green", "prompt"), (suggested, "tab:red", "worth a look")):
        shares.plot(places, [1.05] * len(places), "v", ms=7, color=colour, label=name)
        shares.vlines(places, 0, 1, color=colour, lw=0.8, ls=":")


def _legend(figure: Any) -> tuple[list[Any], list[str]]:
    entries = {name: handle for axes in figure.axes for handle, name in zip(*axes.get_legend_handles_labels())}
    return list(entries.values()), list(entries)


def _save(figure: Any, path: Path) -> None:
    partial = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(partial, dpi=110, format=path.suffix[1:].lower())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"the picture {path} cannot be written: {error.strerror or error}") from error
