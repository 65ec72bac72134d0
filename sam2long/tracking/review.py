"""Where a person should look first: the frames on which a correction is likely to put the most right."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError
from sam2long.tracking.doubt import Doubt, UsualSize, doubt_of, in_words
from sam2long.video.observation import Observation, observe

__all__ = ["Observation", "Suggestion", "observe", "review"]

REACH = 60
"""Visited frames that a correction is expected to put right."""
LEAST_DOUBT = 0.2
"""Frames with less doubt than this are never suggested."""


@dataclass(frozen=True)
class Suggestion:
    """A frame worth a look.

    Attributes:
        frame: frame number.
        time: its presentation time in seconds.
        object_id: the object to look at.
        doubt: how doubtful its mask is, 0..1.
        reason: the strongest sign of trouble, in plain words with its number.
    """

    frame: int
    time: float
    object_id: int
    doubt: float
    reason: str


def review(observations: Iterable[Observation], budget: int = 20) -> list[Suggestion]:
    """Choose the frames most worth a look, best first; a smaller budget gives the first of them.

    A frame is worth its own doubt times all the doubt that a correction there would reach: its own and that of the
    frames after it, up to `REACH` of them or the object's next prompt. So of a run of doubtful frames the first that is
    clearly wrong comes first, where a correction repairs what follows from it. What a suggestion reaches counts as seen
    for the next one, which spreads them out. Frames before an object's first prompt are taken to be tracked backward.

    The list is shorter than the budget where nothing else is doubtful.

    Args:
        observations: of any objects, in any order. A few numbers of each are kept, 64 bytes.
        budget: how many suggestions at most.

    Raises:
        ConfigError: the budget is below 1.
    """
    if budget < 1:
        raise ConfigError(f"the budget is {budget}; it must be 1 or more")
    stretches = [stretch for columns in _columns(observations).values() for stretch in _stretches(columns)]
    queue = [(-stretch.worth.max(), number) for number, stretch in enumerate(stretches)]
    heapq.heapify(queue)
    chosen: list[Suggestion] = []
    while queue and len(chosen) < budget:
        worth, number = heapq.heappop(queue)
        if worth < 0:
            chosen.append(stretches[number].take())
            heapq.heappush(queue, (-stretches[number].worth.max(), number))
    return chosen


@dataclass
class _Columns:
    """What was observed of one object, a column for each number, in the order of arrival."""

    object_id: int
    columns: tuple[array[float], ...] = field(default_factory=lambda: tuple(array("d") for _ in range(8)))

    def add(self, item: Observation) -> None:
        numbers = (item.frame, item.time, item.area, item.object_score, item.iou, item.disagreement, item.lead)
        for column, number in zip(self.columns, (*numbers, item.prompted), strict=True):
            column.append(number)

    def order(self) -> npt.NDArray[np.int64]:
        """Positions in the order of the frames."""
        return np.argsort(np.frombuffer(self.columns[0]), kind="stable")

    def prompted(self) -> npt.NDArray[np.bool_]:
        """Which positions the user marked."""
        return np.frombuffer(self.columns[-1]).astype(bool)

    def __getitem__(self, position: int) -> Observation:
        frame, time, area, score, iou, disagreement, lead, prompted = (column[position] for column in self.columns)
        return Observation(
            int(frame), time, self.object_id, int(area), score, iou, disagreement, lead, prompted=bool(prompted)
        )


@dataclass
class _Stretch:
    """Frames that follow from one prompt, in the order they were tracked."""

    columns: _Columns
    places: npt.NDArray[np.int64]
    doubts: list[Doubt] = field(init=False)
    unseen: npt.NDArray[np.float64] = field(init=False)
    worth: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        size = UsualSize()
        self.doubts = [doubt_of(item, size.change(item.area)) for item in (self.columns[i] for i in self.places)]
        self.unseen = np.array([doubt.value for doubt in self.doubts])
        self._weigh()

    def take(self) -> Suggestion:
        """The frame of most worth; what a correction there would reach counts as seen from now on."""
        best = int(self.worth.argmax())
        item, doubt = self.columns[int(self.places[best])], self.doubts[best]
        self.unseen[best : best + REACH] = 0.0
        self._weigh()
        return Suggestion(item.frame, item.time, item.object_id, doubt.value, in_words(doubt.sign, doubt.number))

    def _weigh(self) -> None:
        total = np.concatenate([[0.0], self.unseen.cumsum()])
        ends = np.minimum(np.arange(len(self.unseen)) + REACH, len(self.unseen))
        within_reach = total[ends] - total[:-1]
        # Rounded, so that among equals the first is the best one.
        self.worth = np.where(self.unseen >= LEAST_DOUBT, self.unseen * within_reach, 0.0).round(6)


def _columns(observations: Iterable[Observation]) -> dict[int, _Columns]:
    columns: dict[int, _Columns] = {}
    for item in observations:
        columns.setdefault(item.object_id, _Columns(item.object_id)).add(item)
    return dict(sorted(columns.items()))


def _stretches(columns: _Columns) -> Iterator[_Stretch]:
    """Cut an object's frames at its prompts; the first piece runs backward from the first prompt, if there is one."""
    order = columns.order()
    cuts = np.flatnonzero(columns.prompted()[order])
    if len(cuts):
        before, order = order[: cuts[0] + 1], order[cuts[0] :]
        yield _Stretch(columns, before[::-1])
    for piece in np.split(order, cuts[1:] - cuts[0] if len(cuts) else []):
        yield _Stretch(columns, piece)
