"""Looks for a scene cut before each frame that a propagation visits."""

from __future__ import annotations

from collections.abc import Iterable

from sam2long.tracking.state import SessionState
from sam2long.tracking.track import Track
from sam2long.video import Frame


def begins_scene(
    state: SessionState, followed: Iterable[tuple[int, Track]], frame: Frame, before: int | None, stride: int
) -> bool:
    """Whether a scene cut lies between a frame that is to be visited and the one before, from which objects come.

    Args:
        state: of the session.
        followed: the objects that are followed, with their ids.
        frame: the frame.
        before: the frame that the propagation visited before, or None if it begins here. Objects may still come from
            an earlier propagation; but one that stops at cuts must get beyond the one at which it stopped.
        stride: of the propagation, negative when going backward.
    """
    earlier = frame.index - stride
    if before is None and state.scenes.mode != "stop":
        for object_id, track in followed:
            live = track.live
            waits = live is not None and (live.stride, live.next_frame) == (stride, frame.index)
            if waits or state.result(object_id, earlier, stride):
                before = earlier
    return state.scenes.begins_scene(frame, before, stride, state.source)
