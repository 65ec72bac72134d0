"""Compositing: figures are warped into place, with motion blur and shadows, and painted over a frame and its id map."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2long.synthetic.noise import Field, Image, Series
from sam2long.synthetic.painting.figures import Figure, Part, Wobble

INSIDE = 128
"""A pixel belongs to the topmost layer that covers at least half of it (alpha, 0..255)."""
LONGEST_BLUR = 9


@dataclass
class Canvas:
    """The frame being painted: image uint8 [H, W, 3] RGB and ids uint8 [H, W], 0 where no tracked object shows."""

    image: Image
    ids: Image


@dataclass(frozen=True)
class Layer:
    """A part of an image, uint8 [h, w, 4] with premultiplied alpha, its corner at (left, top) of the frame."""

    pixels: Image
    left: int
    top: int


def figure_layer(figure: Figure, place: Series, t: int, blur: Series, shape: tuple[int, int]) -> Layer | None:
    """The figure at frame t as a layer cut to the frame, None if it lies outside.

    Args:
        figure: what to draw.
        place: affine map from the figure's square to pixels, float64 [3, 3].
        t: frame number, for limbs and waves.
        blur: motion while the shutter is open, (x, y) in pixels.
        shape: (height, width) of the frame.
    """
    margin = 2 + int(np.abs(blur).max() / 2)
    places = [place @ part.placement(t) for part in figure.parts]
    window = _window(places, figure.wobble.amplitude, margin, shape)
    if window is None:
        return None
    left, top, right, bottom = window
    size = (right - left, bottom - top)
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    warped = [_warped(part, shift @ at, size, figure.wobble, t) for part, at in zip(figure.parts, places)]
    pixels = warped[0]
    for upper in warped[1:]:
        pixels = _over(upper, pixels)
    return Layer(_motion_blurred(pixels, blur), left, top)


def paste(canvas: Canvas, layer: Layer, object_id: int) -> None:
    """Paint the layer over the canvas; `object_id` 0 hides what is below."""
    height, width = layer.pixels.shape[:2]
    rows, columns = slice(layer.top, layer.top + height), slice(layer.left, layer.left + width)
    canvas.image[rows, columns] = _over(layer.pixels, canvas.image[rows, columns])
    canvas.ids[rows, columns][layer.pixels[..., 3] >= INSIDE] = object_id


def cast_shadow(canvas: Canvas, layer: Layer, offset: tuple[int, int], strength: float) -> None:
    """Darken the canvas where the layer's soft shadow falls, `offset` (x, y) pixels away; ids stay."""
    height, width = canvas.ids.shape
    left, top = layer.left + offset[0], layer.top + offset[1]
    rows = slice(max(top, 0), min(top + layer.pixels.shape[0], height))
    columns = slice(max(left, 0), min(left + layer.pixels.shape[1], width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    alpha = layer.pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left, 3]
    gain = cv2.LUT(cv2.blur(alpha, (5, 5)), (255 - np.arange(256) * strength).astype(np.uint8))
    part = canvas.image[rows, columns]
    canvas.image[rows, columns] = cv2.multiply(part, cv2.cvtColor(gain, cv2.COLOR_GRAY2RGB), scale=1 / 255)


def _over(upper: Image, lower: Image) -> Image:
    """Premultiplied `upper` [h, w, 4] over `lower` [h, w, 3 or 4]; uint8 in the channels of `lower`."""
    channels = lower.shape[2]
    left_over = cv2.bitwise_not(upper[..., 3])
    kept = cv2.multiply(lower, cv2.merge([left_over] * channels), scale=1 / 255)
    result: Image = cv2.add(kept, upper[..., :channels])
    return result


def _window(
    places: list[Series], amplitude: float, margin: int, shape: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Pixels the parts can touch, cut to the frame, as (left, top, right, bottom) with open ends."""
    reach = 1 + 1.5 * amplitude
    corners = np.array([[-reach, reach, reach, -reach], [-reach, -reach, reach, reach], [1, 1, 1, 1]])
    points = np.concatenate([(place @ corners)[:2] for place in places], axis=1)
    low = np.floor(points.min(axis=1)).astype(int) - margin
    high = np.ceil(points.max(axis=1)).astype(int) + margin + 1
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), shape[1]), min(int(high[1]), shape[0])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _warped(part: Part, place: Series, size: tuple[int, int], wobble: Wobble, t: int) -> Image:
    """The part's sprite drawn at `place` into a window of `size` (width, height); uint8 [height, width, 4]."""
    half = len(part.sprite) / 2
    to_sprite = np.array([[half, 0, half - 0.5], [0, half, half - 0.5], [0, 0, 1]]) @ np.linalg.inv(place)
    if wobble.amplitude == 0:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        rigid: Image = cv2.warpAffine(part.sprite, to_sprite[:2], size, flags=flags)
        return rigid
    x, y = _bent(to_sprite, size, wobble, t, half)
    bent: Image = cv2.remap(part.sprite, x, y, cv2.INTER_LINEAR)
    return bent


def _bent(to_sprite: Series, size: tuple[int, int], wobble: Wobble, t: int, half: float) -> tuple[Field, Field]:
    """Sprite coordinates of every pixel of the window under the travelling wave, each float32 [height, width]."""
    matrix = to_sprite.astype(np.float32)
    columns, rows = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)[:, None]
    x = matrix[0, 0] * columns + (matrix[0, 1] * rows + matrix[0, 2])
    y = matrix[1, 0] * columns + (matrix[1, 1] * rows + matrix[1, 2])
    wave = np.float32(2 * np.pi * wobble.waves / half)
    swing = np.float32(wobble.amplitude * half)
    phase = np.float32(2 * np.pi * wobble.rate * t + wobble.phase)
    return x + swing * np.sin(wave * y + phase), y + swing * np.sin(wave * x + np.float32(1.7) * phase)


def _motion_blurred(pixels: Image, blur: Series) -> Image:
    length = min(round(float(np.hypot(blur[0], blur[1]))), LONGEST_BLUR)
    if length < 2:
        return pixels
    kernel = np.zeros((length, length), np.uint8)
    middle, half = (length - 1) / 2, np.asarray(blur) / float(np.hypot(blur[0], blur[1])) * (length - 1) / 2
    ends = [tuple(round(float(value)) for value in middle + sign * half) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1)
    result: Image = cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return result
