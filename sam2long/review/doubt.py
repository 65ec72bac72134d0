"""How doubtful masks are: every sign of trouble on a scale of 0 to 1, and one doubt made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


class Sign(IntEnum):
    """A sign of trouble; see `doubts_of`."""

    RIVAL = 0
    PRESENCE = 1
    SIZE = 2
    QUALITY = 3


@dataclass(frozen=True)
class Observed:
    """One object's numbers, frame by frame in the order it was tracked, each float64 [frames]; see `Observation`."""

    area: Numbers
    object_score: Numbers
    iou: Numbers
    disagreement: Numbers
    lead: Numbers


@dataclass(frozen=True)
class Doubts:
    """Doubt in the mask of each frame.

    Attributes:
        value: float64 [frames], 0 (none) to 1.
        sign: int64 [frames], the strongest `Sign` of trouble on the frame.
        number: float64 [frames], what was measured for it, see `in_words`.
    """

    value: Numbers
    sign: npt.NDArray[np.int64]
    number: Numbers


_LEAD = 1.0
"""Lead by which a rival loses two thirds of its weight: a cumulative score is a sum of logarithms of predicted IoUs."""
_SIZE_CALM, _SIZE_ALARM = 1.3, 3.0
"""Factors of growth or shrinking that say nothing, and everything."""
_SIZE_MEMORY = 8.0
"""Visible frames over which the usual size is averaged."""
_SMALL = 16.0
"""Pixels added to all areas, so that tiny masks do not alarm by a pixel more or less."""
_IOU_CALM, _IOU_ALARM = 0.9, 0.4
"""Predicted IoUs, relative to the object's median, that say nothing, and everything."""
_GOOD_IOU = 0.6
"""A median below this does not make poor predictions usual."""


def doubts_of(seen: Observed, usual_iou: float) -> Doubts:
    """Join the signs of trouble as independent ones: 1 - the product of what each leaves.

    - rival: how far the pathways' masks differ, times how nearly the best other one scores as well.
    - presence: 1 where the object score is 0, 0.42 at 2 and 0.07 at 4 (4 p (1 - p), p its probability).
    - size: a sudden change of area, against the mean of the latest visible frames; also vanishing and coming back.
    - quality: a predicted IoU well below what is usual for the object, see `usual_iou`.
    """
    change = _changes(seen.area)
    signs = np.stack(
        [
            seen.disagreement * np.exp(-seen.lead.clip(min=0) / _LEAD),
            1 - np.tanh(seen.object_score / 2) ** 2,
            _size_alarm(change),
            _ramp(seen.iou / usual_iou, _IOU_CALM, _IOU_ALARM),
        ]
    )
    numbers = np.stack([seen.disagreement, seen.object_score, change, seen.iou])
    strongest = signs.argmax(axis=0)
    return Doubts(
        value=1 - (1 - signs.clip(0, 1)).prod(axis=0),
        sign=strongest,
        number=np.take_along_axis(numbers, strongest[None], axis=0)[0],
    )


def usual_iou(area: Numbers, iou: Numbers) -> float:
    """The median of an object's predicted IoU where it is visible, but at least what is passable."""
    visible = iou[area > 0]
    return max(_GOOD_IOU, float(np.median(visible))) if len(visible) else 1.0


def in_words(sign: int, number: float) -> str:
    """A sign of trouble in plain words."""
    if sign == Sign.RIVAL:
        return f"the pathways disagree, their masks differ by {number:.0%}"
    if sign == Sign.PRESENCE:
        return f"visible or not is a close call, object score {number:+.1f}"
    if sign == Sign.QUALITY:
        return f"the mask is a poor guess, predicted IoU {number:.2f}"
    if number == 0:
        return "the object vanishes"
    if math.isinf(number):
        return "the object comes back"
    return f"the mask {'grows' if number > 1 else 'shrinks'} at once, to {number:.1f} times its usual area"


def _changes(areas: Numbers) -> Numbers:
    """Each area relative to the usual one; 0 where the object vanishes, infinite where it comes back, 1 while away."""
    changes, usual, hidden = [], None, False
    for now in np.log(areas + _SMALL).tolist():
        away = now <= math.log(_SMALL)
        if away or usual is None:
            changes.append(0.0 if usual is not None and not hidden else 1.0)
            usual = usual if away else now
        else:
            changes.append(math.inf if hidden else math.exp(now - usual))
            usual += (now - usual) / _SIZE_MEMORY
        hidden = away
    return np.array(changes)


def _size_alarm(change: Numbers) -> Numbers:
    with np.errstate(divide="ignore"):
        return _ramp(np.abs(np.log(change)), math.log(_SIZE_CALM), math.log(_SIZE_ALARM))


def _ramp(values: Numbers, calm: float, alarm: float) -> Numbers:
    return ((values - calm) / (alarm - calm)).clip(0, 1)
