"""The part of a session that takes edits: prompts, names and looks of objects, undo and redo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from sam2long.errors import PromptError
from sam2long.model.checkpoints.digest import weights_digest
from sam2long.tracking.preview import Preview
from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.edits import EditNote
from sam2long.tracking.prompting.prompt_edits import PromptEdits
from sam2long.tracking.prompting.prompts import Clicks, ObjectPrompt
from sam2long.tracking.prompting.reference import Reference, centre_of
from sam2long.tracking.rebuild import conditioning_of
from sam2long.tracking.state import SessionState
from sam2long.tracking.style import ObjectStyle, default_style


class SessionPrompts:
    """Edits of a session; see `Session`."""

    _state: SessionState
    _edits: PromptEdits

    @property
    def object_ids(self) -> list[int]:
        """Ids of the prompted objects, in the order of their first prompts."""
        return list(self._state.tracks)

    @property
    def prompts(self) -> dict[int, list[int]]:
        """Prompted frames of each object, in ascending order."""
        return {object_id: sorted(track.prompts) for object_id, track in self._state.tracks.items()}

    @property
    def styles(self) -> dict[int, ObjectStyle]:
        """Name and look of every object, those included that have a style but no prompt yet."""
        ids = dict.fromkeys([*self._state.tracks, *self._state.styles])
        return {object_id: self._state.styles.get(object_id, default_style(object_id)) for object_id in ids}

    @property
    def undoable(self) -> list[EditNote]:
        """What `undo` can undo, the last edit last."""
        return self._edits.log.undoable

    @property
    def redoable(self) -> list[EditNote]:
        """What `redo` can redo, the next one last."""
        return self._edits.log.redoable

    def prompt(self, frame: int, object_id: int) -> ObjectPrompt:
        """Return the prompts of an object on a frame: its mask or its rounds of clicks.

        Raises:
            PromptError: there is no prompt there.
        """
        frame, object_id = self._edits.check_prompted(frame, object_id)
        return self._state.tracks[object_id].prompts[frame]

    def add_points(
        self,
        frame: int,
        object_id: int,
        points: Sequence[Sequence[float]],
        labels: Sequence[int] | None = None,
        replace: bool = False,
    ) -> None:
        """Prompt an object with clicks. Further clicks on the same frame refine the mask.

        Clicks on a tracked frame correct it: as in SAM 2 they start from the tracked mask and the object's memory, and
        tracking continues from the corrected frame.

        Args:
            frame: frame number, from 0.
            object_id: any number, 0 or more.
            points: (x, y) in pixels of the video.
            labels: for each point, 1 for the object (the default) or 0 for the background.
            replace: replace the earlier clicks, of which only the mask is kept as a start (the default of SAM 2's
                predictor); otherwise clicks accumulate.

        Raises:
            PromptError: the frame does not exist, a point is invalid or lies outside it, another thread is propagating,
                or the frame of a live source has already passed.
        """
        self._edits.add_clicks(frame, object_id, points, labels, None, replace)

    def add_box(
        self,
        frame: int,
        object_id: int,
        box: Sequence[float],
        points: Sequence[Sequence[float]] = (),
        labels: Sequence[int] | None = None,
        replace: bool = False,
    ) -> None:
        """Prompt an object with a box (x0, y0, x1, y1) in pixels of the video, optionally with points.

        With `replace` they replace the earlier clicks on this frame, as in `add_points`.

        Raises:
            PromptError: as `add_points`; or the box is empty, or the object already has a prompt on this frame.
        """
        self._edits.add_clicks(frame, object_id, points, labels, box, replace)

    def add_mask(self, frame: int, object_id: int, mask: npt.ArrayLike, replace: bool = False) -> None:
        """Prompt an object with its mask, [height, width] at the video's resolution: bool, or 0 and 1, or 0 and 255.

        Clicks on the same frame refine it. With `replace` it replaces all prompts of the object on this frame.

        Raises:
            PromptError: as `add_points`; or the mask is empty or invalid, or the object already has a prompt here.
        """
        self._edits.add_mask(frame, object_id, mask, replace)

    @property
    def references(self) -> dict[int, tuple[Reference, ...]]:
        """References of each object that has any."""
        return {object_id: track.references for object_id, track in self._state.tracks.items() if track.references}

    def add_reference(self, object_id: int, reference: Reference) -> None:
        """Let an object be found here as it is remembered from elsewhere, without a prompt (docs/references.md).

        It is searched for from the first visited frame on. An object may have several references. A prompt ends their
        influence on the frames after it.

        Args:
            object_id: any number, 0 or more.
            reference: from a picture, a session file, or another session's `reference`.

        Raises:
            PromptError: another network encoded it, the object id is not valid, or another thread is propagating.
        """
        self._edits.add_reference(object_id, reference)

    def reference(self, object_id: int) -> Reference:
        """Return what this session remembers of an object on its prompted frames, for another session.

        Raises:
            PromptError: there is no such object, or it shows on no prompted frame.
        """
        object_id = self._edits.known(object_id)
        where = f"object {object_id} of {self._state.source.name}"
        made = [conditioning_of(self._state, object_id, frame) for frame in self.prompts[object_id]]
        masks = [one.outcome.mask(self._state.size) for one in made]
        seen = [(one.node.payload, centre_of(mask)) for one, mask in zip(made, masks, strict=True) if mask.any()]
        if not seen:
            raise PromptError(f"{where} shows on none of its prompted frames, so that nothing is remembered of it")
        return Reference.from_memories(seen, weights_digest(self._state.model), where, object_id)

    def shared_prompts(self, other: SessionPrompts) -> set[tuple[int, int]]:
        """(frame, object id) of the prompts that another session of the same video has in common with this one."""
        return {
            (frame, object_id)
            for object_id, track in self._state.tracks.items()
            for frame, prompt in track.prompts.items()
            if object_id in other._state.tracks and prompt.asks_as(other._state.tracks[object_id].prompts.get(frame))
        }

    def set_clicks(self, frame: int, object_id: int, rounds: Sequence[Clicks]) -> None:
        """Change all clicks of a prompt in one edit, to move or remove some of them.

        The first round starts from the same mask as before, if any.

        Args:
            frame: frame number.
            object_id: of the object.
            rounds: see `prompt`, whose `rounds` they replace.

        Raises:
            PromptError: there is no prompt of clicks there, no round is given, or as `add_points`.
        """
        self._edits.set_clicks(frame, object_id, rounds)

    def set_style(self, object_id: int, **changes: Any) -> None:
        """Change an object's name or look, an edit like any other: it can be undone, and is saved.

        An object may be given a style before its first prompt, and keeps it when its last prompt is removed.

        Args:
            object_id: any number, 0 or more.
            changes: fields of `ObjectStyle`: `name`, `colour`, `hidden`, `locked`.

        Raises:
            PromptError: a value is not valid, or another thread is propagating.
        """
        self._edits.set_style(object_id, changes)

    def remove_prompt(self, frame: int, object_id: int) -> None:
        """Remove an object's prompts on a frame; an object with no prompt left is removed.

        Raises:
            PromptError: there is no prompt there, or as `add_points`.
        """
        self._edits.remove_prompt(frame, object_id)

    def remove_object(self, object_id: int) -> None:
        """Remove an object with its prompts, results and style.

        Raises:
            PromptError: there is no such object, or another thread is propagating.
        """
        self._edits.remove_object(object_id)

    def undo(self) -> int:
        """Undo the last edit, up to `undo_depth` of them in turn: prompts and results are exactly as before it.

        Returns:
            id of the edited object.

        Raises:
            PromptError: there is nothing to undo, or another thread is propagating.
        """
        return self._edits.undo()

    def redo(self) -> int:
        """Redo the edit that was undone last; results made before it was undone are back, without tracking again.

        A new edit leaves nothing to redo.

        Returns:
            id of the edited object.

        Raises:
            PromptError: there is nothing to redo, or another thread is propagating.
        """
        return self._edits.redo()

    def preview(self, frame: int, object_id: int) -> Preview:
        """Return the mask of an object's prompts on a frame, without propagating.

        Raises:
            PromptError: there is no prompt there.
            VideoError: the frame cannot be read, or belongs to a live source, which cannot go back to it.
        """
        frame, object_id = self._edits.check_prompted(frame, object_id)
        return self._previewed(conditioning_of(self._state, object_id, frame))

    def preview_points(
        self, frame: int, object_id: int, points: Sequence[Sequence[float]], labels: Sequence[int] | None = None
    ) -> Preview:
        """Return the mask as it would be after `add_points` with these arguments, without adding them.

        Raises:
            PromptError: the frame does not exist, or a point is invalid or lies outside it.
            VideoError: as `preview`.
        """
        return self._previewed(self._edits.try_clicks(frame, object_id, points, labels, None))

    def _previewed(self, made: Conditioning) -> Preview:
        outcome, size, device = made.outcome, self._state.size, self._state.model.device

        @torch.inference_mode()
        def logits() -> Tensor:
            return outcome.full_logits(size).to(device)

        return Preview(outcome.mask(size), outcome.iou, outcome.object_score, logits)
