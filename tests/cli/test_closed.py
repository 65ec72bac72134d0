"""Commands close the videos and sessions that they open, also when something fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sam2long.cli.commands.side_by_side import write_side_by_side
from sam2long.errors import OutputError
from sam2long.evaluation import predict, predict_boxes
from sam2long.results.films.encoder import Mp4Encoder
from sam2long.tracking import Session
from sam2long.video import VideoSource, open_video
from tests.evaluation import layouts

from .conftest import Command


class Ledger:
    """What was opened, and what was closed."""

    def __init__(self) -> None:
        self.opened: list[object] = []
        self.closed: list[object] = []

    def opens(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose results are noted as opened."""

        def run(*words: Any, **more: Any) -> Any:
            made = make(*words, **more)
            self.opened.append(made)
            return made

        return run

    def closes(self, close: Callable[[Any], None]) -> Callable[[Any], None]:
        """The same method, which notes what it closes."""

        def run(thing: Any) -> None:
            self.closed.append(thing)
            close(thing)

        return run

    def is_even(self) -> bool:
        """Whether all that was opened was closed."""
        return bool(self.opened) and {id(thing) for thing in self.opened} <= {id(thing) for thing in self.closed}


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    kept = Ledger()
    for module in (predict, predict_boxes):
        monkeypatch.setattr(module, "open_video", kept.opens(module.open_video))
        monkeypatch.setattr(module, "Session", kept.opens(module.Session))
    monkeypatch.setattr(VideoSource, "close", kept.closes(VideoSource.close))
    monkeypatch.setattr(Session, "close", kept.closes(Session.close))
    return kept


@pytest.mark.parametrize(("name", "layout"), [("davis-folder", layouts.pumavos), ("lasot", layouts.lasot)])
@pytest.mark.parametrize("fails", [False, True])
def test_eval_closes_what_it_opens(
    sam2long: Command,
    tiny_model: Path,
    tmp_path: Path,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    layout: Callable[[Path], Path],
    fails: bool,
) -> None:
    if fails:

        def full(*_: object, **__: object) -> None:
            raise OutputError("the disk is full")

        monkeypatch.setattr(Session, "propagate", full)
    layout(tmp_path / "data")
    words = ("--root", tmp_path / "data", "--out", tmp_path / "out", "--model", tiny_model)
    assert sam2long("eval", name, *words).status == (2 if fails else 0)
    assert {type(thing).__name__ for thing in ledger.opened} == {"ImageSource", "Session"}
    assert ledger.is_even()


@pytest.mark.parametrize("fails", [False, True])
def test_two_videos_side_by_side_are_closed(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    black = np.zeros((3, 32, 48, 3), np.uint8)
    monkeypatch.setattr("sam2long.cli.commands.side_by_side.open_video", ledger.opens(lambda _: open_video(black)))
    if fails:
        monkeypatch.setattr(Mp4Encoder, "add", lambda *_: (_ for _ in ()).throw(OutputError("the disk is full")))
        with pytest.raises(OutputError):
            write_side_by_side({"a": tmp_path / "a", "b": tmp_path / "b"}, tmp_path / "out.mp4")
    else:
        write_side_by_side({"a": tmp_path / "a", "b": tmp_path / "b"}, tmp_path / "out.mp4")
    assert len(ledger.opened) == 2 and ledger.is_even()
    assert [path.name for path in tmp_path.iterdir()] == ([] if fails else ["out.mp4"])
