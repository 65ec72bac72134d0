"""Masks with soft edges, made from the network's mask logits in 255 steps."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

LOGIT_RANGE = 32.0
"""Logits are clamped to this; SAM 2 also clamps them to it when it feeds a mask back."""
STEPS = 127 / math.asinh(LOGIT_RANGE)
"""Steps per unit of asinh(logit), which is finest around 0."""
_LOGITS = np.sinh(np.arange(-128, 128, dtype=np.float32) / np.float32(STEPS))
_SOLID_FROM, _SOLID_AT = 0.5, 1.0

Alpha = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SoftMask:
    """Mask logits of one object on one frame, from which `alpha` makes a mask with soft edges.

    Logits are kept as sessions store them, in 255 steps of asinh: a step changes alpha by at most 0.01, so a result
    read from a session has the same edges as when it was tracked.

    Attributes:
        steps: int8 [side, side] at the network's mask resolution; above 0 inside.
        height: height of the video in pixels.
        width: width of the video in pixels.
    """

    steps: npt.NDArray[np.int8]
    height: int
    width: int

    def alpha(self) -> Alpha:
        """Opacity at the video's resolution: float32 [height, width], 0..1; above 0.5 inside.

        It is the sigmoid of the logits, bilinearly resized, near the outline. Half a cell of the network's mask grid
        away from the outline it starts to fade to 1 inside and 0 outside, which it reaches at one cell: there, logits
        say how sure the network is, and a matte of them would flicker.
        """
        logits = cv2.resize(steps_to_logits(self.steps), (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        inside = (logits > 0).view(np.uint8)
        alpha = np.zeros((self.height, self.width), np.float32)
        left, top, width, height = cv2.boundingRect(inside)
        if not width:
            return alpha
        cell = math.sqrt(self.height * self.width / self.steps.size)
        rim = math.ceil(_SOLID_AT * cell) + 1
        crop = (
            slice(max(top - rim, 0), top + height + rim),
            slice(max(left - rim, 0), left + width + rim),
        )
        alpha[crop] = _near_outline(logits[crop], inside[crop], cell)
        return alpha

    def packed(self) -> bytes:
        """The steps in a few kilobytes, for `unpack`."""
        return zlib.compress(self.steps.tobytes(), level=1)

    @classmethod
    def unpack(cls, packed: bytes, height: int, width: int) -> SoftMask:
        """Return the mask whose `packed` this is."""
        steps = np.frombuffer(zlib.decompress(packed), np.int8)
        return cls(steps.reshape(math.isqrt(steps.size), -1), height, width)


def steps_to_logits(steps: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Return the logits, float32, of int8 steps of any shape."""
    logits: npt.NDArray[np.float32] = _LOGITS[steps.astype(np.int16) + 128]
    return logits


def _near_outline(logits: npt.NDArray[np.float32], inside: npt.NDArray[np.uint8], cell: float) -> Alpha:
    """The sigmoid near the outline, and the mask itself away from it."""
    inside = np.ascontiguousarray(inside)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    depth += cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    # Distances to an outline that is not in the picture are huge.
    cells = (np.minimum(depth, 2 * cell + 1) - 0.5) / cell
    solid = np.clip((cells - _SOLID_FROM) / (_SOLID_AT - _SOLID_FROM), 0, 1)
    soft = 1 / (1 + np.exp(-logits))
    alpha: Alpha = (soft + solid * (inside - soft)).astype(np.float32)
    return alpha
