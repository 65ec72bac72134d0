"""The part of a session that reads its results: masks, observations, spans, suggestions."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from operator import itemgetter

from sam2long.errors import ConfigError
from sam2long.results import FrameResult
from sam2long.results.observation import Observation
from sam2long.review.suggestions import Suggestion, review
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tracking.prompting.prompts import whole_number
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.store import ResultStore
from sam2long.tracking.track import Track
from sam2long.tree import TraceRow


class SpanState(Enum):
    """Whether the results of a span hold."""

    UP_TO_DATE = "up to date"
    UNDECIDED = "undecided"
    OUTDATED = "outdated"


@dataclass(frozen=True)
class Span:
    """A run of frames of one object whose results are in the same state.

    Attributes:
        first: first frame.
        last: last frame, inclusive.
        state: whether the results hold, or are not decided yet; frames outside all spans have not been visited.
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

    def result(self, frame: int, undecided: bool = False) -> FrameResult | None:
        """Return the stored result of a frame, with the objects whose results there are up to date; None without any.

        Args:
            frame: number of the frame.
            undecided: also with the objects whose trees have visited the frame without deciding it, as their best
                pathways have it now, which may change.

        Raises:
            ConfigError: the session keeps no results.
        """
        self._kept()
        frame = whole_number(frame, "a frame number")
        found: dict[int, tuple[float, int, Outcome]] = {}
        for object_id, track in self._state.tracks.items():
            row, live = self._state.result(object_id, frame), track.live
            if row is not None:
                found[object_id] = row.time, row.stride, self._state.outcome(row)
            elif undecided and live is not None and (branch := live.tree.best_at(frame)) is not None:
                found[object_id] = live.pending[frame], live.stride, branch.outcome
        if not found:
            return None
        time, stride, _ = next(iter(found.values()))
        outcomes = {object_id: outcome for object_id, (_, _, outcome) in found.items()}
        return self._state.report(frame, time, outcomes, 1 if stride > 0 else -1)

    def results(self, undecided: bool = False) -> Iterator[FrameResult]:
        """Yield all stored results that are up to date, in the order of the frames.

        Args:
            undecided: see `result`.

        Raises:
            ConfigError: the session keeps no results.
        """
        stored = self._kept().frames(list(self._state.tracks))
        waiting = {frame for frames in self.undecided.values() for frame in frames} if undecided else set[int]()
        for frame, _ in groupby(heapq.merge(stored, sorted(waiting))):
            result = self.result(frame, undecided)
            if result is not None:
                yield result

    @property
    def undecided(self) -> dict[int, list[int]]:
        """Frames that each object's tree has visited without deciding them, by object id, in the order of the visit."""
        trees = ((object_id, track.live) for object_id, track in self._state.tracks.items())
        return {object_id: list(live.pending) for object_id, live in trees if live is not None and live.pending}

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
        """Return which frames of an object are up to date, undecided and outdated, in ascending order.

        After the session has been saved and opened, frames that were outdated count as not visited.

        Raises:
            ConfigError: the session keeps no results.
        """
        self._kept()
        track = self._state.tracks.get(object_id)
        found: list[Span] = []
        for frame, state in () if track is None else self._states(track, object_id):
            last = found[-1] if found else None
            if last is not None and last.last == frame - 1 and last.state is state:
                found[-1] = Span(last.first, frame, state)
            else:
                found.append(Span(frame, frame, state))
        return found

    def _states(self, track: Track, object_id: int) -> Iterator[tuple[int, SpanState]]:
        held = {True: SpanState.UP_TO_DATE, False: SpanState.OUTDATED}
        stored = ((frame, held[holds]) for frame, holds in self._kept().states(track, object_id))
        waiting = sorted(self.undecided.get(object_id, ()))
        merged = heapq.merge(stored, ((frame, SpanState.UNDECIDED) for frame in waiting), key=itemgetter(0))
        for frame, states in groupby(merged, key=itemgetter(0)):
            yield frame, min((state for _, state in states), key=list(SpanState).index)

    def _kept(self) -> ResultStore:
        if self._state.store is None:
            raise ConfigError("this session keeps no results; use keep_results=True and a video that is not live")
        return self._state.store
