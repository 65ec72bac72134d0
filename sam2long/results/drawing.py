"""Draws masks over a frame: a translucent fill, an outline and a label with the object id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sam2long.results.palette import bright_colour

FILL = 0.45
SUPERSAMPLING = 4
DARK_TEXT_ABOVE = 130.0  # luminance of the plate, 0..255

Image8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Painter:
    """Draws each object in its own colour; line width and text size scale with the video."""

    def __init__(self, height: int, width: int) -> None:
        self._line = max(2, round(min(height, width) / 400))
        self._text = max(11, round(min(height, width) / 34))
        self._plates: dict[int, Image8] = {}

    def paint(self, image: Image8, masks: Mapping[int, Mask]) -> Image8:
        """Return a copy of `image`, uint8 [height, width, 3], with bool [height, width] masks by object id drawn."""
        canvas = image.copy()
        outlines = {i: outline for i in sorted(masks, reverse=True) if (outline := _fill(canvas, masks[i], i))}
        for object_id, outline in outlines.items():
            colour = [int(c) for c in bright_colour(object_id)]
            cv2.drawContours(canvas, outline.contours, -1, colour, self._line, cv2.LINE_AA)
        for object_id, outline in outlines.items():
            self._label(canvas, outline, object_id)
        return canvas

    def _label(self, canvas: Image8, outline: _Outline, object_id: int) -> None:
        """Draw the label above the top of the mask, or as close to it as the frame allows."""
        if object_id not in self._plates:
            self._plates[object_id] = _plate(str(object_id), bright_colour(object_id), self._text)
        plate = self._plates[object_id]
        _paste(canvas, plate, outline.middle - plate.shape[1] // 2, outline.top - plate.shape[0] - 2 * self._line)


@dataclass(frozen=True)
class _Outline:
    """Outline of a filled mask and the position of its label, in pixels."""

    contours: Sequence[npt.NDArray[np.int32]]
    top: int
    middle: int


def _fill(canvas: Image8, mask: Mask, object_id: int) -> _Outline | None:
    """Blend the object's colour into the canvas; None for an empty mask."""
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    if not width:
        return None
    region = canvas[top : top + height, left : left + width]
    inside = np.ascontiguousarray(mask[top : top + height, left : left + width])
    levels = np.arange(256)[:, None] * (1 - FILL) + bright_colour(object_id) * FILL
    np.copyto(region, cv2.LUT(region, np.rint(levels).astype(np.uint8)[None]), where=inside[:, :, None])
    contours, _ = cv2.findContours(inside.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(left, top))
    return _Outline(contours, top, left + int(np.median(np.flatnonzero(inside[0]))))


def _plate(text: str, colour: Image8, size: int) -> Image8:
    """Rounded label, uint8 [height, width, 4] RGBA, drawn larger and downscaled for smooth edges."""
    font = ImageFont.load_default(size * SUPERSAMPLING)
    left, top, right, bottom = (round(side) for side in font.getbbox(text, anchor="ls"))
    pad = size * SUPERSAMPLING // 3
    height = round(size * SUPERSAMPLING * 0.72) + 2 * pad
    width = max(right - left + 2 * pad, height)
    plate = Image.new("RGBA", (width, height), (*(int(c) for c in colour), 0))
    draw = ImageDraw.Draw(plate)
    luminance = float(np.dot(colour, (0.299, 0.587, 0.114)))
    ink = (16, 16, 20) if luminance > DARK_TEXT_ABOVE else (255, 255, 255)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), radius=height // 3, fill=tuple(int(c) for c in colour))
    draw.text((width / 2 - (left + right) / 2, height / 2 - (top + bottom) / 2), text, fill=ink, font=font, anchor="ls")
    small = (max(1, width // SUPERSAMPLING), max(1, height // SUPERSAMPLING))
    return np.array(plate.resize(small, Image.Resampling.LANCZOS))


def _paste(canvas: Image8, plate: Image8, left: int, top: int) -> None:
    """Blend a label into the canvas, shifted to lie inside, and cropped if larger than the canvas."""
    plate = plate[: canvas.shape[0], : canvas.shape[1]]
    height, width = plate.shape[:2]
    left = min(max(left, 0), canvas.shape[1] - width)
    top = min(max(top, 0), canvas.shape[0] - height)
    region = canvas[top : top + height, left : left + width]
    alpha = plate[:, :, 3:] / 255
    region[:] = np.rint(region * (1 - alpha) + plate[:, :, :3] * alpha).astype(np.uint8)
