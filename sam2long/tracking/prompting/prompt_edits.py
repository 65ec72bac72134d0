"""Takes the user's edits: checks them, adds them to the log, and tells a running propagation about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as replace_fields
from threading import get_ident
from typing import Any

import numpy.typing as npt

from sam2long.errors import PromptError
from sam2long.model.checkpoints.digest import weights_digest
from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.edits import EditLog
from sam2long.tracking.prompting.prompts import Clicks, ObjectPrompt, Tracked, check_clicks, check_mask, whole_number
from sam2long.tracking.prompting.reference import Reference
from sam2long.tracking.propagation import Propagation
from sam2long.tracking.rebuild import condition_prompt, conditioning_of
from sam2long.tracking.state import SessionState
from sam2long.tracking.style import default_style
from sam2long.tracking.track import Cut


class PromptEdits:
    """Adds, removes, undoes and redoes edits. Methods raise PromptError as the session's methods document.

    Attributes:
        run: the propagation started last, which is told about edits.
        log: the edits so far.
    """

    def __init__(self, state: SessionState, undo_depth: int | None) -> None:
        self.run: Propagation | None = None
        self.log = EditLog(state, undo_depth)
        self._state = state

    def add_clicks(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None,
        box: Sequence[float] | None,
        replace: bool = False,
    ) -> None:
        """Prompt an object with a round of clicks, or refine its mask; see `Session.add_points` and `add_box`."""
        frame, object_id, prompt = self._with_clicks(frame, object_id, points, labels, box, replace)
        self._set_prompt(frame, object_id, prompt, "clicks" if box is None else "box")

    def try_clicks(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None,
        box: Sequence[float] | None,
    ) -> Conditioning:
        """The conditioning frame as it would be with a further round of clicks; see `Session.preview_points`."""
        frame, object_id, prompt = self._with_clicks(frame, object_id, points, labels, box, replace=False)
        return condition_prompt(self._state, object_id, frame, prompt)

    def set_clicks(self, frame: int, object_id: int, rounds: Sequence[Clicks]) -> None:
        """Change all rounds of clicks of a prompt in one edit; see `Session.set_clicks`."""
        frame, object_id = self.check_prompted(frame, object_id)
        where = f"object {object_id} on frame {frame}"
        standing = self._state.tracks[object_id].prompts[frame]
        if not rounds or not standing.rounds:
            raise PromptError(f"{where}: a prompt of clicks must have one left; use remove_prompt to remove it")
        size = self._state.size
        checked = tuple(check_clicks(one.points, one.labels, one.box, size, where, one.replace) for one in rounds)
        self._set_prompt(frame, object_id, replace_fields(standing, rounds=checked), "clicks")

    def add_mask(self, frame: int, object_id: int, mask: npt.ArrayLike, replace: bool) -> None:
        """Prompt an object with its mask; see `Session.add_mask`."""
        frame, object_id, where = self._place(frame, object_id)
        standing = self._prompt(frame, object_id)
        if standing is not None and not replace:
            raise PromptError(f"{where} already has a prompt; remove it first, or replace it with the mask")
        given = check_mask(mask, self._state.size, where)
        tracked = self._tracked(frame, object_id) if standing is None else standing.tracked
        self._set_prompt(frame, object_id, ObjectPrompt(mask=given, replaces=tracked), "mask")

    def add_reference(self, object_id: int, reference: Reference) -> None:
        """Let an object be found by a reference; see `Session.add_reference`."""
        object_id = whole_number(object_id, "an object id")
        if object_id < 0:
            raise PromptError(f"object {object_id}: object ids start at 0")
        reference.check_fits(weights_digest(self._state.model), f"object {object_id}")
        self._check_free(None)
        self._changed(self.log.add_reference(object_id, reference))

    def remove_prompt(self, frame: int, object_id: int) -> None:
        """Remove an object's prompts on a frame; see `Session.remove_prompt`."""
        frame, object_id = self.check_prompted(frame, object_id)
        self._check_free(frame)
        self._changed(self.log.set_prompt(object_id, frame, None, "removal"))

    def remove_object(self, object_id: int) -> None:
        """Remove an object; see `Session.remove_object`."""
        if object_id not in self._state.styles:
            object_id = self.known(object_id)
        self._check_free(None)
        self._changed(self.log.remove(object_id))

    def set_style(self, object_id: int, changes: dict[str, Any]) -> None:
        """Change an object's name or look; see `Session.set_style`."""
        object_id = whole_number(object_id, "an object id")
        if object_id < 0:
            raise PromptError(f"object {object_id}: object ids start at 0")
        standing = self._state.styles.get(object_id, default_style(object_id))
        style = replace_fields(standing, **changes)
        if style != standing or object_id not in self._state.styles:
            self._check_free(None)
            self.log.set_style(object_id, style, " and ".join(changes) or "new object")

    def undo(self) -> int:
        """Undo the last edit and return the id of the edited object; see `Session.undo`."""
        if not self.log.undoable:
            raise PromptError("there is nothing to undo")
        self._check_free(None)
        object_id, spans = self.log.undo()
        self._changed(spans)
        return object_id

    def redo(self) -> int:
        """Redo the edit undone last and return the id of the edited object; see `Session.redo`."""
        if not self.log.redoable:
            raise PromptError("there is nothing to redo")
        self._check_free(None)
        object_id, spans = self.log.redo()
        self._changed(spans)
        return object_id

    def _place(self, frame: int, object_id: int) -> tuple[int, int, str]:
        """Check frame number and object id; return both as plain ints, and their name for messages."""
        self._state.recover()
        frame, object_id = whole_number(frame, "a frame number"), whole_number(object_id, "an object id")
        where = f"object {object_id} on frame {frame}"
        if object_id < 0:
            raise PromptError(f"{where}: object ids start at 0")
        count = self._state.source.frame_count
        if frame < 0 or (count is not None and frame >= count):
            have = "" if count is None else f"; {self._state.source.name} has frames 0 to {count - 1}"
            raise PromptError(f"{where}: there is no frame {frame}{have}")
        return frame, object_id, where

    def _prompt(self, frame: int, object_id: int) -> ObjectPrompt | None:
        track = self._state.tracks.get(object_id)
        return track.prompts.get(frame) if track else None

    def check_prompted(self, frame: int, object_id: int) -> tuple[int, int]:
        """Return frame and object id as plain ints; raises PromptError unless the object has a prompt on the frame."""
        frame, object_id = whole_number(frame, "a frame number"), self.known(object_id)
        if self._prompt(frame, object_id) is None:
            frames = ", ".join(str(place) for place in sorted(self._state.tracks[object_id].prompts))
            raise PromptError(f"object {object_id} on frame {frame} has no prompt; its prompts are on frames {frames}")
        return frame, object_id

    def known(self, object_id: int) -> int:
        """Return an object id as a plain int; raises PromptError unless the object has a prompt."""
        object_id = whole_number(object_id, "an object id")
        if object_id not in self._state.tracks:
            known = ", ".join(str(other) for other in self._state.tracks) or "none"
            raise PromptError(f"object {object_id} has no prompt; the objects are: {known}")
        return object_id

    def _tracked(self, frame: int, object_id: int) -> Tracked | None:
        """The mask that an object has on a frame from tracking, for clicks there to correct; None without one."""
        track = self._state.tracks.get(object_id)
        if track is None:
            return None
        result = self._state.result(object_id, frame)
        if result is not None:
            return Tracked(self._state.packed(result).logits, result.stride)
        undecided = track.live.tree.best_chain() if track.live else []
        outcome = next((branch.outcome for branch in undecided if branch.frame == frame), None)
        if outcome is None or track.live is None or self._state.store is None:
            return None
        return Tracked(outcome.pack(self._state.size, self._state.keep_logits).logits, track.live.stride)

    def _with_clicks(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None,
        box: Sequence[float] | None,
        replace: bool,
    ) -> tuple[int, int, ObjectPrompt]:
        """Check a further round of clicks; return frame and object id as plain ints, and the prompt with it."""
        frame, object_id, where = self._place(frame, object_id)
        labels = [1] * len(points) if labels is None else labels
        clicks = check_clicks(points, labels, box, self._state.size, where, replace)
        prompt = self._prompt(frame, object_id)
        if prompt is not None and box is not None and not replace:
            raise PromptError(f"{where} already has a prompt; a box must come first, or replace that prompt")
        if prompt is None:
            prompt = ObjectPrompt(refines=self._tracked(frame, object_id))
        elif prompt.mask is not None:
            given = conditioning_of(self._state, object_id, frame).outcome
            prompt = ObjectPrompt(
                refines=Tracked(given.pack(self._state.size, exact=True).logits, stride=0), replaces=prompt.replaces
            )
        return frame, object_id, replace_fields(prompt, rounds=(*prompt.rounds, clicks))

    def _set_prompt(self, frame: int, object_id: int, prompt: ObjectPrompt, what: str) -> None:
        self._check_free(frame)
        self._changed(self.log.set_prompt(object_id, frame, prompt, what))
        if prompt.refines is not None and prompt.mask is None:
            # A correction starts from the memory as it is now, so it is computed at once.
            try:
                conditioning_of(self._state, object_id, frame)
            except BaseException:
                self._changed(self.log.take_back())
                raise

    def _check_free(self, frame: int | None) -> None:
        """Raise PromptError for an edit from another thread than the propagating one, or on a frame that has passed."""
        self._state.recover()
        run = self.run
        if run is None or not run.running:
            return
        if run.thread != get_ident():
            raise PromptError("another thread is propagating; edit from it, between two results, or stop it first")
        if frame is not None and self._state.store is None and run.has_passed(frame):
            raise PromptError(f"frame {frame} has already passed; without stored results, prompt an upcoming frame")

    def _changed(self, cuts: tuple[Cut, ...]) -> None:
        if self.run is not None:
            self.run.note(cuts)
