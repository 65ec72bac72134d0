"""Clips made on the spot, whose pictures tell their own numbers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

HEIGHT, WIDTH = 48, 64
BITS, BLOCK = 8, 6  # pixels a block is wide


def picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.uint8]:
    """The number's bits as bright and dark blocks, and a corner that tells which way is up."""
    image = np.full((height, width, 3), 40 + number, np.uint8)
    image[: height // 4, : width // 4] = (250, 30, 30)
    for bit in range(BITS):
        image[height // 3 : -height // 3, bit * BLOCK : (bit + 1) * BLOCK] = 220 if number >> bit & 1 else 20
    return image


def number_of(image: npt.NDArray[np.uint8]) -> int:
    """The number that `picture` wrote."""
    row = image[image.shape[0] // 2, BLOCK // 2 :: BLOCK, 1]
    return sum(1 << bit for bit in range(BITS) if row[bit] > 120)


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    def make(
        name: str = "clip.mp4",
        codec: str = "libx264",
        count: int = 60,
        *,
        milliseconds: list[int] | None = None,
        pix_fmt: str = "yuv420p",
        size: tuple[int, int] = (HEIGHT, WIDTH),
        **options: str,
    ) -> Path:
        path = tmp_path / name
        flags = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
        with av.open(str(path), "w", options=flags) as container:
            stream = container.add_stream(codec, rate=25, options={k.replace("_", "-"): v for k, v in options.items()})
            stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
            if milliseconds is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
                if milliseconds is not None:
                    frame.pts, frame.time_base = milliseconds[number], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
