"""Parses --like and --like-mask: objects remembered from another session, video or picture (docs/references.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sam2long.errors import PromptError
from sam2long.running.prompts.grammar import split_suffixes
from sam2long.tracking.prompting.prompts import FrameSize, check_mask
from sam2long.tracking.prompting.reference import Reference
from sam2long.tracking.saving.archive import is_session

if TYPE_CHECKING:
    from sam2long.model import SAM2
    from sam2long.tracking import Session


@dataclass(frozen=True)
class PictureLike:
    """An object of a picture, or of a frame of a video; `image` and `mask` are of the same size."""

    object_id: int
    text: str
    mask_file: Path
    image: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.bool_]

    def load(self, model: SAM2) -> Reference:
        """Encode the object with the network of the session."""
        return Reference.from_image(model, self.image, self.mask, self.text)

    def described(self) -> dict[str, object]:
        """The words that it was made from."""
        return {"object": self.object_id, "like": self.text, "mask": str(self.mask_file)}


@dataclass(frozen=True)
class SessionLike:
    """An object of a session file."""

    object_id: int
    text: str
    reference: Reference

    def load(self, model: SAM2) -> Reference:
        """The reference as it was read; a session checks that its network made it."""
        return self.reference

    def described(self) -> dict[str, object]:
        """The words that it was made from."""
        return {"object": self.object_id, "like": self.text}


Like = PictureLike | SessionLike


def read_likes(texts: Sequence[str], masks: Sequence[str | Path]) -> list[Like]:
    """Read `FILE.s2l[#OBJECT][#NEW]`, and `PICTURE[@FRAME][#NEW]` each with the next of the masks.

    A picture without a number gets the smallest one that is free among these words.

    Raises:
        UserError: a file cannot be read, a session has no such object or no memory of it, or pictures and masks do not
            fit together.
    """
    # A session is recognised without its suffixes, which do not count as part of the name.
    sessions = [_session(text) for text in texts]
    pictures = [text for text, session in zip(texts, sessions, strict=True) if session is None]
    if len(pictures) != len(masks):
        raise PromptError(
            f"--like: {_count(len(pictures), 'picture')} but {_count(len(masks), 'mask')}; give each picture one "
            "--like-mask, in the same order"
        )
    waiting = iter(masks)
    taken = {session.object_id for session in sessions if session is not None}
    taken |= {number for text in pictures if (number := split_suffixes(text).object_id) is not None}
    likes: list[Like] = []
    for text, session in zip(texts, sessions, strict=True):
        if session is not None:
            likes.append(session)
        else:
            likes.append(_picture(text, Path(next(waiting)), taken))
            taken.add(likes[-1].object_id)
    return likes


def apply_likes(likes: Iterable[Like], session: Session) -> None:
    """Add references to a session, except for those that it already has.

    Raises:
        PromptError: another network encoded one.
    """
    for like in likes:
        reference = like.load(session.model)
        known = session.references.get(like.object_id, ())
        if reference.digest not in (one.digest for one in known):
            session.add_reference(like.object_id, reference)


def _session(text: str) -> SessionLike | None:
    """Read a session's object, or return None for a picture or video."""
    outer = split_suffixes(text)
    inner = split_suffixes(outer.body)
    path = Path(inner.body)
    if path.suffix != ".s2l" and not (path.is_file() and is_session(path)):
        return None
    number = outer.object_id if inner.object_id is None else inner.object_id
    if outer.frame or inner.frame:
        raise PromptError(f"--like {text}: a session remembers an object by its prompted frames; omit @FRAME")
    reference = Reference.from_file(path, number)
    return SessionLike(outer.object_id or reference.object_id or 1, text, reference)


def _picture(text: str, mask_file: Path, taken: set[int]) -> PictureLike:
    from sam2long.video import open_video
    from sam2long.video.masks import read_mask_file

    split = split_suffixes(text)
    number = split.object_id or next(number for number in range(1, len(taken) + 2) if number not in taken)
    masks = read_mask_file(mask_file)
    if len(masks) > 1:
        raise PromptError(f"--like-mask {mask_file}: the file has {len(masks)} objects; use a file with one object")
    with open_video(split.body) as source:
        if source.frame_count is not None and split.frame >= source.frame_count:
            raise PromptError(f"--like {text}: {source.name} has only frames 0 to {source.frame_count - 1}")
        image = next(iter(source.frames(split.frame, split.frame + 1))).image
    mask = check_mask(next(iter(masks.values())), FrameSize(*image.shape[:2]), f"--like-mask {mask_file}")
    return PictureLike(number, text, mask_file, image, mask)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
