"""Edits: which results a change of prompts makes outdated, and how to undo the last one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.prompts import ObjectPrompt
from sam2long.tracking.state import Place, SessionState
from sam2long.tracking.track import FOREVER, Cut, LiveTree, Track

UNDO_DEPTH = 20
"""Number of edits that can be undone; the results that they made outdated stay on disk until then."""


@dataclass(frozen=True)
class Edit:
    """An edit, with the object's state before it.

    Attributes:
        object_id: of the object.
        track: the object itself, or None if the edit created it.
        order: ids of all objects before the edit, in order.
        prompts: the object's prompts before the edit, by frame.
        conditionings: its conditioning frames before the edit, by frame.
        live: its tree before the edit, if the edit made it outdated.
        cuts: results that the edit made outdated.
    """

    object_id: int
    track: Track | None
    order: tuple[int, ...]
    prompts: dict[int, ObjectPrompt]
    conditionings: dict[int, Conditioning]
    live: LiveTree | None
    cuts: tuple[Cut, ...]


class EditLog:
    """Applies edits to a session and undoes them, the last one first."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._edits: deque[Edit] = deque()

    def __len__(self) -> int:
        """Number of edits that can be undone."""
        return len(self._edits)

    def set_prompt(self, object_id: int, frame: int, prompt: ObjectPrompt | None) -> tuple[Cut, ...]:
        """Set or remove (None) an object's prompt on a frame; an object without any prompt is removed.

        Returns:
            what the edit makes outdated.
        """
        state = self._state
        state.layer += 1
        before = state.tracks.get(object_id)
        track = before or Track()
        cuts = tuple(track.span_of(frame, sign, state.layer) for sign in (1, -1))
        self._record(object_id, before, cuts)
        _drop_outdated_tree(state, object_id, track, cuts, frame)
        track.cuts += cuts
        track.conditionings.pop(frame, None)
        if prompt is not None:
            track.prompts[frame] = prompt
            state.tracks[object_id] = track
        else:
            del track.prompts[frame]
            if not track.prompts:
                del state.tracks[object_id]
        return cuts

    def remove(self, object_id: int) -> tuple[Cut, ...]:
        """Remove an object. Returns what the edit makes outdated."""
        self._state.layer += 1
        cuts = tuple(Cut(self._state.layer, sign, 0, FOREVER) for sign in (1, -1))
        self._record(object_id, self._state.tracks[object_id], cuts)
        del self._state.tracks[object_id]
        return cuts

    def undo(self) -> tuple[int, tuple[Cut, ...]]:
        """Undo the last edit: prompts, results and tree are as they were. Results made since in other spans stay.

        Returns:
            id of the edited object, and the spans that changed.
        """
        edit, state = self._edits.pop(), self._state
        for cut in edit.cuts:
            self._state.forget(edit.object_id, cut, before=False)
        state.tracks.pop(edit.object_id, None)
        if edit.track is not None:
            self._restore(edit.track, edit)
        state.tracks = {object_id: state.tracks[object_id] for object_id in edit.order}
        return edit.object_id, edit.cuts

    def _restore(self, track: Track, edit: Edit) -> None:
        self._state.tracks[edit.object_id] = track
        track.prompts, track.conditionings = edit.prompts, edit.conditionings
        track.cuts = [cut for cut in track.cuts if cut not in edit.cuts]
        if track.live is not None and not any(track.live.touches(cut) for cut in edit.cuts):
            return
        track.live = edit.live
        if edit.live is not None and edit.live.pending:
            # The edit decided these frames; now they are pending again.
            span = Cut(edit.cuts[0].layer, edit.live.sign, min(edit.live.pending), max(edit.live.pending))
            self._state.forget(edit.object_id, span, before=False)

    def _record(self, object_id: int, track: Track | None, cuts: tuple[Cut, ...]) -> None:
        """Add an edit to the log before it is applied."""
        known = track or Track()
        prompts, conditionings = dict(known.prompts), dict(known.conditionings)
        order = tuple(self._state.tracks)
        live = known.live if known.live is not None and any(known.live.touches(cut) for cut in cuts) else None
        self._edits.append(Edit(object_id, track, order, prompts, conditionings, live, cuts))
        if len(self._edits) > UNDO_DEPTH:
            self._forget(self._edits.popleft())

    def _forget(self, edit: Edit) -> None:
        """Delete the results that the edit made outdated: it can no longer be undone."""
        for cut in edit.cuts:
            self._state.forget(edit.object_id, cut, before=True)
        now = self._state.tracks.get(edit.object_id)
        for track in (edit.track, now):
            if track is not None:
                track.cuts = [cut for cut in track.cuts if cut not in edit.cuts]


def _drop_outdated_tree(state: SessionState, object_id: int, track: Track, cuts: tuple[Cut, ...], frame: int) -> None:
    """Drop the object's tree if an edit made it outdated; its best pathway decides the frames before the edited one."""
    live = track.live
    if live is None or not any(live.touches(cut) for cut in cuts):
        return
    track.live = None
    for branch in live.tree.best_chain():
        if (branch.frame - frame) * live.sign < 0:
            state.keep(object_id, Place(branch.frame, live.pending[branch.frame], live.stride), branch.outcome)
