"""Estimates the doubt in each mask: several signs of trouble, each on a scale of 0 to 1, combined into one number."""

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
    SCENE = 4


@dataclass(frozen=True)
class Observed:
    """One object's numbers in tracking order, each float64 [frames]; see `Observation`."""

    area: Numbers
    object_score: Numbers
    iou: Numbers
    disagreement: Numbers
    lead: Numbers
    new_scene: Numbers


@dataclass(frozen=True)
class Doubts:
    """Doubt in the mask of each frame.

    Attributes:
        value: float64 [frames], 0 (none) to 1.
        sign: int64 [frames], the strongest `Sign` of trouble on each frame.
        number: float64 [frames], the measurement behind that sign, see `in_words`.
    """

    value: Numbers
    sign: npt.NDArray[np.int64]
    number: Numbers


_LEAD = 1.0
"""Lead at which the weight of a rival falls to 1/e; leads are differences of summed log IoUs."""
_SIZE_CALM, _SIZE_ALARM = 1.3, 3.0
"""Factors of growth or shrinkage at which the sign is 0, and 1."""
_SIZE_MEMORY = 8.0
"""Number of visible frames over which the usual size is averaged."""
_SMALL = 16.0
"""Pixels added to every area, so that a change by one pixel in a tiny mask is no sign of trouble."""
_IOU_CALM, _IOU_ALARM = 0.9, 0.4
"""Predicted IoUs, relative to the object's usual one, at which the sign is 0, and 1."""
_NEW_SCENE = 0.9
"""The sign on the first frame of a new scene."""
_GOOD_IOU = 0.6
"""Lower bound on an object's usual IoU, so that an object with poor masks throughout is still doubtful."""


def doubts_of(seen: Observed, usual_iou: float) -> Doubts:
    """Combine the signs of trouble as if they were independent: 1 - the product of (1 - sign).

    - rival: how far the pathways' masks differ, weighted by how close the best other pathway's score is.
    - presence: 1 where the object score is 0, 0.42 at 2 and 0.07 at 4 (4 p (1 - p), p being its sigmoid).
    - size: a sudden change of area relative to the mean of the latest visible frames; also vanishing and coming back.
    - quality: a predicted IoU well below what is usual for the object, see `usual_iou`.
    - scene: a scene cut, behind which the object may be anywhere, or not there.
    """
    change = _changes(seen.area)
    signs = np.stack(
        [
            seen.disagreement * np.exp(-seen.lead.clip(min=0) / _LEAD),
            1 - np.tanh(seen.object_score / 2) ** 2,
            _size_alarm(change),
            _ramp(seen.iou / usual_iou, _IOU_CALM, _IOU_ALARM),
            _NEW_SCENE * seen.new_scene,
        ]
    )
    numbers = np.stack([seen.disagreement, seen.object_score, change, seen.iou, seen.new_scene])
    strongest = signs.argmax(axis=0)
    return Doubts(
        value=1 - (1 - signs.clip(0, 1)).prod(axis=0),
        sign=strongest,
        number=np.take_along_axis(numbers, strongest[None], axis=0)[0],
    )


def usual_iou(area: Numbers, iou: Numbers) -> float:
    """Median predicted IoU of an object over the frames where it is visible, at least `_GOOD_IOU`; 1 if it never is."""
    visible = iou[area > 0]
    return max(_GOOD_IOU, float(np.median(visible))) if len(visible) else 1.0


def in_words(sign: int, number: float) -> str:
    """Describe a sign of trouble in plain words."""
    if sign == Sign.RIVAL:
        return f"the pathways disagree, their masks differ by {number:.0%}"
    if sign == Sign.PRESENCE:
        return f"visible or not is a close call, object score {number:+.1f}"
    if sign == Sign.SCENE:
        return "a new scene begins"
    if sign == Sign.QUALITY:
        return f"the mask is a poor guess, predicted IoU {number:.2f}"
    if number == 0:
        return "the object vanishes"
    if math.isinf(number):
        return "the object comes back"
    return f"the mask suddenly {'grows' if number > 1 else 'shrinks'} to {number:.1f} times its usual area"


def _changes(areas: Numbers) -> Numbers:
    """Areas relative to the usual one; 0 where the object vanishes, 1 while it is hidden, infinite where it returns."""
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
