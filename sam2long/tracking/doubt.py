"""How doubtful a mask is: every sign of trouble on a scale of 0 to 1, and one doubt made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from sam2long.video.observation import Observation


class Sign(IntEnum):
    """A sign of trouble; see `Signs`."""

    RIVAL = 0
    PRESENCE = 1
    SIZE = 2
    QUALITY = 3


@dataclass(frozen=True)
class Doubt:
    """Doubt in one mask.

    Attributes:
        value: 0 (none) to 1.
        sign: the strongest sign of trouble.
        number: what was measured for it, see `in_words`.
    """

    value: float
    sign: Sign
    number: float


_RIVAL_LEAD = 1.0
"""Lead at which a rival has lost most of its weight: a cumulative score is a sum of logarithms of predicted IoUs."""
_SIZE_CALM, _SIZE_ALARM = 1.5, 4.0
"""Factors of growth or shrinking that say nothing, and everything."""
_SIZE_MEMORY = 8.0
"""Visible frames over which the usual size is averaged."""
_SMALL = 16.0
"""Pixels added to both areas, so that tiny masks do not alarm by a pixel more or less."""
_IOU_CALM, _IOU_ALARM = 0.8, 0.2
"""Predicted IoUs that say nothing, and everything."""


@dataclass
class UsualSize:
    """The size of an object on its latest visible frames, as the logarithm of its area; None before the first."""

    log_area: float | None = None
    hidden: bool = False

    def change(self, area: int) -> float:
        """The factor by which `area` (pixels) differs from the usual: above 1 grown, below 1 shrunk, 1 while hidden.

        0 on the frame on which the object vanishes, infinite on the one on which it comes back.
        """
        was_hidden, self.hidden = self.hidden, area == 0
        if area == 0:
            return 1.0 if was_hidden or self.log_area is None else 0.0
        now = math.log(area + _SMALL)
        if self.log_area is None:
            self.log_area = now
            return 1.0
        usual = self.log_area
        self.log_area += (now - usual) / _SIZE_MEMORY
        return math.inf if was_hidden else math.exp(now - usual)


def doubt_of(item: Observation, change: float) -> Doubt:
    """Join the signs of trouble as independent ones: 1 - the product of what each leaves.

    - rival: how far the pathways' masks differ, times how nearly the best other one scores as well.
    - presence: 1 where the object score is 0, 0.42 at 2 and 0.07 at 4 (4 p (1 - p), p its probability).
    - size: the change of area, see `UsualSize.change`.
    - quality: the predicted IoU.

    A frame that the user marked has none.
    """
    if item.prompted:
        return Doubt(0.0, Sign.QUALITY, item.iou)
    signs = {
        Sign.RIVAL: (item.disagreement * math.exp(-max(item.lead, 0.0) / _RIVAL_LEAD), item.disagreement),
        Sign.PRESENCE: (_undecided(item.object_score), item.object_score),
        Sign.SIZE: (_alarm(change), change),
        Sign.QUALITY: (_ramp(item.iou, _IOU_CALM, _IOU_ALARM), item.iou),
    }
    strongest = max(signs, key=lambda sign: signs[sign][0])
    left = math.prod(1 - value for value, _ in signs.values())
    return Doubt(1 - left, strongest, signs[strongest][1])


def in_words(sign: Sign, number: float) -> str:
    """A sign of trouble in plain words."""
    if sign is Sign.RIVAL:
        return f"the pathways disagree: their masks differ by {number:.0%}"
    if sign is Sign.PRESENCE:
        return f"visible or not is a close call: object score {number:+.1f}"
    if sign is Sign.QUALITY:
        return f"the mask is a poor guess: predicted IoU {number:.2f}"
    if number == 0:
        return "the object vanishes"
    if math.isinf(number):
        return "the object comes back"
    return f"the mask {'grows' if number > 1 else 'shrinks'} at once, to {number:.1f} times its usual area"


def _undecided(logit: float) -> float:
    return 1 - math.tanh(logit / 2) ** 2


def _alarm(change: float) -> float:
    if change == 0 or math.isinf(change):
        return 1.0
    return _ramp(abs(math.log(change)), math.log(_SIZE_CALM), math.log(_SIZE_ALARM))


def _ramp(value: float, calm: float, alarm: float) -> float:
    return min(1.0, max(0.0, (value - calm) / (alarm - calm)))
