"""Changes to masks on their way into files; what the tracker remembers stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError
from sam2long.results.by_object import ByObject
from sam2long.results.result import FrameResult
from sam2long.results.soft_mask import Alpha, SoftMask

MOST_PIXELS = 200
"""Largest `feather` and `grow`, in pixels."""
_DISK = 8  # larger disks are made of several of this radius, since their cost grows with the area
_OPAQUE = 1 - 1 / 512

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Postprocessing:
    """What to do to masks before they are written, in this order; nothing by default.

    Attributes:
        soft: make the edges soft, from the mask logits; only in formats that have an opacity.
        largest: keep only the largest connected part of each object; pixels that touch at a corner are connected.
        fill_holes: fill the holes of each object, whatever their size; a gap at the frame's border is not a hole.
        grow: move the outline outward by so many pixels, or inward if negative. The frame's border does not move.
        feather: blur the edges with a Gaussian of so many pixels (standard deviation); only in formats that have an
            opacity. The frame is mirrored at its border, where the opacity of objects therefore does not drop.

    Raises:
        ConfigError: `grow` or `feather` is out of range.
    """

    soft: bool = False
    largest: bool = False
    fill_holes: bool = False
    grow: int = 0
    feather: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.feather <= MOST_PIXELS:
            raise ConfigError(f"feather is {self.feather:g}; it must be 0 to {MOST_PIXELS} pixels")
        if not -MOST_PIXELS <= self.grow <= MOST_PIXELS:
            raise ConfigError(f"grow is {self.grow}; it must be -{MOST_PIXELS} to {MOST_PIXELS} pixels")

    @property
    def soft_edges(self) -> bool:
        """Whether edges have an opacity between 0 and 1."""
        return self.soft or self.feather > 0

    def apply(self, result: FrameResult) -> FrameResult:
        """Return a result whose masks have gone through all steps but `soft` and `feather`; see `alpha` for those."""
        if not self._steps:
            return result
        masks = ByObject({object_id: partial(self._mask, result.masks, object_id) for object_id in result.masks})
        return replace(result, masks=masks if isinstance(result.masks, ByObject) else dict(masks))

    def alpha(self, mask: Mask, soft: SoftMask | None) -> Alpha:
        """Return the opacity of an object.

        Args:
            mask: bool [height, width], from `apply`.
            soft: the soft mask of the object, not post-processed; used, and needed, only if `soft` is set.

        Returns:
            float32 [height, width], 0..1. Without `feather`, it is above 0.5 where `mask` is True, up to rounding.

        Raises:
            ConfigError: there is no soft mask.
        """
        if not self.soft:
            alpha = mask.astype(np.float32)
        elif soft is None:
            raise ConfigError(
                "soft edges are made from mask logits, which these results lack: Session(soft_edges=True)"
            )
        else:
            alpha = self._through(soft.alpha())
        return _feathered(alpha, self.feather) if self.feather else alpha

    def _mask(self, masks: Mapping[int, Mask], object_id: int) -> Mask:
        return self._through(masks[object_id].astype(np.float32)) > 0.5

    @property
    def _steps(self) -> list[Callable[[Alpha], Alpha]]:
        return [
            *([largest_part] if self.largest else []),
            *([filled] if self.fill_holes else []),
            *([partial(grown, pixels=self.grow)] if self.grow else []),
        ]

    def _through(self, alpha: Alpha) -> Alpha:
        for step in self._steps:
            alpha = step(alpha)
        return alpha


NOTHING = Postprocessing()
"""Writes masks as they are."""


def largest_part(alpha: Alpha) -> Alpha:
    """Return float32 [height, width] opacities with only the largest connected part of the mask, and its own edges."""
    count, labels, sizes, _ = cv2.connectedComponentsWithStats((alpha > 0.5).view(np.uint8), connectivity=8)
    if count <= 2:
        kept = alpha > 0.5
    else:
        kept = labels == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))
    # Edges belong to the part that they are connected to, and to the nearer one of two.
    count, regions = cv2.connectedComponents((alpha > 0).view(np.uint8), connectivity=8)
    own = _chosen(regions, count, regions[kept])
    others = (alpha > 0.5) & ~kept
    if others.any():
        own &= _distance_to(kept) <= _distance_to(others)
    return np.where(own, alpha, np.float32(0))


def filled(alpha: Alpha) -> Alpha:
    """Return float32 [height, width] opacities without holes: what the mask encloses is opaque, inner edges too."""
    alpha = alpha.copy()
    # The first pass fills the mask's holes. The second one fills what is enclosed and not opaque: their edges.
    for closed_from in (0.5, _OPAQUE):
        count, labels = cv2.connectedComponents((alpha <= closed_from).view(np.uint8), connectivity=4)
        at_border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1], [0]])
        alpha[~_chosen(labels, count, at_border)] = 1
    return alpha


def grown(alpha: Alpha, pixels: int) -> Alpha:
    """Return float32 [height, width] opacities with outlines moved outward by `pixels`, inward if negative."""
    reach = abs(pixels)
    left, top, width, height = cv2.boundingRect((alpha > 0).view(np.uint8))
    if not width:
        return alpha
    crop = (
        slice(max(top - reach, 0), top + height + reach),
        slice(max(left - reach, 0), left + width + reach),
    )
    # OpenCV's border is neutral: outside the frame an object neither ends nor begins.
    inner = np.ascontiguousarray(alpha[crop])
    for radius in [_DISK] * (reach // _DISK) + [reach % _DISK]:
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        inner = (cv2.dilate if pixels > 0 else cv2.erode)(inner, disk)
    moved = alpha.copy()
    moved[crop] = inner
    return moved


def _feathered(alpha: Alpha, sigma: float) -> Alpha:
    blurred: Alpha = np.clip(cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), 0, 1)
    return blurred


def _chosen(labels: npt.NDArray[np.int32], count: int, wanted: npt.NDArray[np.int32]) -> Mask:
    """Where `labels`, of which there are `count`, are among the wanted ones."""
    known = np.zeros(count, bool)
    known[wanted] = True
    return known[labels]


def _distance_to(mask: Mask) -> npt.NDArray[np.float32]:
    distance: npt.NDArray[np.float32] = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return distance
