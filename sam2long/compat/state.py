"""The value that `init_state` returns: a session, and the user's names of its objects."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field

from sam2long.tracking import Session

_KEYS = ("num_frames", "video_height", "video_width", "device", "obj_ids", "obj_id_to_idx", "obj_idx_to_id")


@dataclass(eq=False)
class InferenceState(Mapping[str, object]):
    """The state of one video, passed to each of the predictor's calls.

    Like SAM 2's dictionary it has the keys that describe the video and its objects: `num_frames`, `video_height`,
    `video_width`, `device`, `obj_ids`, `obj_id_to_idx`, `obj_idx_to_id`. It does not contain frames or memories.

    Attributes:
        session: does the tracking.
        numbers: the session's id of each object by the user's name for it, in the order of their first prompts.
        next_number: the session's id for the next new object.
    """

    session: Session
    numbers: dict[Hashable, int] = field(default_factory=dict)
    next_number: int = 1

    @property
    def obj_ids(self) -> list[Hashable]:
        """The user's names of the objects, in the order in which their masks are stacked."""
        return list(self.numbers)

    @property
    def num_frames(self) -> int:
        """Number of frames of the video."""
        return self.session.source.frame_count or 0

    def number_of(self, obj_id: Hashable) -> int:
        """The session's id of an object; that of the next new object if the name is unknown."""
        return self.numbers.get(obj_id, self.next_number)

    def register(self, obj_id: Hashable) -> None:
        """Add an object, if it is new, once its first prompt has been accepted."""
        if obj_id not in self.numbers:
            self.numbers[obj_id] = self.next_number
            self.next_number += 1

    def __getitem__(self, key: str) -> object:
        source, places = self.session.source, enumerate(self.numbers)
        if key == "video_height":
            return source.height
        if key == "video_width":
            return source.width
        if key == "device":
            return self.session.model.device
        if key == "obj_id_to_idx":
            return {obj_id: index for index, obj_id in places}
        if key == "obj_idx_to_id":
            return dict(places)
        if key in ("num_frames", "obj_ids"):
            return getattr(self, key)
        raise KeyError(f"{key!r}; the keys of this state are {', '.join(_KEYS)}")

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)
