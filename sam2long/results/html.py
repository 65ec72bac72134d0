"""Results as HTML for notebooks: inline pictures and SVG, no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from sam2long.results.palette import bright_colour

if TYPE_CHECKING:
    from sam2long.results.result import FrameResult

_WIDTH = 320
"""Largest width and height of a picture in pixels."""
_BACKGROUND = 24
_MOST_ROWS = 30
_LANE, _BAR, _LEFT = 18, 10, 130
"""Height of a lane and of its bar, and width of the names, in the units of the SVG."""
_TIMELINE = 480

Image8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Stretch:
    """Consecutive frames of one object in the same state.

    Attributes:
        first: first frame.
        last: last frame, inclusive.
        state: "visible", "hidden", "unsure" or "outdated".
    """

    first: int
    last: int
    state: str


@dataclass(frozen=True)
class Lane:
    """One object in a timeline.

    Attributes:
        object_id: of the object.
        name: of the object.
        stretches: what is known of it, ascending.
        prompted: frames with a prompt.
    """

    object_id: int
    name: str
    stretches: Sequence[Stretch]
    prompted: Sequence[int]


def result_html(result: FrameResult) -> str:
    """One frame: its masks, and a table of its objects."""
    rows = []
    for object_id in list(result.masks)[:_MOST_ROWS]:
        area = int(np.count_nonzero(result.masks[object_id]))
        cells = (
            f"{swatch(object_id)} {object_id}",
            "visible" if result.object_scores[object_id] > 0 else "hidden",
            f"{result.scores[object_id]:.2f}",
            f"{result.object_scores[object_id]:.1f}",
            f"{result.disagreement[object_id]:.2f}",
            f"{area:,}",
        )
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    left_out = len(result.masks) - len(rows)
    more = f"<p>and {left_out} more objects</p>" if left_out else ""
    head = "".join(f"<th>{name}</th>" for name in ("object", "", "score", "object score", "disagreement", "pixels"))
    table = f"<table><tr>{head}</tr>{''.join(rows)}</table>{more}" if rows else "<p>no object on this frame</p>"
    title = f"<p>frame {result.frame}, {result.time:.3f} s</p>"
    return f"<div>{title}{_mask_picture(result)}{table}</div>"


def picture(image: Image8, alt: str, form: str = "JPEG") -> str:
    """An `<img>` with uint8 [height, width, 3] RGB inside, reduced to at most 320 pixels."""
    small = Image.fromarray(image)
    small.thumbnail((_WIDTH, _WIDTH))
    data = io.BytesIO()
    small.save(data, form)
    text = base64.b64encode(data.getvalue()).decode("ascii")
    size = f'width="{small.width}" height="{small.height}"'
    return f'<img {size} alt="{html.escape(alt)}" src="data:image/{form.lower()};base64,{text}">'


def swatch(object_id: int) -> str:
    """A small square in the colour that the object has in overlays."""
    return f'<span style="color:{_colour(object_id)}">&#9632;</span>'


def timeline(lanes: Sequence[Lane], frames: int) -> str:
    """An SVG with one lane per object, of a video with this number of frames."""
    shown = lanes[:_MOST_ROWS]
    parts = [_lane(lane, row, frames) for row, lane in enumerate(shown)]
    bottom = len(shown) * _LANE + 12
    parts.append(_text(_LEFT, bottom, "0"))
    parts.append(_text(_LEFT + _TIMELINE, bottom, str(max(0, frames - 1)), "end"))
    if len(lanes) > len(shown):
        parts.append(_text(0, bottom, f"and {len(lanes) - len(shown)} more"))
    width, height = _LEFT + _TIMELINE + 10, bottom + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11" fill="currentColor" role="img">'
        f"<title>What is known of each object on each frame</title>{''.join(parts)}</svg>"
    )


def _lane(lane: Lane, row: int, frames: int) -> str:
    top, scale = row * _LANE + 4, _TIMELINE / max(1, frames)
    name = lane.name if len(lane.name) <= 18 else lane.name[:17] + "…"
    parts = [
        f'<rect x="0" y="{top}" width="10" height="{_BAR}" fill="{_colour(lane.object_id)}"/>',
        _text(16, top + 9, name),
        f'<rect x="{_LEFT}" y="{top}" width="{_TIMELINE}" height="{_BAR}" fill="currentColor" opacity="0.08"/>',
    ]
    for stretch in lane.stretches:
        start, width = _LEFT + stretch.first * scale, (stretch.last - stretch.first + 1) * scale
        high, low = (2, top + _BAR / 2 - 1) if stretch.state == "hidden" else (_BAR, top)
        fill, opacity = {
            "visible": (_colour(lane.object_id), 1.0),
            "hidden": ("currentColor", 0.5),
            "unsure": (_colour(lane.object_id), 0.45),
            "outdated": ("currentColor", 0.25),
        }[stretch.state]
        said = f"<title>{html.escape(lane.name)}: {stretch.state}, frames {stretch.first} to {stretch.last}</title>"
        place = f'x="{start:.2f}" y="{low:g}" width="{max(width, 0.5):.2f}" height="{high}"'
        parts.append(f'<rect {place} fill="{fill}" opacity="{opacity}">{said}</rect>')
    for frame in lane.prompted:
        x = _LEFT + (frame + 0.5) * scale
        said = f"<title>prompt on frame {frame}</title>"
        points = f"{x - 4:.2f},{top - 4} {x + 4:.2f},{top - 4} {x:.2f},{top + 3}"
        parts.append(f'<polygon points="{points}" fill="currentColor">{said}</polygon>')
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _mask_picture(result: FrameResult) -> str:
    masks: Mapping[int, npt.NDArray[np.bool_]] = result.masks
    canvas: Image8 | None = None
    for object_id in sorted(masks, reverse=True):
        mask = masks[object_id]
        if canvas is None:
            canvas = np.full((*mask.shape, 3), _BACKGROUND, np.uint8)
        canvas[mask] = bright_colour(object_id)
    return "" if canvas is None else picture(canvas, f"masks of frame {result.frame}", "PNG")


def _colour(object_id: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*(int(part) for part in bright_colour(object_id)))
