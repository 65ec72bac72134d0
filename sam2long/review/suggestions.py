"""Suggests the frames to check first: those where a correction is likely to fix the most frames."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError
from sam2long.results.observation import Observation, observe
from sam2long.review.doubt import Doubts, Observed, doubts_of, in_words, usual_iou

__all__ = ["Observation", "Suggestion", "observe", "review"]

FAILURE_RATE = 0.15
"""Probability that tracking fails on a frame of full doubt."""
BASE_RATE = 0.002
"""Probability that tracking fails on a frame without any doubt."""
RECOVERY_RATE = 0.01
"""Probability per frame that a failure ends by itself, and that a correction stops being useful."""
LEAST_CHANCE = 0.1
"""Frames with a lower probability of being wrong are never suggested."""
_ODD = 0.1
"""Least doubt that is named as a reason."""
_SAME = 1e-9
"""Numbers closer than this count as equal."""


@dataclass(frozen=True)
class Suggestion:
    """A frame that is worth checking.

    Attributes:
        frame: frame number.
        time: its presentation time in seconds.
        object_id: the object to check.
        doubt: estimated probability that its mask is wrong there, 0..1.
        reason: the strongest sign of trouble behind the suggestion, in plain words with its number.
    """

    frame: int
    time: float
    object_id: int
    doubt: float
    reason: str


def review(observations: Iterable[Observation], budget: int = 20) -> list[Suggestion]:
    """Choose the frames most worth checking, best first; a smaller budget returns the first of them.

    The probability that a mask is wrong accumulates over the doubtful frames since the object's last prompt. It stays
    high when the doubt ends, because a mask that has drifted to another thing is tracked without doubt. The worth of a
    frame is that probability times the expected number of frames for which a correction there would hold, which is
    small while doubtful frames lie ahead. Within a run of doubtful frames the frame just after the run therefore comes
    first: it shows whether the object was kept. The reason names the frame of the greatest doubt. A run that does not
    end gets suggestions along the way. Each suggested frame counts as corrected from then on, which spreads the
    suggestions out. Frames before an object's first prompt are assumed to be tracked backward.

    Args:
        observations: of any objects, in any order; about 200 bytes are kept per observation.
        budget: maximum number of suggestions; fewer are returned if fewer frames are worth checking.

    Raises:
        ConfigError: the budget is below 1.
    """
    if budget < 1:
        raise ConfigError(f"the budget is {budget}; it must be 1 or more")
    stretches = [stretch for columns in _read(observations) for stretch in _stretches(columns)]
    queue = [(-stretch.best, number) for number, stretch in enumerate(stretches)]
    heapq.heapify(queue)
    chosen: list[Suggestion] = []
    while queue and len(chosen) < budget:
        worth, number = heapq.heappop(queue)
        if worth < 0:
            chosen.append(stretches[number].take())
            heapq.heappush(queue, (-stretches[number].best, number))
    return chosen


@dataclass
class _Columns:
    """The observations of one object, one column per number, in order of arrival."""

    object_id: int
    frame: array[float] = field(default_factory=lambda: array("d"))
    time: array[float] = field(default_factory=lambda: array("d"))
    prompted: array[float] = field(default_factory=lambda: array("d"))
    numbers: tuple[array[float], ...] = field(default_factory=lambda: tuple(array("d") for _ in range(6)))

    def add(self, item: Observation) -> None:
        self.frame.append(item.frame)
        self.time.append(item.time)
        self.prompted.append(item.prompted)
        numbers = (item.area, item.object_score, item.iou, item.disagreement, item.lead, item.new_scene)
        for column, number in zip(self.numbers, numbers, strict=True):
            column.append(number)


@dataclass
class _Stretch:
    """The frames tracked from one prompt, in tracking order.

    Attributes:
        object_id: the object.
        frames: frame numbers, float64 [frames].
        times: presentation times in seconds, float64 [frames].
        doubts: doubt in the masks.
        failure: probability that tracking fails on each frame, float64 [frames].
        trusted: positions whose masks count as right: the prompted frame and the suggested ones.
        wrong: probability that each mask is wrong, float64 [frames].
        holds: expected number of frames for which a correction on each frame holds, float64 [frames].
    """

    object_id: int
    frames: npt.NDArray[np.float64]
    times: npt.NDArray[np.float64]
    doubts: Doubts
    failure: npt.NDArray[np.float64] = field(init=False)
    trusted: set[int] = field(default_factory=set)
    wrong: npt.NDArray[np.float64] = field(init=False)
    holds: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.failure = 1 - (1 - BASE_RATE) * (1 - FAILURE_RATE * self.doubts.value)
        self.wrong = np.full(len(self.frames), np.nan)
        self.holds = np.full(len(self.frames), np.nan)
        self._update_holds(len(self.frames) - 1, 1.0)
        self._trust(0)

    @property
    def best(self) -> float:
        """Worth of the best frame; 0 if no frame is worth checking."""
        return float(self._worth().max())

    def take(self) -> Suggestion:
        """Suggest the best frame, and trust it from then on."""
        place = int(self._worth().argmax())
        suggestion = Suggestion(
            frame=int(self.frames[place]),
            time=float(self.times[place]),
            object_id=self.object_id,
            doubt=float(self.wrong[place]),
            reason=self._reason(place),
        )
        self._trust(place)
        return suggestion

    def _worth(self) -> npt.NDArray[np.float64]:
        # Rounded, so that the first of several equal frames is chosen.
        return np.where(self.wrong >= LEAST_CHANCE, self.wrong * self.holds, 0.0).round(6)

    def _reason(self, place: int) -> str:
        """Describe the doubt since the previous trusted frame that weighs most on this one."""
        first = max(trusted for trusted in self.trusted if trusted < place) + 1
        age = np.arange(place - first, -1, -1)
        worst = first + int((self.doubts.value[first : place + 1] * (1 - RECOVERY_RATE) ** age).argmax())
        if self.doubts.value[worst] < _ODD:
            return f"nothing unusual, but not checked for {place - first + 1} frames"
        words = in_words(int(self.doubts.sign[worst]), float(self.doubts.number[worst]))
        return words if worst == place else f"on frame {int(self.frames[worst])} {words}"

    def _trust(self, place: int) -> None:
        """Count the mask at `place` as right, and update `wrong` after it and `holds` before it."""
        self.trusted.add(place)
        self.wrong[place] = 0.0
        wrong = 0.0
        for later in range(place + 1, len(self.wrong)):
            wrong = 1 - (1 - wrong * (1 - RECOVERY_RATE)) * (1 - self.failure[later])
            if later in self.trusted or abs(wrong - self.wrong[later]) < _SAME:
                break
            self.wrong[later] = wrong
        if place:
            self._update_holds(place - 1, 1.0)

    def _update_holds(self, place: int, holds: float) -> None:
        """Set `holds` at `place`, and update the frames before it as far as the trusted one."""
        while place >= 0 and not abs(holds - self.holds[place]) < _SAME:
            self.holds[place] = holds
            holds = 1 + (1 - self.failure[place]) * (1 - RECOVERY_RATE) * holds
            if place in self.trusted:
                break
            place -= 1


def _read(observations: Iterable[Observation]) -> list[_Columns]:
    columns: dict[int, _Columns] = {}
    for item in observations:
        columns.setdefault(item.object_id, _Columns(item.object_id)).add(item)
    return [columns[object_id] for object_id in sorted(columns)]


def _stretches(columns: _Columns) -> Iterator[_Stretch]:
    """Split an object's frames at its prompts; the frames before the first prompt, if any, run backward from it."""
    frames, times, prompted = np.array(columns.frame), np.array(columns.time), np.array(columns.prompted)
    order = np.argsort(frames, kind="stable")
    numbers = [np.array(column) for column in columns.numbers]
    whole = Observed(*numbers)
    usual = usual_iou(whole.area, whole.iou)
    cuts = np.flatnonzero(prompted[order])
    pieces = np.split(order, cuts)
    if len(cuts) and len(pieces[0]):
        pieces[0] = order[cuts[0] :: -1]
    for piece in pieces:
        if len(piece):
            observed = Observed(*(column[piece] for column in numbers))
            yield _Stretch(columns.object_id, frames[piece], times[piece], doubts_of(observed, usual))
