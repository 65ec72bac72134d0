"""Masks on their way to and from the page: run lengths over the rows, at the size that the page shows."""

from __future__ import annotations

import struct
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.results.convert import row_runs
from sam2long.studio.fields import MessageError

Mask = npt.NDArray[np.bool_]

RESULT, PREVIEW = 1, 2
"""Kinds of binary messages."""
OUTDATED, PROMPTED, SHOWN, ASKED, UNDECIDED, NEWEST = 1, 2, 4, 8, 16, 32
"""Flags of binary messages."""
NEW = 2**32 - 1
"""Object id of a preview for an object that does not exist yet."""

_HEADER = struct.Struct("<BBHIIIHHI")


def encode(
    mask: Mask,
    width: int,
    *,
    kind: int = RESULT,
    flags: int = 0,
    object_id: int,
    frame: int,
    revision: int,
    sequence: int = 0,
) -> bytes:
    """A mask as a binary message, at most `width` pixels wide; the layout is in docs/studio-protocol.md."""
    small = resize(mask, *display_size(width, mask.shape[1], mask.shape[0]))
    height, width = small.shape
    header = _HEADER.pack(kind, flags, 0, object_id, frame, revision, width, height, sequence)
    return header + row_runs(small).astype("<u4").tobytes()


def display_size(width: int, video_width: int, video_height: int) -> tuple[int, int]:
    """Width and height of frames and masks that are shown `width` pixels wide; never larger than the video."""
    width = min(width, video_width)
    return width, max(1, round(video_height * width / video_width))


def resize(mask: Mask, width: int, height: int) -> Mask:
    """A mask at another size; a pixel is inside if about half of it or more is."""
    if mask.shape == (height, width):
        return mask
    # Areas are exact but ten times slower, and matter only where pixels would be passed over.
    way = cv2.INTER_AREA if 2 * width < mask.shape[1] else cv2.INTER_LINEAR
    resized = cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=way)
    inside: Mask = resized > 127
    return inside


def mask_of(runs: list[int], width: int, height: int) -> Mask:
    """The mask of run lengths; raises MessageError unless they fill it exactly."""
    if sum(runs) != width * height:
        raise MessageError(f"the runs of a mask of {width}x{height} pixels must sum to {width * height}")
    flat = np.zeros(width * height, bool)
    for first, last in list(pairwise(np.cumsum([0, *runs]).tolist()))[1::2]:
        flat[first:last] = True
    return flat.reshape(height, width)
