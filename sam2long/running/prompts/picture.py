"""Draws prompts over the frames that they are on, to look at before tracking."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sam2long.results.drawing import Painter
from sam2long.results.palette import bright_colour
from sam2long.running.prompts.parsed import ObjectPrompts, Prompt, object_prompts
from sam2long.video import VideoSource

MOST_FRAMES = 12
"""Frames on a picture; later ones are not drawn."""
_TILE = 640
_INK, _PAPER = (255, 255, 255), (24, 24, 28)
_OFF = (230, 40, 40)

Image8 = npt.NDArray[np.uint8]


def draw_prompts(prompts: Sequence[Prompt], source: VideoSource) -> Image.Image:
    """Return the prompted frames with masks, boxes and clicks, side by side; a single one in its own size.

    Raises:
        VideoError: a frame cannot be read.
    """
    groups = object_prompts(prompts)
    frames = sorted({group.frame for group in groups})[:MOST_FRAMES]
    scale = 1.0 if len(frames) == 1 else min(1.0, _TILE / source.width)
    tiles = [_tile([group for group in groups if group.frame == frame], source, scale) for frame in frames]
    columns = math.ceil(math.sqrt(len(tiles)))
    width, height = tiles[0].size
    sheet = Image.new("RGB", (columns * width, math.ceil(len(tiles) / columns) * height), _PAPER)
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % columns * width, place // columns * height))
    return sheet


def _tile(groups: Sequence[ObjectPrompts], source: VideoSource, scale: float) -> Image.Image:
    """One frame with its prompts, and its number above."""
    image = source.frame(groups[0].frame).image
    masks = {group.object_id: group.masks[0].mask for group in groups if group.masks}
    picture = Image.fromarray(Painter(*image.shape[:2]).paint(image, masks))
    size = max(1, round(source.width * scale)), max(1, round(source.height * scale))
    picture = picture.resize(size, Image.Resampling.LANCZOS) if scale != 1 else picture
    text = max(12, round(min(size) / 28))
    draw = ImageDraw.Draw(picture)
    for group in groups:
        _draw_clicks_and_box(draw, group, scale, text)
    for group in groups:
        _draw_name(draw, group, scale, text)
    tile = Image.new("RGB", (size[0], size[1] + 2 * text), _PAPER)
    tile.paste(picture, (0, 2 * text))
    font = ImageFont.load_default(text)
    ImageDraw.Draw(tile).text((text // 2, text), f"frame {groups[0].frame}", fill=_INK, font=font, anchor="lm")
    return tile


def _draw_clicks_and_box(draw: ImageDraw.ImageDraw, group: ObjectPrompts, scale: float, text: int) -> None:
    colour = _colour(group.object_id)
    for box in group.boxes:
        draw.rectangle([value * scale for value in box.box], outline=colour, width=max(2, text // 6))
    for (x, y), label in zip(group.places, group.labels):
        radius, x, y = text / 2, x * scale, y * scale
        fill = colour if label else _OFF
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=_INK, width=2)
        draw.line((x - radius / 2, y, x + radius / 2, y), fill=_PAPER, width=2)
        if label:
            draw.line((x, y - radius / 2, x, y + radius / 2), fill=_PAPER, width=2)


def _draw_name(draw: ImageDraw.ImageDraw, group: ObjectPrompts, scale: float, text: int) -> None:
    """Number and name at the upper left corner of a box, or beside a click; in masks, which have a number, the name."""
    words = [group.name] if group.masks else [str(group.object_id), group.name]
    name = " ".join(word for word in words if word)
    if not name:
        return
    if group.boxes:
        x, y = group.boxes[0].box[:2]
    elif group.points:
        x, y = (value + text / scale / 2 for value in group.places[0])
    else:
        rows, columns = np.nonzero(group.masks[0].mask)
        x, y = float(columns.mean()), float(rows.mean())
    font = ImageFont.load_default(text)
    shown = name.encode("latin-1", "replace").decode("latin-1")[:40]
    box = draw.textbbox((x * scale + text / 3, y * scale + text / 4), shown, font=font)
    draw.rectangle((box[0] - text / 3, box[1] - text / 4, box[2] + text / 3, box[3] + text / 4), fill=_PAPER)
    draw.text((x * scale + text / 3, y * scale + text / 4), shown, fill=_colour(group.object_id), font=font)


def _colour(object_id: int) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in bright_colour(object_id))
    return red, green, blue
