"""`report.jsonl` and `report.html`: what became of every job of a batch."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from sam2long.batch.job import Job
from sam2long.batch.ledger import read_results
from sam2long.batch.result import DONE, FAILED, RUNNING, STATES, WAITING, Result, counts
from sam2long.errors import BatchError

REPORT_LINES, REPORT_PAGE = "report.jsonl", "report.html"

_MOST_ROWS = 2000
"""Jobs shown on the page; failed ones first, then the most doubtful. `report.jsonl` has all."""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid #ddd; vertical-align: top }
th { position: sticky; top: 0; background: #fff }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.failed { color: #b00020 } .done { color: #1a7f37 } .waiting, .running { color: #777 }
td:first-child { max-width: 22rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
td:last-child { overflow-wrap: anywhere }
small { color: #666 } pre { white-space: pre-wrap; font-size: 12px }
@media (max-width: 45rem) {
  th, td { padding: .3rem } td:first-child { max-width: 8rem }
  :is(th, td):nth-child(4), :is(th, td):nth-child(6) { display: none }
}
@media (prefers-color-scheme: dark) {
  body, th { background: #181818; color: #ddd } th, td { border-color: #444 }
  a { color: #8ab4f8 } .failed { color: #ff8a80 } .done { color: #7bd88f } small { color: #aaa }
}
"""


def write_report(out: Path, jobs: Sequence[Job]) -> None:
    """Write both files anew, also with what other shards have done so far.

    Raises:
        BatchError: they cannot be written.
    """
    known = read_results(out)
    results = [known.get(job.id, Result(job.id, digest=job.digest)) for job in jobs]
    lines = "".join(json.dumps(result.row(), ensure_ascii=False) + "\n" for result in results)
    for name, text in ((REPORT_LINES, lines), (REPORT_PAGE, _page(results))):
        partial = out / f".{name}.part"
        try:
            partial.write_text(text, encoding="utf-8", errors="backslashreplace")
            partial.replace(out / name)
        except OSError as error:
            raise BatchError(f"{out / name} cannot be written: {error.strerror or error}") from error


def totals_line(results: Iterable[Result]) -> str:
    """One line of totals, such as `38 done, 2 failed; 12,345 frames, 120 doubtful`."""
    results = list(results)
    number = counts(results)
    states = [f"{number[state]:,} {state}" for state in STATES if number[state] or state == DONE]
    done = [result for result in results if result.state == DONE]
    frames, doubtful = (sum(getattr(result, name) or 0 for result in done) for name in ("frames", "doubtful"))
    return f"{', '.join(states)}; {frames:,} frames, {doubtful:,} doubtful"


def _page(results: Sequence[Result]) -> str:
    order = {FAILED: 0, RUNNING: 1, DONE: 2, WAITING: 3}
    shown = sorted(results, key=lambda result: (order[result.state], -(result.doubtful or 0), result.id))[:_MOST_ROWS]
    hidden = len(results) - len(shown)
    advice = f"<p>{_ADVICE}</p>" if any(result.state == FAILED for result in results) else ""
    now = time.strftime("%Y-%m-%d %H:%M")
    more = f"<p>{hidden:,} further jobs are in {REPORT_LINES}.</p>" if hidden else ""
    heads = "".join(f"<th{kind}>{name}</th>" for name, kind in _COLUMNS)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{_VIEWPORT}<title>Batch report</title>'
        f"<style>{_STYLE}</style>"
        f"<h1>Batch report</h1><p>{len(results):,} jobs on {now}: {html.escape(totals_line(results))}</p>{advice}"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(map(_row, shown))}</tbody></table>{more}</html>\n"
    )


_VIEWPORT = '<meta name="viewport" content="width=device-width">'
_ADVICE = "The same command with <code>--retry-failed</code> tries the failed jobs again."
_NUMERIC = ' class="n"'
_COLUMNS = (
    ("job", ""),
    ("state", ""),
    ("frames", _NUMERIC),
    ("frames/s", _NUMERIC),
    ("doubtful", ' class="n" title="frames that sam2long review would look at"'),
    ("attempts", _NUMERIC),
    ("error or warning", ""),
)


def _row(result: Result) -> str:
    name = html.escape(result.id)
    linked = f'<a href="{html.escape(_url(result.id))}/">{name}</a>' if result.state == DONE else name
    said = [html.escape(result.error)] if result.error else []
    said += [f"<small>{html.escape(line)}</small>" for line in result.warnings]
    if result.traceback:
        said.append(f"<details><summary>traceback</summary><pre>{html.escape(result.traceback)}</pre></details>")
    speed = "" if result.frames_per_second is None else f"{result.frames_per_second:.1f}"
    numbers = (_number(result.frames), speed, _number(result.doubtful), _number(result.attempts or None))
    cells = f'<td title="{name}">{linked}</td><td class="{result.state}">{result.state}</td>'
    cells += "".join(f'<td class="n">{number}</td>' for number in numbers)
    return f"<tr>{cells}<td>{'<br>'.join(said)}</td></tr>\n"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _url(name: str) -> str:
    from urllib.parse import quote

    return quote(name, errors="surrogateescape")
