"""`sam2long review`: the table, JSON, the picture and complaints."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.cli.commands.review import clock
from sam2long.results.observation import Observation
from sam2long.results.trace_file import COLUMNS, read_trace, trace_row
from sam2long.review.suggestions import review

from .conftest import Command


def write_trace(path: Path, items: Iterator[Observation] | list[Observation]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [",".join(map(str, trace_row(item))) for item in items]
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """An hour and a half at a frame a second; object 2 is doubtful at 1:01:01."""
    calm = Observation(0, 0.0, 1, 500, 8.0, 0.9, 0.0, math.inf, True)
    items = [
        replace(calm, frame=frame, time=float(frame), object_id=object_id, prompted=frame == 0)
        for frame in range(5400)
        for object_id in (1, 2)
    ]
    odd = [replace(item, object_score=0.2) if item.object_id == 2 and item.frame == 3661 else item for item in items]
    return write_trace(tmp_path / "run" / "trace.csv", odd).parent


def test_a_row_says_when_which_and_why(sam2long: Command, run: Path) -> None:
    ended = sam2long("review", run)
    assert (ended.status, ended.err) == (0, "")
    rows = [line for line in ended.out.splitlines() if "1:01:01" in line]
    assert len(rows) == 1
    assert "3661" in rows[0] and "object score +0.2" in rows[0]
    assert ended.out.index("1:01:01") < ended.out.index("nothing unusual")
    assert sam2long("review", run / "trace.csv").out == ended.out


def test_json_is_what_the_library_says(sam2long: Command, run: Path) -> None:
    items = json.loads(sam2long("review", run, "--json", "--budget", "1").out)
    best = review(read_trace(run / "trace.csv"), 1)[0]
    assert items == [
        {
            "frame": 3661,
            "time": 3661.0,
            "object_id": 2,
            "doubt": pytest.approx(best.doubt),
            "reason": best.reason,
        }
    ]


def test_nothing_doubtful(sam2long: Command, tmp_path: Path) -> None:
    trace = write_trace(tmp_path / "trace.csv", [Observation(0, 0.0, 1, 5, 9.0, 0.9, 0.0, math.inf, True)])
    assert "no doubtful frames" in sam2long("review", trace).out
    assert sam2long("review", trace, "--json").out.strip() == "[]"


def test_the_picture_marks_prompts_and_proposals(sam2long: Command, run: Path, tmp_path: Path) -> None:
    picture = tmp_path / "timeline.png"
    assert sam2long("review", run, "--plot", picture).status == 0
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    green = (pixels == (44, 160, 44)).all(-1)
    red = (pixels == (214, 39, 40)).all(-1)
    assert green.any() and red.any()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere"], "trace nowhere does not exist"),
        (["EMPTY"], "does not exist"),
        (["WRONG"], "not a sam2long trace"),
        (["DAMAGED"], "line 3 is damaged"),
        (["BINARY"], "cannot be read"),
        (["RUN", "--plot", "a.bmp"], "must end in"),
        (["RUN", "--plot", "nowhere/a.png"], "cannot be written"),
        (["RUN", "--budget", "0"], "--budget"),
    ],
)
def test_mistakes_are_one_line(
    sam2long: Command, run: Path, tmp_path: Path, words: list[str], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00" * 40)
    head, first, *_ = (run / "trace.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "damaged.csv").write_text(f"{head}\n{first}\n{first[:-9]}\n", encoding="utf-8")
    named = {"RUN": run, "EMPTY": "empty", "WRONG": "wrong.csv", "DAMAGED": "damaged.csv", "BINARY": "binary.csv"}
    ended = sam2long("review", *(named.get(word, word) for word in words))
    assert (ended.status, ended.out) == (2, "")
    assert complaint in ended.err and ended.err.count("\n") == 1


def test_the_clock() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 60, 3661, 36000)] == [
        "0:00:00",
        "0:00:59",
        "0:01:00",
        "1:01:01",
        "10:00:00",
    ]
