"""`--json`: standard output is JSON lines, whatever the command, and what they say is true."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from sam2long.cli.running.events import choose
from sam2long.results import FrameResult
from sam2long.results.writers import WriterSet
from tests.evaluation import layouts

from .conftest import CLIP_FRAMES, Command, Ended

DONE = {"done": 1, "failed": 0, "running": 0, "waiting": 0}


def events(ended: Ended) -> list[dict]:
    """The lines, each of which must be an object with the keys that all have."""
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert all(line["event"] and set(line["counts"]) == set(DONE) for line in lines)
    return lines


def kinds(lines: list[dict]) -> list[str]:
    return [line["event"] for line in lines]


def test_track_export_and_compare(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    words = ("--box", "4,16,20,32", "--model", tiny_model, "--save", "png,npz")
    ended = sam2long("track", clip, *words, "--out", tmp_path / "a", "--json")
    assert (ended.status, ended.err) == (0, "")
    lines = events(ended)
    assert kinds(lines)[:2] == ["started", "progress"] and kinds(lines)[-1] == "done"
    assert {line["job"] for line in lines} == {"square"}
    assert lines[0]["total"] == lines[-1]["frames"] == CLIP_FRAMES
    assert lines[1]["frames"] == 1 and lines[1]["frames_per_second"] > 0 and lines[1]["seconds_left"] >= 0
    assert lines[-1]["counts"] == DONE and lines[-1]["out"] == str(tmp_path / "a")
    assert set(lines[-1]["files"]) == {path.name for path in (tmp_path / "a").iterdir()}
    exported = events(sam2long("export", tmp_path / "a", "--save", "coco", "--out", tmp_path / "b", "--json"))
    assert kinds(exported) == ["started", "progress", "done"]
    assert (exported[-1]["frames"], exported[-1]["counts"]) == (CLIP_FRAMES, DONE)
    compared = events(sam2long("compare", tmp_path / "a", tmp_path / "b", "--json"))
    assert kinds(compared) == ["started", "progress", "done", "result"]
    assert compared[-1]["result"]["frames_compared"] == CLIP_FRAMES
    # The next command speaks to people again.
    assert sam2long("compare", tmp_path / "a", tmp_path / "b").out.startswith("A: a, ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c(
    sam2long: Command, monkeypatch: pytest.MonkeyPatch, clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    write = WriterSet.write

    def interrupted(self: WriterSet, result: FrameResult) -> None:
        write(self, result)
        if result.frame == 4:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(WriterSet, "write", interrupted)
    words = ("--box", "4,16,20,32", "--model", tiny_model, "--save", "npz", "--json")
    ended = sam2long("track", clip, *words, "--out", tmp_path / "a")
    assert ended.status == 130 and "kept in" in ended.err
    last = events(ended)[-1]
    assert (last["event"], last["state"], last["error"]) == ("failed", "failed", "stopped by Ctrl-C")
    assert 5 <= last["frames"] < CLIP_FRAMES and last["counts"]["failed"] == 1


def test_errors_are_no_events(sam2long: Command, clip: Path, tmp_path: Path) -> None:
    ended = sam2long("track", clip, "--box", "4,16,20", "--out", tmp_path / "a", "--json")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1


def test_eval(sam2long: Command, tiny_model: Path, tmp_path: Path) -> None:
    layouts.davis_2016(tmp_path / "data")
    words = ("eval", "davis-2016", "--root", tmp_path / "data", "--model", tiny_model, "--greedy")
    ended = sam2long(*words, "--out", tmp_path / "a", "--json")
    assert ended.status == 0, ended.err
    lines = events(ended)
    assert set(kinds(lines[:-1])) == {"done"} and kinds(lines)[-1] == "result"
    assert all(line["frames"] > 0 and line["job"] and line["variant"] for line in lines[:-1])
    assert lines[-1]["counts"] == DONE | {"done": len(lines) - 1}
    stored = json.loads((tmp_path / "a" / "results.json").read_text(encoding="utf-8"))
    assert stored.items() <= lines[-1]["result"].items()
    again = events(sam2long(*words, "--out", tmp_path / "a", "--json"))
    assert kinds(again) == ["result"] and again[0]["counts"] == lines[-1]["counts"]


def test_bench(sam2long: Command) -> None:
    words = ("--model", "nano", "--image-size", "64", "--frames", "1", "--pathways", "1", "--objects", "1")
    ended = sam2long("bench", *words, "--device", "cpu", "--json")
    lines = events(ended)
    assert kinds(lines)[-1] == "result" and kinds(lines)[:2] == ["started", "done"]
    assert len(lines[-1]["result"]["timings"]) == lines[-1]["counts"]["done"] > 1


def test_progress_comes_in_time(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame is told, then at most one every two seconds, with the time that is left."""
    from sam2long.cli.running import events as module

    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    found = choose(as_json=True)
    assert found is not None
    with module.JobEvents(found, "a", 100) as progress:
        for _ in range(50):
            clock[0] += 0.125
            progress.advance()
    choose(as_json=False)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("frames") for line in lines] == [None, 1, 17, 33, 49]
    assert [line["seconds_left"] for line in lines[1:]] == [12.4, 10.4, 8.4, 6.4]
    assert {line["frames_per_second"] for line in lines[1:]} == {8.0}
