"""The report of an experiment: one HTML file with tables, plots, strips and everything needed to repeat it."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2

from sam2long.evaluation.datasets.dataset import Dataset
from sam2long.evaluation.experiment import Experiment, VariantResult
from sam2long.evaluation.reporting.plots import sweep_plot, time_plot
from sam2long.evaluation.reporting.strips import Strip, draw_strip
from sam2long.evaluation.reporting.summary import tables
from sam2long.evaluation.run_folder import PREDICTIONS, SETTINGS, write_text
from sam2long.evaluation.scoring.rules import ObjectScore

REPORT = "report.html"
_STRIPS_EACH_WAY = 3
_JPEG_QUALITY = 85

_TEMPLATE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1400px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd }
td:first-child { text-align: left }
tr.published { color: #777 }
img { max-width: 100% }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto }
</style>
<h1>{{ title }}</h1>
<p>{{ videos }} of {{ available }} videos{% if videos != available %}: <b>not the whole data set</b>{% endif %}.</p>
{% for table in tables %}
<h2>{{ table.title }}</h2>
<table>
{% for row in table.rows %}
<tr{% if row[0].startswith("published") %} class="published"{% endif %}>
{% for cell in row %}<td>{{ cell }}</td>{% endfor %}
</tr>
{% endfor %}
</table>
{% endfor %}
{% for plot in plots %}
<h2>{{ plot.title }}</h2>
{{ plot.svg | safe }}
{% endfor %}
{% if strips %}
<h2>Videos</h2>
<p>Rows: truth{% for label in labels %}, {{ label }}{% endfor %}. Red boxes: wrong; yellow boxes: missing.</p>
{% endif %}
{% for strip in strips %}
<h3>{{ strip.caption }}</h3>
<img alt="{{ strip.caption }}" src="data:image/jpeg;base64,{{ strip.data }}">
{% endfor %}
<h2>How it was made</h2>
<pre>{{ command }}</pre>
<pre>{{ settings }}</pre>
<pre>{{ environment }}</pre>
</html>
"""


@dataclass(frozen=True)
class _Plot:
    title: str
    svg: str


@dataclass(frozen=True)
class _Picture:
    caption: str
    data: str


@dataclass(frozen=True)
class _Pick:
    """A video worth showing, and why."""

    video: str
    caption: str


def write_report(experiment: Experiment, results: Sequence[VariantResult], environment: Mapping[str, str]) -> Path:
    """Write `report.html` into the experiment's folder.

    Raises:
        OutputError: it cannot be written.
        DatasetError: a mask for a strip cannot be read.
    """
    from jinja2 import Environment

    dataset = experiment.task.dataset
    page = Environment(autoescape=True, trim_blocks=True).from_string(_TEMPLATE)
    text = page.render(
        title=dataset.benchmark.title,
        videos=len(dataset.videos),
        available=dataset.announced,
        tables=tables(dataset.benchmark.title, results, every_published=True),
        plots=_plots(results),
        strips=_strips(experiment, results),
        labels=[result.variant.label for result in results],
        command=" ".join(["sam2long", *sys.argv[1:]]),
        settings=json.dumps(_settings(experiment, results), indent=1),
        environment=json.dumps(dict(environment), indent=1),
    )
    path = experiment.out / REPORT
    write_text(path, text)
    return path


def _plots(results: Sequence[VariantResult]) -> list[_Plot]:
    if not all(result.measured and result.measured[0].objects for result in results):
        return []
    plots = [_Plot("J&F over time", time_plot(results))]
    if len(results) > 1 and "J&F" in results[0].measured[0].figures:
        plots.append(_Plot("J&F and speed", sweep_plot(results)))
    return plots


def _strips(experiment: Experiment, results: Sequence[VariantResult]) -> list[_Picture]:
    dataset = experiment.task.dataset
    if not isinstance(dataset, Dataset) or not all(result.measured for result in results):
        return []
    folders = [_predictions(experiment.out / result.variant.folder) for result in results]
    return [_picture(pick.caption, draw_strip(dataset, pick.video, folders)) for pick in telling_videos(results)]


def telling_videos(results: Sequence[VariantResult]) -> list[_Pick]:
    """The videos on which the last variant gains and loses most against the first; of a single one, best and worst."""
    last = _by_video(results[-1].measured[0].objects)
    first = _by_video(results[0].measured[0].objects) if len(results) > 1 else dict.fromkeys(last, 0.0)
    ranked = sorted(last, key=lambda video: last[video] - first[video], reverse=True)
    chosen = [*ranked[:_STRIPS_EACH_WAY], *ranked[_STRIPS_EACH_WAY:][-_STRIPS_EACH_WAY:]]
    sign = "+" if len(results) > 1 else ""
    return [_Pick(video, f"{video}: J&F {last[video] - first[video]:{sign}.1f}") for video in chosen]


def _by_video(objects: Sequence[ObjectScore]) -> dict[str, float]:
    """Mean J&F of each video's objects, percent."""
    scores: dict[str, list[float]] = {}
    for item in objects:
        scores.setdefault(item.video, []).append(100 * item.j_and_f)
    return {video: sum(values) / len(values) for video, values in scores.items()}


def _picture(caption: str, strip: Strip) -> _Picture:
    bgr = cv2.cvtColor(strip.picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return _Picture(f"{caption} (frames {', '.join(strip.frames)})", base64.b64encode(data.tobytes()).decode())


def _predictions(folder: Path) -> Path:
    return folder / PREDICTIONS if (folder / PREDICTIONS).is_dir() else folder


def _settings(experiment: Experiment, results: Sequence[VariantResult]) -> dict[str, object]:
    """What was asked for, the trees, and the weights' fingerprint where the network was loaded."""
    trees = {result.variant.label: asdict(result.variant.tree) for result in results}
    run = experiment.out / results[0].variant.folder / SETTINGS
    weights = json.loads(run.read_text(encoding="utf-8")).get("weights") if run.is_file() else None
    return {**experiment.settings, "weights (SHA-256)": weights, "trees": trees}
