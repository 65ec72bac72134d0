"""The page's edits, as calls on the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sam2long.studio import masks
from sam2long.studio.fields import Fields, Message, MessageError
from sam2long.tracking import Session
from sam2long.tracking.prompting.prompts import Clicks

MOST_OBJECTS = 250
"""Maximum number of objects; the colours of masks as PNG images end a little above it."""
_MOST_ID = masks.NEW - 1
_MOST_SIDE = 2**14


class Edits:
    """Carries out edits; each returns the fields of `done`.

    Methods raise MessageError or another UserError, in which case nothing has changed.
    """

    def __init__(self, session: Session, frame_count: int) -> None:
        self._session = session
        self._last_frame = frame_count - 1
        self.table: dict[str, Callable[[Fields], Message]] = {
            "add_object": self._add_object,
            "set_object": self._set_object,
            "remove_object": self._remove_object,
            "click": self._click,
            "box": self._box,
            "mask": self._mask,
            "brush": self._brush,
            "move_point": self._move_point,
            "remove_point": self._remove_point,
            "remove_prompt": self._remove_prompt,
            "undo": self._undo,
            "redo": self._redo,
        }

    def place(self, fields: Fields) -> tuple[int, int]:
        """Frame and object of a prompt; the object exists and is not locked."""
        object_id = self._object(fields)
        if self._session.styles[object_id].locked:
            raise MessageError(f"{self._session.styles[object_id].name} is locked; unlock it first")
        return fields.whole("frame", self._last_frame), object_id

    def place_or_new(self, fields: Fields) -> tuple[int, int | None]:
        """As `place`; without an object, None for one that does not exist yet."""
        return self.place(fields) if fields.has("object") else (fields.whole("frame", self._last_frame), None)

    @property
    def unused(self) -> int:
        """The lowest id, from 1, that no object has."""
        known = self._session.styles
        return next(number for number in range(1, len(known) + 2) if number not in known)

    def _object(self, fields: Fields) -> int:
        object_id = fields.whole("object", _MOST_ID)
        if object_id not in self._session.styles:
            raise MessageError(f"there is no object {object_id}; it may have been deleted")
        return object_id

    def _add_object(self, fields: Fields) -> Message:
        known = self._session.styles
        if len(known) >= MOST_OBJECTS:
            raise MessageError(f"there can be {MOST_OBJECTS} objects at most")
        object_id = self.unused
        self._session.set_style(object_id, **_looks(fields))
        return {"object": object_id}

    def _set_object(self, fields: Fields) -> Message:
        object_id = self._object(fields)
        self._session.set_style(object_id, **_looks(fields))
        return {"object": object_id}

    def _remove_object(self, fields: Fields) -> Message:
        object_id = self._object(fields)
        self._session.remove_object(object_id)
        return {"object": object_id}

    def _click(self, fields: Fields) -> Message:
        frame, object_id = self.place(fields)
        point, label = (fields.real("x"), fields.real("y")), fields.whole("label", 1)
        self._session.add_points(frame, object_id, [point], [label])
        return {"object": object_id, "frame": frame}

    def _box(self, fields: Fields) -> Message:
        frame, object_id = self.place(fields)
        x0, y0, x1, y1 = fields.reals("box", 4)
        if self._has_prompt(frame, object_id) and self._session.prompt(frame, object_id).rounds:
            self._session.set_clicks(frame, object_id, [Clicks((), (), (x0, y0, x1, y1))])
        else:
            self._session.add_box(frame, object_id, (x0, y0, x1, y1), replace=True)
        return {"object": object_id, "frame": frame}

    def _mask(self, fields: Fields) -> Message:
        frame, object_id = self.place(fields)
        self._session.add_mask(frame, object_id, self._read(fields, "runs"), replace=True)
        return {"object": object_id, "frame": frame}

    def _brush(self, fields: Fields) -> Message:
        frame, object_id = self.place(fields)
        mask = self._standing(frame, object_id)
        if fields.has("add"):
            mask = mask | self._read(fields, "add")
        if fields.has("erase"):
            mask = mask & ~self._read(fields, "erase")
        if not mask.any():
            raise MessageError("nothing is left of the mask; remove the prompt instead")
        self._session.add_mask(frame, object_id, mask, replace=True)
        return {"object": object_id, "frame": frame}

    def _move_point(self, fields: Fields) -> Message:
        frame, object_id = self.place(fields)
        rounds, number, index = self._point(fields, frame, object_id)
        points = list(rounds[number].points)
        points[index] = (fields.real("x"), fields.real("y"))
        rounds[number] = replace(rounds[number], points=tuple(points))
        self._session.set_clicks(frame, object_id, rounds)
        return {"object": object_id, "frame": frame}

    def _remove_point(self, fields: Fields) -> Message:
        frame, object_id = self.place(fields)
        rounds, number, index = self._point(fields, frame, object_id)
        clicks = rounds[number]
        points, labels = list(clicks.points), list(clicks.labels)
        del points[index], labels[index]
        rounds[number] = replace(clicks, points=tuple(points), labels=tuple(labels))
        left = [clicks for clicks in rounds if clicks.points or clicks.box is not None]
        if left:
            self._session.set_clicks(frame, object_id, left)
        else:
            self._session.remove_prompt(frame, object_id)
        return {"object": object_id, "frame": frame}

    def _remove_prompt(self, fields: Fields) -> Message:
        frame, object_id = self.place(fields)
        self._session.remove_prompt(frame, object_id)
        return {"object": object_id, "frame": frame}

    def _undo(self, _: Fields) -> Message:
        object_id = self._session.undo()
        return {"object": object_id, "frame": self._session.redoable[-1].frame}

    def _redo(self, _: Fields) -> Message:
        object_id = self._session.redo()
        return {"object": object_id, "frame": self._session.undoable[-1].frame}

    def _has_prompt(self, frame: int, object_id: int) -> bool:
        return frame in self._session.prompts.get(object_id, ())

    def _point(self, fields: Fields, frame: int, object_id: int) -> tuple[list[Clicks], int, int]:
        """The rounds of a prompt, and the round and place of the click with a given index over all rounds."""
        rounds = list(self._session.prompt(frame, object_id).rounds)
        index = fields.whole("index", 10_000)
        for number, clicks in enumerate(rounds):
            if index < len(clicks.points):
                return rounds, number, index
            index -= len(clicks.points)
        raise MessageError("that click does not exist any more")

    def _standing(self, frame: int, object_id: int) -> masks.Mask:
        """The mask that the object has on the frame, empty if none."""
        if self._has_prompt(frame, object_id):
            return self._session.preview(frame, object_id).mask
        source, result = self._session.source, self._session.result(frame)
        if result is None or object_id not in result.masks:
            return np.zeros((source.height, source.width), bool)
        return result.masks[object_id]

    def _read(self, fields: Fields, name: str) -> masks.Mask:
        """A mask from the page, at the video's size."""
        width, height = (fields.whole(side, _MOST_SIDE, 1) for side in ("width", "height"))
        source = self._session.source
        if width * height > max(4 * source.width * source.height, 2**20):
            raise MessageError(f"a mask of {width}x{height} pixels is too large for this video")
        return masks.resize(masks.mask_of(fields.wholes(name), width, height), source.width, source.height)


def _looks(fields: Fields) -> dict[str, object]:
    """The fields of a style that a message has."""
    given: dict[str, object] = {name: fields.flag(name) for name in ("hidden", "locked") if fields.has(name)}
    if fields.has("name"):
        given["name"] = fields.text("name").strip()
    if fields.has("colour"):
        given["colour"] = fields.colour("colour")
    return given
