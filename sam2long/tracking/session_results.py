"""The part of a session that reads its results: masks, observations, spans, suggestions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from sam2long.errors import ConfigError
from sam2long.results import FrameResult
from sam2long.results.observation import Observation
from sam2long.review.suggestions import Suggestion, review
from sam2long.tracking.prompting.prompts import whole_number
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.store import ResultStore
from sam2long.tree import TraceRow


class SpanState(Enum):
    """Whether the results of a span hold."""

    UP_TO_DATE = "up to date"
    OUTDATED = "outdated"


@dataclass(frozen=True)
class Span:
    """A run of frames of one object whose results are in the same state.

    Attributes:
        first: first frame.
        last: last frame, inclusive.
        state: whether the results hold; frames outside all spans have not been visited.
    """

    first: int
    last: int
    state: SpanState


class SessionResults:
    """Results of a session; see `Session`."""

    _state: SessionState

    @property
    def traces(self) -> dict[int, list[TraceRow]]:
        """How each object's pathways continued on each frame, by object id; empty unless `trace` is set."""
        return {object_id: self._state.trace_of(object_id) for object_id in self._state.tracks}

    def result(self, frame: int) -> FrameResult | None:
        """Return the stored result of a frame, with the objects whose results there are up to date; None without any.

        Raises:
            ConfigError: the session keeps no results.
        """
        self._kept()
        frame = whole_number(frame, "a frame number")
        found = {object_id: self._state.result(object_id, frame) for object_id in self._state.tracks}
        rows = {object_id: row for object_id, row in found.items() if row is not None}
        if not rows:
            return None
        first = next(iter(rows.values()))
        outcomes = {object_id: self._state.outcome(row) for object_id, row in rows.items()}
        return self._state.report(frame, first.time, outcomes, 1 if first.stride > 0 else -1)

    def results(self) -> Iterator[FrameResult]:
        """Yield all stored results that are up to date, in the order of the frames.

        Raises:
            ConfigError: the session keeps no results.
        """
        for frame in self._kept().frames(list(self._state.tracks)):
            result = self.result(frame)
            if result is not None:
                yield result

    def review(self, budget: int = 20) -> list[Suggestion]:
        """Return the frames most worth checking, best first, each with a reason; see `sam2long.review.suggestions`.

        Args:
            budget: maximum number of frames.

        Raises:
            ConfigError: the budget is below 1, or the session keeps no results.
        """
        self._kept()
        return review(self._state.observations(), budget)

    def observations(self, object_id: int | None = None) -> Iterator[Observation]:
        """Yield the up-to-date results of one object, or of all in turn, frame by frame, without masks.

        Raises:
            ConfigError: the session keeps no results.
        """
        self._kept()
        yield from self._state.observations(None if object_id is None else [object_id])

    def spans(self, object_id: int) -> list[Span]:
        """Return which frames of an object are up to date and which are outdated, in ascending order.

        After the session has been saved and opened, frames that were outdated count as not visited.

        Raises:
            ConfigError: the session keeps no results.
        """
        track = self._state.tracks.get(object_id)
        found: list[Span] = []
        for frame, holds in () if track is None else self._kept().states(track, object_id):
            state = SpanState.UP_TO_DATE if holds else SpanState.OUTDATED
            last = found[-1] if found else None
            if last is not None and last.last == frame - 1 and last.state is state:
                found[-1] = Span(last.first, frame, state)
            else:
                found.append(Span(frame, frame, state))
        return found

    def _kept(self) -> ResultStore:
        if self._state.store is None:
            raise ConfigError("this session keeps no results; use keep_results=True and a video that is not live")
        return self._state.store
