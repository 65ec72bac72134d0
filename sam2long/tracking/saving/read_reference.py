"""Reads what a session file remembers of an object, as a reference for another session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sam2long.errors import SessionError
from sam2long.model.memory.encoded import EncodedMemory
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tracking.prompting.prompts import FrameSize
from sam2long.tracking.prompting.reference import Reference, centre_of
from sam2long.tracking.saving.archive import opened_session, read_header
from sam2long.tracking.storage.packing import PackedMask

Json = dict[str, Any]


def read_reference(path: Path, object_id: int | None) -> Reference:
    """See `Reference.from_file`."""
    from safetensors.torch import load

    header = read_header(path)
    with opened_session(path) as file:
        item, where = _object(header.data["objects"], object_id, path)
        size = FrameSize(header.video.height, header.video.width)
        tensors = load(file.read("memory.safetensors"))
        found = [(one, _mask(one["outcome"], tensors, size)) for one in item["conditionings"]]
        seen = [(one["node"]["number"], centre_of(mask)) for one, mask in found if mask.any()]
        if not found:
            raise SessionError(f"{where} has no encoded memory yet: follow it in its own video first")
        if not seen:
            raise SessionError(f"{where} shows on none of its prompted frames, so that nothing is remembered of it")
        memories = (
            (EncodedMemory(tensors[f"node/{number}/map"], tensors[f"node/{number}/pointer"]), centre)
            for number, centre in seen
        )
        return Reference.from_memories(list(memories), header.weights, where, item["id"])


def _object(objects: list[Json], object_id: int | None, path: Path) -> tuple[Json, str]:
    """The object's part of `session.json`, and its name for messages."""
    if not objects:
        raise SessionError(f"{path} has no objects")
    ids = ", ".join(str(item["id"]) for item in objects)
    if object_id is None and len(objects) > 1:
        raise SessionError(f"{path} has objects {ids}; say which one, as in {path.name}#{objects[0]['id']}")
    for item in objects:
        if object_id in (None, item["id"]):
            return item, f"object {item['id']} of {path}"
    raise SessionError(f"{path} has no object {object_id}; its objects are {ids}")


def _mask(data: Json, tensors: dict[str, Tensor], size: FrameSize) -> npt.NDArray[np.bool_]:
    packed = data["packed"]
    if packed:
        mask, logits = (tensors[packed[name]].numpy().tobytes() for name in ("mask", "logits"))
        return Outcome(None, 1.0, 1.0, packed=PackedMask(mask, logits)).mask(size)
    with torch.inference_mode():
        return Outcome(tensors[data["logits"]], 1.0, 1.0).mask(size)
