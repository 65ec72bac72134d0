"""The command as a process: help, version, pipes that close, and Ctrl-C in the middle of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from sam2long.version import VERSION

from .conftest import Command, write_clip

PROGRAM = [sys.executable, "-c", "from sam2long.cli.app import main; main()"]


def test_version(sam2long: Command) -> None:
    assert sam2long("--version").out == f"sam2long {VERSION}\n"


@pytest.mark.parametrize(
    ("given", "seen"),
    [({}, "PASSIVE None"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE None"), ({"GOMP_SPINCOUNT": "99"}, "None 99")],
)
def test_threads_sleep_while_they_wait_unless_told_otherwise(given: dict[str, str], seen: str) -> None:
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    told = f"import atexit, os; atexit.register(lambda: print(*map(os.environ.get, {names}))); "
    kept = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-c", told + PROGRAM[2], "--version"]
    ended = subprocess.run(command, env={**kept, **given}, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == seen


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(sam2long: Command, words: list[str]) -> None:
    ended = sam2long(*words)
    assert ended.status == 0
    for command in ("track", "demo", "synth"):
        assert command in ended.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["dance"], "No such command 'dance'"),
        (["track"], "Missing argument"),
        (["track", "a.mp4"], "Missing option '--out'"),
        (["track", "a.mp4", "--out"], "--out"),
        (["synth", "--out", "x", "--format", "vhs"], "'vhs'"),
    ],
)
def test_usage_errors_are_one_line_too(sam2long: Command, words: list[str], complaint: str) -> None:
    ended = sam2long(*words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert complaint in ended.err
    assert "--help" in ended.err


def test_ctrl_c_outside_of_tracking_is_quiet(
    sam2long: Command, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_model(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("sam2long.running.models.load_model", load_model)
    ended = sam2long("track", clip, "--point", "5,5", "--out", tmp_path / "out")
    assert (ended.status, ended.out, ended.err) == (130, "", "")
    assert not (tmp_path / "out").exists()


def test_a_bug_keeps_its_traceback(
    sam2long: Command, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_model(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("sam2long.running.models.load_model", load_model)
    with pytest.raises(ZeroDivisionError):
        sam2long("track", clip, "--point", "5,5", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen([*PROGRAM, "track", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() != 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_while_tracking_keeps_what_is_finished(tiny_model: Path, tmp_path: Path) -> None:
    video, out = write_clip(tmp_path / "long.mp4", 900), tmp_path / "out"
    words = ["track", video, "--box", "4,16,20,32", "--out", out, "--model", tiny_model, "--max-delay", "3"]
    with subprocess.Popen(
        [*PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background may have SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        _wait_for_masks(process, out, 5)
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    # The second press may come while Python is on its way out, and end it; a shell reports 130 for that too.
    assert process.returncode in (130, -signal.SIGINT)
    assert stdout == ""
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    kept = summary["frames_written"]
    assert 5 <= kept < 900
    assert f"stopped by Ctrl-C at frame {kept - 1}; {kept} frames kept in {out}" in stderr
    assert "Traceback" not in stderr
    assert summary["complete"] is False
    assert [entry["frame"] for entry in summary["frames"]] == list(range(kept))
    assert len(list((out / "masks").iterdir())) == kept
    with av.open(str(out / "overlay.mp4")) as overlay:
        assert sum(1 for _ in overlay.decode(video=0)) == kept
    assert len(json.loads((out / "ytvis.json").read_text(encoding="utf-8"))["annotations"][0]["segmentations"]) == kept


def _wait_for_masks(process: subprocess.Popen[str], out: Path, count: int) -> None:
    for _ in range(6000):
        if len(list(out.glob("*/masks/*.png"))) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("no masks within a minute")


def test_the_package_runs_as_the_command() -> None:
    ended = subprocess.run([sys.executable, "-m", "sam2long", "--version"], capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stdout.startswith("sam2long ")
    ended = subprocess.run([sys.executable, "-m", "sam2long", "track", "nothing.mp4"], capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1


def test_the_shell_completes_commands_and_options() -> None:
    for typed, expected in (("sam2long tr", "track"), ("sam2long track --path", "--pathways")):
        words = {"_SAM2LONG_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
        done = subprocess.run(PROGRAM, env={**os.environ, **words}, capture_output=True, encoding="utf-8")
        assert expected in done.stdout.split()
