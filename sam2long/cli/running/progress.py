"""The progress line of tracking: frames, speed, time left and object states; only on a terminal."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from sam2long.cli.running.events import JobEvents, current
from sam2long.results.result import FrameResult
from sam2long.review.states import ObjectState, object_state

_SHOWN_OBJECTS = 6
_STYLES = {ObjectState.VISIBLE: "green", ObjectState.HIDDEN: "dim", ObjectState.UNSURE: "yellow"}


class TrackProgress:
    """Context manager that shows progress as results arrive.

    Args:
        name: name of the video.
        total: expected number of results, or None if unknown; then the bar and the time left are omitted.
        quiet: show nothing. Nothing is shown either if `console` is not a terminal.
        console: console to draw on; standard error by default.
    """

    def __init__(self, name: str, total: int | None, quiet: bool = False, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._progress = Progress(
            *_columns(bounded=total is not None),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task(name, total=total, states=Text())

    def __enter__(self) -> TrackProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._progress.disable:  # rich before 14.3 prints an empty line when stopped without a start
            self._progress.stop()

    def update(self, result: FrameResult) -> None:
        """Advance by one result and show the states of its objects."""
        self._progress.update(self._task, advance=1, states=state_line(result))

    def advance(self) -> None:
        """Advance by one frame that has no result."""
        self._progress.update(self._task, advance=1)


def progress_of(
    name: str, total: int | None, quiet: bool = False, out: Path | None = None
) -> TrackProgress | JobEvents:
    """What shows the progress of a job: a line on the terminal, or JSON lines if the command prints them."""
    events = current()
    return TrackProgress(name, total, quiet) if events is None else JobEvents(events, name, total, out)


class _Frames(ProgressColumn):
    def render(self, task: Task) -> Text:
        done = f"{int(task.completed)}" if task.total is None else f"{int(task.completed)}/{int(task.total)}"
        return Text(f"{done} frames")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} frames/s" if task.speed else "")


class _States(ProgressColumn):
    def render(self, task: Task) -> Text:
        states: Text = task.fields["states"]
        return states


def state_line(result: FrameResult) -> Text:
    """States of the first few objects of a frame, such as `1 ● 2 ○ 3 ?`."""
    line = Text()
    for object_id in list(result.masks)[:_SHOWN_OBJECTS]:
        state = object_state(result, object_id)
        line.append(f"{object_id} {state.value} ", style=_STYLES[state])
    hidden = len(result.masks) - _SHOWN_OBJECTS
    return line.append(f"+{hidden}") if hidden > 0 else line


def _columns(bounded: bool) -> list[ProgressColumn]:
    name = TextColumn("{task.description}", markup=False)
    if not bounded:
        return [name, _Frames(), _Speed(), _States()]
    return [name, BarColumn(bar_width=24), _Frames(), _Speed(), TimeRemainingColumn(), _States()]
