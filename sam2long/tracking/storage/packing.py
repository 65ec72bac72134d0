"""Packs masks, logits and object pointers into few bytes, for waiting frames and results on disk."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sam2long.errors import SessionError
from sam2long.results.soft_mask import LOGIT_RANGE, STEPS, steps_to_logits
from sam2long.tracking.prompting.prompts import FrameSize

_MOST_LOGITS = 4 * 2048 * 2048
"""Size in bytes of the largest logits accepted: float32, for a network input of 8192 x 8192 pixels."""
_EXACT, _STEPPED = b"F", b"Q"


@dataclass(frozen=True, slots=True)
class PackedMask:
    """A packed mask at the video's resolution, and its packed logits at the network's."""

    mask: bytes
    logits: bytes


def pack(mask: npt.NDArray[np.bool_], logits: Tensor, exact: bool) -> PackedMask:
    """Pack a mask, bool [height, width], and its logits [side, side]; see `pack_logits`."""
    return PackedMask(zlib.compress(np.packbits(mask).tobytes(), level=1), pack_logits(logits, exact))


def unpack_mask(packed: bytes, size: FrameSize) -> npt.NDArray[np.bool_]:
    """Unpack a mask: bool [height, width]."""
    bits = np.frombuffer(_inflate(packed, (size.height * size.width + 7) // 8), np.uint8)
    return np.unpackbits(bits, count=size.height * size.width).reshape(size.height, size.width).view(bool)


def pack_logits(logits: Tensor, exact: bool) -> bytes:
    """Pack mask logits [side, side] exactly, or quantized to 255 steps that are finest around 0 and keep the sign."""
    if exact:
        return _EXACT + zlib.compress(logits.float().cpu().numpy().tobytes(), level=1)
    # Neighbouring values are similar, so differences along rows compress better than values.
    return _STEPPED + zlib.compress(np.diff(to_steps(logits), axis=1, prepend=np.int8(0)).tobytes(), level=1)


def to_steps(logits: Tensor) -> npt.NDArray[np.int8]:
    """Quantize mask logits [side, side] to 255 steps that are finest around 0 and keep the sign."""
    steps = (logits.float().clamp(-LOGIT_RANGE, LOGIT_RANGE).asinh() * STEPS).round()
    return torch.where((steps == 0) & (logits > 0), 1.0, steps).to(torch.int8).cpu().numpy()


def unpack_logits(packed: bytes) -> Tensor:
    """Unpack mask logits: float32 [side, side] on the CPU."""
    data = _inflate(packed[1:], _MOST_LOGITS)
    if packed[:1] == _EXACT:
        values = np.frombuffer(data, np.float32).copy()
        return torch.from_numpy(values.reshape(math.isqrt(values.size), -1))
    return torch.from_numpy(steps_to_logits(_summed(data)))


def unpack_steps(packed: bytes) -> npt.NDArray[np.int8]:
    """Unpack mask logits as steps, int8 [side, side]; see `to_steps`."""
    if packed[:1] == _EXACT:
        return to_steps(unpack_logits(packed))
    return _summed(_inflate(packed[1:], _MOST_LOGITS))


def _summed(data: bytes) -> npt.NDArray[np.int8]:
    differences = np.frombuffer(data, np.int8)
    return np.cumsum(differences.reshape(math.isqrt(differences.size), -1), axis=1, dtype=np.int8)


def _inflate(packed: bytes, most: int) -> bytes:
    """Decompress at most `most` bytes, since data from an untrusted file may inflate to any size."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, most + 1)
    except zlib.error as error:
        raise SessionError(f"a mask of the session cannot be unpacked; its file is damaged ({error})") from error
    if len(data) > most or not inflater.eof:
        raise SessionError(f"a mask of the session is damaged: it is truncated or inflates to more than {most} bytes")
    return data


def pack_pointer(pointer: Tensor) -> bytes:
    """Pack an object pointer [dim]."""
    return pointer.float().cpu().numpy().tobytes()


def unpack_pointer(packed: bytes) -> Tensor:
    """Unpack an object pointer: float32 [dim] on the CPU."""
    return torch.from_numpy(np.frombuffer(packed, np.float32).copy())
