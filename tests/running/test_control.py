"""Commands given while a live run goes on."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sam2long.errors import ConfigError, PromptError
from sam2long.running.control import Control

WAIT = 120.0


def next_entry(control: Control) -> dict[str, Any]:
    command = control.take(WAIT)
    assert command is not None, "no command came"
    return command.entry


def lines(*entries: object) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def test_a_file_that_is_created_later_and_grows(tmp_path: Path) -> None:
    path = tmp_path / "control.jsonl"
    control = Control(str(path))
    control.start(lambda: None)
    assert control.take() is None
    path.write_bytes(lines({"object": 1}, {"object": 2}))
    assert [next_entry(control)["object"] for _ in range(2)] == [1, 2]
    with path.open("ab", buffering=0) as file:
        file.write(b'\n{"object": ')
        file.write(b"3}\n")
    command = control.take(WAIT)
    assert command is not None
    assert (command.entry, command.where, command.folder) == ({"object": 3}, f"{path}, line 4", tmp_path)
    control.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_with_one_writer_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    control = Control(str(path))
    control.start(lambda: None)
    for number in range(3):
        path.write_bytes(lines({"object": number}))
        assert next_entry(control) == {"object": number}
    control.close()


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines({"object": 1}, {"object": 2}))))
    control = Control("-")
    control.start(lambda: None)
    assert [next_entry(control)["object"] for _ in range(2)] == [1, 2]


def test_stop_takes_effect_at_once(tmp_path: Path) -> None:
    path, stopped = tmp_path / "control", threading.Event()
    path.write_bytes(lines({"stop": True}))
    control = Control(str(path))
    control.start(stopped.set)
    assert stopped.wait(WAIT)
    assert control.take() is None
    control.close()


@pytest.mark.parametrize("line", [b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_what_is_no_command_is_told_and_the_next_line_counts(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "control"
    path.write_bytes(line + b"\n" + lines({"object": 1}))
    control = Control(str(path))
    control.start(lambda: None)
    with pytest.raises(PromptError, match=r"line 1.*ignored"):
        control.take(WAIT)
    assert next_entry(control) == {"object": 1}
    control.close()


def test_places_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        Control(str(tmp_path))
    with pytest.raises(ConfigError, match="does not exist"):
        Control(str(tmp_path / "no" / "control"))
