"""The bundled clip composed of photos: an elephant passes another one and walks behind a barrel; with exact masks.

`python -m training showcase` renders it; NOTICE credits the photos.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.bool_]

VIDEO = Path(__file__).with_name("photo_clip.mp4")
MASKS = Path(__file__).with_name("photo_clip.npz")
FPS = 24.0


def pack_masks(masks: Masks) -> bytes:
    """Compress masks bool [frames, height, width] for `read_masks`."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, bits=np.packbits(masks), shape=np.array(masks.shape))
    return buffer.getvalue()


def read_masks(path: Path = MASKS) -> Masks:
    """Return the visible pixels of the target on every frame of the clip, bool [frames, height, width]."""
    with np.load(path) as content:
        shape = tuple(content["shape"].tolist())
        return np.unpackbits(content["bits"], count=int(np.prod(shape))).reshape(shape).astype(bool)
