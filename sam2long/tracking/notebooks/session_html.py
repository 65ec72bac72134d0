"""A session as HTML for notebooks: a frame with its masks, and what is known of each object over time."""

from __future__ import annotations

import html
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING

from sam2long.errors import UserError
from sam2long.results.drawing import Painter
from sam2long.results.html import Lane, Stretch, picture, timeline
from sam2long.review.states import is_unsure
from sam2long.tracking.session_results import SpanState

if TYPE_CHECKING:
    from sam2long.tracking.propagation import Propagation
    from sam2long.tracking.session import Session

_LEGEND = "filled: visible; pale: unsure; thin line: hidden; grey: outdated; triangle: prompt"


def session_html(session: Session, run: Propagation | None) -> str:
    """Describe a session; while another thread propagates, only how far it has come."""
    elsewhere = run is not None and run.running and run.thread != get_ident()
    parts = [_heading(session)]
    if run is not None and run.running:
        parts.append(f"<p>{_how_far(run)}</p>")
    if not elsewhere:
        parts.append(_thumbnail(session))
        lanes = [_lane(session, object_id) for object_id in session.object_ids]
        frames = _frames(session, lanes)
        parts.append(f"<div>{timeline(lanes, frames)}</div><p>{_LEGEND}</p>" if lanes else "<p>no prompts yet</p>")
    return f"<div>{''.join(parts)}</div>"


def _heading(session: Session) -> str:
    source, tree = session.source, session.tree
    length = "frames" if source.frame_count is None else f"{source.frame_count:,} frames"
    video = f"{html.escape(source.name)}: {length} of "
    video += f"{source.width}x{source.height}, {source.fps:.4g} per second"
    model = f"{html.escape(session.model.config.name)}, {tree.pathways} pathway{'s' * (tree.pathways != 1)}"
    count = len(session.object_ids)
    return f"<p><b>{video}</b><br>{model}; {count} object{'s' * (count != 1)}</p>"


def _how_far(run: Propagation) -> str:
    progress = run.progress()
    of = "" if progress.total is None else f" of {progress.total:,}"
    waiting = f"; {progress.undecided} undecided" if progress.undecided else ""
    return f"following: {progress.done:,}{of} frames{waiting}{'; to be cancelled' if progress.cancelled else ''}"


def _thumbnail(session: Session) -> str:
    """The frame visited last, or the first one with a prompt; nothing if it cannot be read."""
    if not session.source.seekable:
        return ""
    progress = session.progress
    prompted = [frame for frames in session.prompts.values() for frame in frames]
    number = progress.frame if progress is not None and progress.frame is not None else min(prompted, default=0)
    try:
        image = session.source.frame(number).image
    except UserError:  # such as a video that has been moved
        return ""
    with suppress(UserError):  # results that are not kept
        result = session.result(number)
        if result is not None:
            image = Painter(session.source.height, session.source.width).paint(image, result.masks)
    return picture(image, f"frame {number}") + f"<p>frame {number}</p>"


def _lane(session: Session, object_id: int) -> Lane:
    name = session.styles[object_id].name
    try:
        stretches = _stretches(session, object_id)
    except UserError:  # results are not kept
        stretches = []
    return Lane(object_id, name, stretches, session.prompts[object_id])


def _stretches(session: Session, object_id: int) -> list[Stretch]:
    found: list[Stretch] = []

    def add(first: int, last: int, state: str) -> None:
        before = found[-1] if found else None
        if before is not None and before.last == first - 1 and before.state == state:
            found[-1] = Stretch(before.first, last, state)
        else:
            found.append(Stretch(first, last, state))

    for span in session.spans(object_id):
        if span.state is SpanState.OUTDATED:
            add(span.first, span.last, "outdated")
    for item in session.observations(object_id):
        unsure = is_unsure(item.object_score, item.disagreement)
        state = "unsure" if unsure else "visible" if item.object_score > 0 else "hidden"
        add(item.frame, item.frame, state)
    return found


def _frames(session: Session, lanes: list[Lane]) -> int:
    """Length of the video, or of what is known of a stream."""
    known = [stretch.last + 1 for lane in lanes for stretch in lane.stretches]
    return session.source.frame_count or max([1, *known, *(frame + 1 for lane in lanes for frame in lane.prompted)])
