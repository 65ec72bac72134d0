"""Objects remembered from elsewhere: encoded memories of another session, video or picture, without a place here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from sam2long.errors import PromptError
from sam2long.model.checkpoints.digest import weights_digest
from sam2long.model.memory.encoded import EncodedMemory
from sam2long.model.preprocess import prepare_image
from sam2long.model.sam2 import MASK_PROMPT_LOGIT, SAM2
from sam2long.tracking.prompting.click_memo import ClickMemo
from sam2long.tracking.prompting.conditioning import condition
from sam2long.tracking.prompting.prompts import FrameSize, ObjectPrompt, check_mask
from sam2long.tree import Node

MOST_MEMORIES = 4
"""Maximum number of frames that one reference remembers; every further one is attended to on each frame."""

_SIDE = 4
"""The object is searched for at the centres of this many by this many fields of the frame."""

T = TypeVar("T")

Centre = tuple[float, float]
"""Of an object: x and y as shares of the width and height."""


@dataclass(frozen=True)
class Reference:
    """An object as a network remembers it from elsewhere.

    Attributes:
        memories: one per remembered frame, at most `MOST_MEMORIES`.
        centres: where the object is on each of them, x and y as shares of the frame's width and height (0..1).
        weights: digest of the network that encoded them; no other can use them.
        origin: what it was made from, for messages.
        digest: hexadecimal SHA-256 of what it was made from, by which a resumed run knows it again.
        object_id: id of the object there; None in a picture.
    """

    memories: tuple[EncodedMemory, ...]
    centres: tuple[Centre, ...]
    weights: str
    origin: str
    digest: str
    object_id: int | None = None

    @classmethod
    def from_image(
        cls, model: SAM2, image: npt.NDArray[np.uint8], mask: npt.ArrayLike, origin: str = "a picture"
    ) -> Reference:
        """Encode an object of a picture.

        Args:
            model: the network of the session that the reference is for.
            image: uint8 [height, width, 3] RGB, of any size.
            mask: [height, width], see `Session.add_mask`.
            origin: names the picture in messages.

        Raises:
            PromptError: the mask is empty or invalid, or differs in size from the picture.
        """
        size = FrameSize(*image.shape[:2])
        given = check_mask(mask, size, f"the mask of {origin}")
        with torch.inference_mode():
            features = model.encode_image(prepare_image(image, model.config, model.device))
            made = condition(model, features, 0, ObjectPrompt(mask=given), size, False, None, ClickMemo())
            memories, centres = (made.node.payload,), (centre_of(given),)
        return cls(memories, centres, weights_digest(model), origin, _sha256(image, given))

    @classmethod
    def from_file(cls, path: str | Path, object_id: int | None = None) -> Reference:
        """Read an object's memories from a session file; needs neither its video nor the network.

        Args:
            path: a `.s2l` file.
            object_id: of the object in it; may be omitted if there is only one.

        Raises:
            SessionError: the file cannot be read, has no such object, or no memory of it.
        """
        from sam2long.tracking.saving.read_reference import read_reference

        return read_reference(Path(path), object_id)

    @classmethod
    def from_memories(
        cls, seen: Sequence[tuple[EncodedMemory, Centre]], weights: str, origin: str, object_id: int
    ) -> Reference:
        """Remember an object by memories that were encoded before, each with the object's centre: a few, spread out."""
        memories, centres = zip(*spread(list(seen)), strict=True)
        content = (memory.pointer.cpu().float().numpy() for memory in memories)
        return cls(memories, centres, weights, origin, _sha256(*content), object_id)

    def check_fits(self, weights: str, where: str) -> None:
        """Raise PromptError if another network encoded it; `where` names the object in the message."""
        if self.weights != weights:
            raise PromptError(
                f"{where}: {self.origin} was encoded by another network, other weights or another precision; "
                "use the same here, or a picture with a mask"
            )


def centre_of(mask: npt.NDArray[np.bool_]) -> Centre:
    """Centre of a mask that is not empty, bool [height, width]."""
    rows, columns = mask.nonzero()
    return float(columns.mean() + 0.5) / mask.shape[1], float(rows.mean() + 0.5) / mask.shape[0]


def spread(items: list[T]) -> list[T]:
    """At most `MOST_MEMORIES` of some items, evenly spread over them, with the first and the last."""
    if len(items) <= MOST_MEMORIES:
        return items
    return [items[round(number * (len(items) - 1) / (MOST_MEMORIES - 1))] for number in range(MOST_MEMORIES)]


def _sha256(*arrays: npt.NDArray[Any]) -> str:
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()


def places_of(references: tuple[Reference, ...], device: torch.device) -> list[tuple[Node[EncodedMemory], ...]]:
    """The memories of all references, with the object moved to each place at which it is searched for.

    A memory holds no position: it is added when the memory is attended to. So moving the map moves the object, without
    encoding anything again. Memories that are tokens rather than maps (EdgeTAM) stay where they are.
    """
    steps = [(number + 0.5) / _SIDE for number in range(_SIDE)]
    if any(memory.spatial.ndim != 3 for reference in references for memory in reference.memories):
        return [at_place(references, None, device)]
    return [at_place(references, (x, y), device) for y, x in product(steps, steps)]


def at_place(
    references: tuple[Reference, ...], place: Centre | None, device: torch.device
) -> tuple[Node[EncodedMemory], ...]:
    """The memories of all references as prompted frames, with the object's centre at `place` (None: where it was)."""
    nodes = []
    for reference in references:
        for memory, centre in zip(reference.memories, reference.centres, strict=True):
            spatial = memory.spatial.to(device)
            if place is not None and spatial.ndim == 3:
                shift = [round((to - was) * side) for to, was, side in zip(place, centre, spatial.shape[:0:-1])]
                spatial = spatial.roll((shift[1], shift[0]), (1, 2))
            nodes.append(Node(0, 1.0, MASK_PROMPT_LOGIT, EncodedMemory(spatial, memory.pointer.to(device))))
    return tuple(nodes)
