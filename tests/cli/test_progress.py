"""What the progress line shows, drawn on a console in memory."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from sam2long.cli.running.progress import TrackProgress, state_line
from sam2long.results.result import FrameResult
from sam2long.review.states import ObjectState, is_doubtful, object_state


def result(*objects: tuple[float, float]) -> FrameResult:
    """A frame with objects 1, 2, ... of these (object score, disagreement)."""
    ids = range(1, len(objects) + 1)
    return FrameResult(
        frame=0,
        time=0.0,
        masks={number: np.zeros((2, 2), bool) for number in ids},
        scores=dict.fromkeys(ids, 0.9),
        object_scores={number: score for number, (score, _) in zip(ids, objects)},
        disagreement={number: apart for number, (_, apart) in zip(ids, objects)},
    )


@pytest.mark.parametrize(
    ("score", "disagreement", "state"),
    [
        (8.0, 0.0, ObjectState.VISIBLE),
        (-8.0, 0.0, ObjectState.HIDDEN),
        (1.5, 0.0, ObjectState.UNSURE),
        (-2.0, 0.0, ObjectState.UNSURE),
        (8.0, 0.8, ObjectState.UNSURE),
        (8.0, 0.3, ObjectState.VISIBLE),
    ],
)
def test_states(score: float, disagreement: float, state: ObjectState) -> None:
    assert object_state(result((score, disagreement)), 1) is state
    assert is_doubtful(result((9.0, 0.0), (score, disagreement))) is (state is ObjectState.UNSURE)


def test_the_line_of_states() -> None:
    assert state_line(result((8, 0), (-8, 0), (1, 0))).plain.strip() == "1 ● 2 ○ 3 ?"
    assert state_line(result(*[(8, 0)] * 9)).plain.endswith("6 ● +3")
    assert state_line(result()).plain == ""


def draw(total: int | None, *, terminal: bool = True, quiet: bool = False) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=140)
    with TrackProgress("match[1]", total, quiet=quiet, console=console) as progress:
        for _ in range(7):
            progress.update(result((8, 0), (-8, 0)))
    return screen.getvalue()


def test_a_known_length_shows_a_share_and_a_time() -> None:
    screen = draw(20)
    assert "match[1]" in screen
    assert "7/20 frames" in screen
    assert "1 ●" in screen


def test_an_unknown_length_shows_a_count() -> None:
    screen = draw(None)
    assert "7 frames" in screen
    assert "7/" not in screen
    assert "-:--:--" not in screen


def test_nothing_is_drawn_into_files_or_when_quiet() -> None:
    assert draw(20, terminal=False) == ""
    assert draw(20, quiet=True) == ""
