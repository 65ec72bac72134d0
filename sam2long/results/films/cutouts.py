"""Turns frames and opacities into pictures for film encoders: cut-outs with an alpha channel, and grey mattes."""

from __future__ import annotations

import av
import cv2
import numpy as np
import numpy.typing as npt

from sam2long.results.films.film import FilmFormat
from sam2long.results.soft_mask import Alpha

_SAME_BYTES = {"fflags": "+bitexact"}  # Matroska's random identifiers are left out

PRORES_4444 = FilmFormat("mov", "prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"})
"""Alpha is stored without loss, in 1024 levels."""
VP9_ALPHA = FilmFormat(
    "webm",
    "libvpx-vp9",
    "yuva420p",
    # With alternate reference frames the encoder refuses alpha.
    {"crf": "20", "b": "0", "auto-alt-ref": "0", "lag-in-frames": "0", "deadline": "good", "cpu-used": "4"},
    _SAME_BYTES,
)
FFV1_8 = FilmFormat("matroska", "ffv1", "gray", {"level": "3"}, _SAME_BYTES, full_range=True)
FFV1_16 = FilmFormat("matroska", "ffv1", "gray16le", {"level": "3"}, _SAME_BYTES, full_range=True)
PRORES_422 = FilmFormat("mov", "prores_ks", "yuv422p10le", {"profile": "hq", "vendor": "apl0"})

BYTES_PER_PIXEL = {"prores_ks": 17, "ffv1": 41, "libvpx-vp9": 163}
"""Memory that an encoder takes, per pixel of the film; measured at 1920x1080."""
MARGIN = 8
"""Number of pixels that the colour of a cut-out goes on beyond its edge, so that no black bleeds into it."""
_BLACK, _WHITE, _NO_COLOUR = 64, 940, 512  # 10-bit video levels
_LUMA = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue in BT.709
_TO_VIDEO = np.array(
    [
        [*(_LUMA * (_WHITE - _BLACK) / 255), _BLACK],
        [*((np.eye(3)[2] - _LUMA) * 448 / (255 * (1 - _LUMA[2]))), _NO_COLOUR],
        [*((np.eye(3)[0] - _LUMA) * 448 / (255 * (1 - _LUMA[0]))), _NO_COLOUR],
    ],
    np.float32,
)
"""From 8-bit RGB, and 1, to 10-bit luma and colour differences."""


def cutout_picture(image: npt.NDArray[np.uint8], alpha: Alpha, pixel_format: str) -> av.VideoFrame:
    """Return a frame with an alpha channel that is not multiplied into its colour ("straight", "unassociated").

    Args:
        image: uint8 [height, width, 3] RGB.
        alpha: float32 [height, width] opacity, 0..1.
        pixel_format: `yuva444p10le` or `yuva420p`, BT.709.
    """
    near = cv2.dilate((alpha > 0).view(np.uint8), np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8))
    shown = image * near[:, :, None]
    if pixel_format == "yuva444p10le":
        return _video_levels(shown, alpha)
    rgb = av.VideoFrame.from_ndarray(shown, format="rgb24")
    picture = rgb.reformat(format=pixel_format, dst_colorspace="ITU709", dst_color_range="MPEG")
    _fill(picture.planes[3], levels(alpha, 255, np.uint8))
    return picture


def _video_levels(image: npt.NDArray[np.uint8], alpha: Alpha) -> av.VideoFrame:
    """Convert to yuva444p10le without FFmpeg, whose threads spoil some pixels if the width is no multiple of 16."""
    height, width = alpha.shape
    picture = av.VideoFrame(width, height, "yuva444p10le")
    planes = np.rint(cv2.transform(image.astype(np.float32), _TO_VIDEO)).astype(np.uint16)
    for number in range(3):
        _fill(picture.planes[number], planes[:, :, number])
    _fill(picture.planes[3], levels(alpha, 1023, np.uint16))
    return picture


def matte_picture(alpha: Alpha, pixel_format: str) -> av.VideoFrame:
    """Return an opacity, float32 [height, width], as a grey picture: `gray`, `gray16le` or `yuv422p10le`."""
    if pixel_format == "gray":
        return av.VideoFrame.from_ndarray(levels(alpha, 255, np.uint8), format="gray")
    if pixel_format == "gray16le":
        return av.VideoFrame.from_ndarray(levels(alpha, 65535, np.uint16), format="gray16le")
    height, width = alpha.shape
    picture = av.VideoFrame(width, height, pixel_format)
    _fill(picture.planes[0], _BLACK + levels(alpha, _WHITE - _BLACK, np.uint16))
    for plane in picture.planes[1:]:
        _fill(plane, np.full((plane.height, plane.width), _NO_COLOUR, np.uint16))
    return picture


def levels(alpha: Alpha, most: int, kind: type[np.uint8] | type[np.uint16]) -> npt.NDArray[np.uint8 | np.uint16]:
    """Return opacities 0..1 as whole numbers from 0 to `most`."""
    numbers: npt.NDArray[np.uint8 | np.uint16] = np.rint(alpha * np.float32(most)).astype(kind)
    return numbers


def _fill(plane: av.video.plane.VideoPlane, values: npt.NDArray[np.uint8 | np.uint16]) -> None:
    rows = np.frombuffer(plane, values.dtype).reshape(plane.height, -1)
    rows[:, : plane.width] = values
