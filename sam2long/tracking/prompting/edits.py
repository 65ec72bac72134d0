"""Edits: which results a change of prompts makes outdated, and how to undo and redo it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.prompts import ObjectPrompt
from sam2long.tracking.prompting.reference import Reference
from sam2long.tracking.state import Place, SessionState
from sam2long.tracking.style import ObjectStyle
from sam2long.tracking.track import FOREVER, Cut, LiveTree, Track

UNDO_DEPTH = 20
"""Default number of edits that can be undone; the results that they made outdated stay on disk until then."""


@dataclass(frozen=True)
class EditNote:
    """What an edit did, for a menu of undo and redo.

    Attributes:
        object_id: of the edited object.
        frame: of the prompt, or None if the edit concerns the whole object.
        what: short name, such as "clicks", "mask" or "removal".
        first: first frame whose results depend on it; None if none do.
        last: last frame whose results depend on it; may lie beyond the end of the video.
    """

    object_id: int
    frame: int | None
    what: str
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class Side:
    """An object as it is on one side of an edit, before or after it.

    Attributes:
        track: the object itself, or None if it does not exist on this side.
        order: ids of all objects, in order.
        prompts: its prompts by frame.
        conditionings: its conditioning frames by frame.
        live: its tree, if the edit made it outdated.
        style: its style, or None for the default.
        references: its references.
    """

    track: Track | None
    order: tuple[int, ...]
    prompts: dict[int, ObjectPrompt]
    conditionings: dict[int, Conditioning]
    live: LiveTree | None
    style: ObjectStyle | None
    references: tuple[Reference, ...] = ()


@dataclass
class Edit:
    """An edit that can be undone or, once undone, redone.

    Results are told apart by their layer, the number of edits, undos and redos made before them. While one side of the
    edit holds, the results in `spans` that were made while the other side held are hidden by cuts, not deleted.

    Attributes:
        note: what it did.
        spans: the results that depend on which side holds.
        other: the side that does not hold now.
        layers: by side (False before the edit, True after it), the intervals [since, until) of layers made on it.
        since: first layer of the side that holds now.
        done: whether the side after the edit holds now.
    """

    note: EditNote
    spans: tuple[Cut, ...]
    other: Side
    layers: dict[bool, list[tuple[int, int]]]
    since: int
    done: bool = True
    _cuts: list[Cut] = field(default_factory=list)

    def hidden(self) -> list[Cut]:
        """The results of the side that does not hold, as cuts."""
        intervals = self.layers[not self.done]
        undone = not self.done
        return [
            replace(span, since=since, layer=until, undone=undone) for since, until in intervals for span in self.spans
        ]

    def turn(self, layer: int, other: Side) -> None:
        """Let the other side hold from a layer on; `other` is the side that is left."""
        self.layers[self.done].append((self.since, layer))
        self.since, self.done, self.other = layer, not self.done, other

    def apply(self, *tracks: Track | None) -> None:
        """Hide the results of the side that does not hold, in the track that holds now, the last one given."""
        self.lift(*tracks)
        self._cuts = self.hidden()
        if tracks[-1] is not None:
            tracks[-1].cuts += self._cuts

    def lift(self, *tracks: Track | None) -> None:
        """Take the cuts of this edit out of tracks."""
        for track in tracks:
            if track is not None:
                track.cuts = [cut for cut in track.cuts if cut not in self._cuts]


class EditLog:
    """Applies edits to a session, undoes them, the last one first, and redoes them.

    Args:
        state: of the session.
        depth: number of edits that can be undone; None for all.
    """

    def __init__(self, state: SessionState, depth: int | None = UNDO_DEPTH) -> None:
        self._state = state
        self._depth = depth
        self._done: deque[Edit] = deque()
        self._undone: list[Edit] = []

    @property
    def undoable(self) -> list[EditNote]:
        """Edits that can be undone, the last one last."""
        return [edit.note for edit in self._done]

    @property
    def redoable(self) -> list[EditNote]:
        """Edits that can be redone, the next one last."""
        return [edit.note for edit in self._undone]

    def set_prompt(self, object_id: int, frame: int, prompt: ObjectPrompt | None, what: str) -> tuple[Cut, ...]:
        """Set or remove (None) an object's prompt on a frame; an object without any prompt is removed.

        Returns:
            what the edit makes outdated.
        """
        state = self._state
        state.layer += 1
        before = state.tracks.get(object_id)
        track = before or Track(born=state.layer)
        spans = tuple(track.span_of(frame, sign, state.layer) for sign in (1, -1))
        reach = min(span.first for span in spans), max(span.last for span in spans)
        edit = self._record(EditNote(object_id, frame, what, *reach), spans)
        _drop_outdated_tree(state, object_id, track, spans, frame)
        track.conditionings.pop(frame, None)
        if prompt is not None:
            track.prompts[frame] = prompt
            state.tracks[object_id] = track
        else:
            del track.prompts[frame]
            if not track.prompts and not track.references:
                del state.tracks[object_id]
        edit.apply(track)
        return spans

    def add_reference(self, object_id: int, reference: Reference) -> tuple[Cut, ...]:
        """Let an object be found by a further reference. Returns what the edit makes outdated: all of its results."""
        state = self._state
        state.layer += 1
        track = state.tracks.get(object_id) or Track(born=state.layer)
        spans = tuple(Cut(state.layer, sign, 0, FOREVER) for sign in (1, -1))
        edit = self._record(EditNote(object_id, None, "reference", 0, FOREVER), spans)
        track.live = None
        track.references += (reference,)
        state.tracks[object_id] = track
        edit.apply(track)
        return spans

    def remove(self, object_id: int) -> tuple[Cut, ...]:
        """Remove an object and its style. Returns what the edit makes outdated."""
        self._state.layer += 1
        spans = tuple(Cut(self._state.layer, sign, 0, FOREVER) for sign in (1, -1))
        self._record(EditNote(object_id, None, "removal", 0, FOREVER), spans)
        self._state.tracks.pop(object_id, None)
        self._state.styles.pop(object_id, None)
        return spans

    def set_style(self, object_id: int, style: ObjectStyle, what: str) -> None:
        """Give an object a style; it need not have a prompt."""
        self._state.layer += 1
        self._record(EditNote(object_id, None, what), ())
        self._state.styles[object_id] = style

    def undo(self) -> tuple[int, tuple[Cut, ...]]:
        """Undo the last edit: prompts, results and tree are as they were. Results made since in other spans stay.

        Returns:
            id of the edited object, and the spans that changed.
        """
        edit = self._done.pop()
        self._turn(edit)
        self._undone.append(edit)
        return edit.note.object_id, edit.spans

    def redo(self) -> tuple[int, tuple[Cut, ...]]:
        """Redo the edit that was undone last: prompts, results and tree are as they were before it was undone.

        Returns:
            as `undo`.
        """
        edit = self._undone.pop()
        self._turn(edit)
        self._done.append(edit)
        return edit.note.object_id, edit.spans

    def take_back(self) -> tuple[Cut, ...]:
        """Undo the last edit for good, because it failed. Returns the spans that changed."""
        _, spans = self.undo()
        self._forget(self._undone.pop())
        return spans

    def _turn(self, edit: Edit) -> None:
        """Change to the side of an edit that does not hold now."""
        state, object_id = self._state, edit.note.object_id
        state.layer += 1
        left, taken = self._side(edit.note, edit.spans), edit.other
        if left.track is not None and not edit.done and edit.note.frame is not None:
            _drop_outdated_tree(state, object_id, left.track, edit.spans, edit.note.frame)
        edit.turn(state.layer, left)
        if edit.spans:
            state.tracks.pop(object_id, None)
            if taken.track is not None:
                self._restore(taken.track, edit, taken)
            state.tracks = {place: state.tracks[place] for place in taken.order}
            edit.apply(left.track, taken.track)
        if taken.style is None:
            state.styles.pop(object_id, None)
        else:
            state.styles[object_id] = taken.style

    def _restore(self, track: Track, edit: Edit, side: Side) -> None:
        self._state.tracks[edit.note.object_id] = track
        track.prompts, track.conditionings = side.prompts, side.conditionings
        track.references = side.references
        if track.live is not None and not any(track.live.touches(span) for span in edit.spans):
            return
        track.live = side.live
        if side.live is not None and not edit.done:
            # The edit decided the pending frames before its spans; now they are pending again.
            sign = side.live.sign
            span = next(span for span in edit.spans if span.sign == sign)
            again = [frame for frame in side.live.pending if not span.first <= frame <= span.last]
            if again:
                decided = Cut(FOREVER, sign, min(again), max(again), since=span.layer)
                self._state.forget(edit.note.object_id, decided)

    def _side(self, note: EditNote, spans: tuple[Cut, ...]) -> Side:
        """The edited object as it is now."""
        track = self._state.tracks.get(note.object_id)
        known = track or Track()
        live = known.live if known.live is not None and any(known.live.touches(span) for span in spans) else None
        order, style = tuple(self._state.tracks), self._state.styles.get(note.object_id)
        return Side(track, order, dict(known.prompts), dict(known.conditionings), live, style, known.references)

    def _record(self, note: EditNote, spans: tuple[Cut, ...]) -> Edit:
        """Add an edit to the log before it is applied; what was undone can no longer be redone."""
        while self._undone:
            self._forget(self._undone.pop())
        layer = self._state.layer
        edit = Edit(note, spans, self._side(note, spans), {False: [(0, layer)], True: []}, layer)
        self._done.append(edit)
        if self._depth is not None and len(self._done) > self._depth:
            self._forget(self._done.popleft())
        return edit

    def _forget(self, edit: Edit) -> None:
        """Delete the results of the side that does not hold: the edit can no longer be turned."""
        for cut in edit.hidden():
            self._state.forget(edit.note.object_id, cut)
        edit.lift(edit.other.track, self._state.tracks.get(edit.note.object_id))


def _drop_outdated_tree(state: SessionState, object_id: int, track: Track, cuts: tuple[Cut, ...], frame: int) -> None:
    """Drop the object's tree if an edit made it outdated; its best pathway decides the frames before the edited one."""
    live = track.live
    if live is None or not any(live.touches(cut) for cut in cuts):
        return
    track.live = None
    for branch in live.tree.best_chain():
        if (branch.frame - frame) * live.sign < 0:
            state.keep(object_id, Place(branch.frame, live.pending[branch.frame], live.stride), branch.outcome)
