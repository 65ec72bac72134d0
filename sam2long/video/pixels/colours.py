"""Converts decoded pictures to RGB: colour matrices, ranges, bit depths and high dynamic range."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from sam2long.errors import VideoError
from sam2long.video.pixels.hdr import TRANSFERS, to_sdr
from sam2long.video.pixels.levels import Levels, describe, levels_of

# colour matrices as numbered by FFmpeg
BT709, UNTAGGED, BT2020 = 1, 2, 9
# untagged videos larger than PAL are HD, which uses the BT.709 matrix
MOST_SD_LINES, LEAST_HD_WIDTH = 576, 1280


class ColourConverter:
    """Converts all pictures of one video to uint8 RGB in the same way.

    Args:
        name: name of the video, for warnings.
        samples: a few pictures from across the video, at least the first one.
        transfer: transfer function, as numbered by FFmpeg.
        primaries: colour primaries, as numbered by FFmpeg.
        levels: values of black and white, if chosen by the user.
    """

    def __init__(
        self, name: str, samples: Sequence[av.VideoFrame], transfer: int, primaries: int, levels: Levels | None
    ) -> None:
        self._transfer, self._primaries = transfer, primaries
        self._levels = levels
        if levels is None and is_deep(samples[0]):
            self._levels = levels_of(map(_native_values, samples), _white(samples[0]))
            if self._levels is not None:
                warnings.warn(describe(self._levels, name), stacklevel=4)
        self._hdr = self._levels is None and transfer in TRANSFERS
        if self._hdr:
            standard = TRANSFERS[transfer]
            warnings.warn(f"{name}: HDR video ({standard}) is tone-mapped to BT.709", stacklevel=4)

    def __call__(self, picture: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """Convert to contiguous uint8 [height, width, 3]; raises VideoError if FFmpeg cannot convert the picture."""
        if self._levels is not None:
            levels = self._levels if _is_float(picture) else self._levels.in_16_bits(_bits(picture))
            return levels.to_bytes(_values(picture))
        if self._hdr:
            return to_sdr(_reformatted(picture, "rgb48le", hdr=True), self._transfer, self._primaries)
        return _reformatted(picture, "rgb24")


def is_deep(picture: av.VideoFrame) -> bool:
    """Return whether a picture has more than 8 bits and no standard defines its black and white."""
    has_chroma = len(picture.format.components) > 2 and not picture.format.is_rgb
    return _bits(picture) > 8 and not has_chroma


def _values(picture: av.VideoFrame) -> npt.NDArray[Any]:
    """RGB [height, width, 3]: float32 for float pictures, else uint16 scaled to the full 16 bits."""
    if not _is_float(picture):
        return _reformatted(picture, "rgb48le")
    if picture.format.is_rgb:
        return _reformatted(picture, "gbrpf32le")
    return np.repeat(_reformatted(picture, "grayf32le")[:, :, None], 3, axis=2)


def _reformatted(picture: av.VideoFrame, pix_fmt: str, *, hdr: bool = False) -> npt.NDArray[Any]:
    """Convert to a pixel format; ranges are passed explicitly because some versions of PyAV guess them wrong."""
    matrix = None
    if picture.colorspace == UNTAGGED and hdr:
        matrix = BT2020
    elif picture.colorspace == UNTAGGED and (picture.height > MOST_SD_LINES or picture.width >= LEAST_HD_WIDTH):
        matrix = BT709
    # FFmpeg knows only full range for grey
    known_range = "JPEG" if len(picture.format.components) < 3 else picture.color_range or None
    try:
        converted = picture.reformat(
            format=pix_fmt, src_colorspace=matrix, src_color_range=known_range, dst_color_range="JPEG"
        )
        return converted.to_ndarray()  # type: ignore[no-any-return]
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"pictures of format {picture.format.name} cannot be converted to RGB: {error}") from error


def _native_values(picture: av.VideoFrame) -> npt.NDArray[Any]:
    values = _values(picture)
    return values if _is_float(picture) else values >> (16 - _bits(picture))


def _white(picture: av.VideoFrame) -> float:
    return 1 if _is_float(picture) else (1 << _bits(picture)) - 1


def _is_float(picture: av.VideoFrame) -> bool:
    return "f16" in picture.format.name or "f32" in picture.format.name


def _bits(picture: av.VideoFrame) -> int:
    return int(picture.format.components[0].bits)
