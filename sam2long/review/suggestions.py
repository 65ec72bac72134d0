"""Where a person should look first: the frames on which a correction is likely to put the most right."""

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
"""Chance that tracking goes wrong on a frame of full doubt."""
BASE_RATE = 0.002
"""Chance that it goes wrong on a frame without any doubt."""
RECOVERY_RATE = 0.01
"""Chance that a mistake is over by the next frame, and that a correction has lost its worth there."""
LEAST_CHANCE = 0.1
"""Frames that are less likely wrong than this are never suggested."""
_ODD = 0.1
"""Doubt that is worth naming as a reason."""
_SAME = 1e-9


@dataclass(frozen=True)
class Suggestion:
    """A frame worth a look.

    Attributes:
        frame: frame number.
        time: its presentation time in seconds.
        object_id: the object to look at.
        doubt: estimated chance that its mask is wrong there, 0..1.
        reason: the strongest sign of trouble that led to this, in plain words with its number.
    """

    frame: int
    time: float
    object_id: int
    doubt: float
    reason: str


def review(observations: Iterable[Observation], budget: int = 20) -> list[Suggestion]:
    """Choose the frames most worth a look, best first; a smaller budget gives the first of them.

    A mask is more likely wrong the more doubtful frames it has come through since its object was last marked, and
    stays so when the doubt is over: what has slid onto another thing is followed without doubt. A frame is worth that
    chance times the number of frames on which a correction there would hold, which is small while doubtful frames are
    still ahead. So of a run of doubtful frames the one just behind it comes first, where the object has either come
    through or not, and the reason says where it began; a run that does not end is looked at along its way. What is
    suggested counts as marked for the next one, which spreads the suggestions out. Frames before an object's first
    prompt are taken to be tracked backward.

    Args:
        observations: of any objects, in any order. A few numbers of each are kept, some 200 bytes.
        budget: how many suggestions at most; there are fewer where not so many frames have anything against them.

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
    """What was observed of one object, a column for each number, in the order of arrival."""

    object_id: int
    frame: array[float] = field(default_factory=lambda: array("d"))
    time: array[float] = field(default_factory=lambda: array("d"))
    prompted: array[float] = field(default_factory=lambda: array("d"))
    numbers: tuple[array[float], ...] = field(default_factory=lambda: tuple(array("d") for _ in range(5)))

    def add(self, item: Observation) -> None:
        self.frame.append(item.frame)
        self.time.append(item.time)
        self.prompted.append(item.prompted)
        numbers = (item.area, item.object_score, item.iou, item.disagreement, item.lead)
        for column, number in zip(self.numbers, numbers, strict=True):
            column.append(number)


@dataclass
class _Stretch:
    """Frames that follow from one prompt, in the order they were tracked.

    Attributes:
        object_id: the object.
        frames, times: float64 [frames].
        doubts: in the masks.
        failure: chance that tracking goes wrong on a frame, float64 [frames].
        marks: positions that count as right: the prompt's, and those suggested.
        wrong: chance that a mask is wrong.
        holds: number of frames on which a correction is expected to hold.
    """

    object_id: int
    frames: npt.NDArray[np.float64]
    times: npt.NDArray[np.float64]
    doubts: Doubts
    failure: npt.NDArray[np.float64] = field(init=False)
    marks: set[int] = field(default_factory=set)
    wrong: npt.NDArray[np.float64] = field(init=False)
    holds: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.failure = 1 - (1 - BASE_RATE) * (1 - FAILURE_RATE * self.doubts.value)
        self.wrong = np.full(len(self.frames), np.nan)
        self.holds = np.full(len(self.frames), np.nan)
        self._reach_back(len(self.frames) - 1, 1.0)
        self._mark(0)

    @property
    def best(self) -> float:
        """What the best frame is worth; 0 if none is worth a look."""
        return float(self._worth().max())

    def take(self) -> Suggestion:
        """Suggest the best frame, and mark it."""
        place = int(self._worth().argmax())
        suggestion = Suggestion(
            frame=int(self.frames[place]),
            time=float(self.times[place]),
            object_id=self.object_id,
            doubt=float(self.wrong[place]),
            reason=self._reason(place),
        )
        self._mark(place)
        return suggestion

    def _worth(self) -> npt.NDArray[np.float64]:
        # Rounded, so that among equals the first is the best one.
        return np.where(self.wrong >= LEAST_CHANCE, self.wrong * self.holds, 0.0).round(6)

    def _reason(self, place: int) -> str:
        """The doubt that weighs most on a frame since the mark before it."""
        first = max(mark for mark in self.marks if mark < place) + 1
        age = np.arange(place - first, -1, -1)
        worst = first + int((self.doubts.value[first : place + 1] * (1 - RECOVERY_RATE) ** age).argmax())
        if self.doubts.value[worst] < _ODD:
            return f"nothing odd, but no look for {place - first + 1} frames"
        words = in_words(int(self.doubts.sign[worst]), float(self.doubts.number[worst]))
        return words if worst == place else f"on frame {int(self.frames[worst])} {words}"

    def _mark(self, place: int) -> None:
        self.marks.add(place)
        self.wrong[place] = 0.0
        wrong = 0.0
        for later in range(place + 1, len(self.wrong)):
            wrong = 1 - (1 - wrong * (1 - RECOVERY_RATE)) * (1 - self.failure[later])
            if later in self.marks or abs(wrong - self.wrong[later]) < _SAME:
                break
            self.wrong[later] = wrong
        if place:
            self._reach_back(place - 1, 1.0)

    def _reach_back(self, place: int, holds: float) -> None:
        """A correction on `place` holds for `holds` frames; work out what that means for the frames before it."""
        while place >= 0 and not abs(holds - self.holds[place]) < _SAME:
            self.holds[place] = holds
            holds = 1 + (1 - self.failure[place]) * (1 - RECOVERY_RATE) * holds
            if place in self.marks:
                break
            place -= 1


def _read(observations: Iterable[Observation]) -> list[_Columns]:
    columns: dict[int, _Columns] = {}
    for item in observations:
        columns.setdefault(item.object_id, _Columns(item.object_id)).add(item)
    return [columns[object_id] for object_id in sorted(columns)]


def _stretches(columns: _Columns) -> Iterator[_Stretch]:
    """Cut an object's frames at its prompts; the first piece runs backward from the first prompt, if there is one."""
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
