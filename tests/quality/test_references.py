"""The bundled model finds an object that it remembers from elsewhere, wherever that was in the picture."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest

import sam2long
from sam2long.model import SAM2
from sam2long.synthetic.photo_clip import VIDEO, read_masks

START, FRAMES = 6, 2
FLOOR = 0.5
"""IoU of every frame; the least measured is 0.68."""


@pytest.fixture(scope="module")
def nano() -> SAM2:
    return sam2long.load_model("nano", device="cpu")


@pytest.fixture(scope="module")
def clip() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    with sam2long.open_video(VIDEO) as source:
        images = np.stack([frame.image for frame in islice(source.frames(), START + FRAMES)])
    return images, read_masks()[: START + FRAMES]


@pytest.mark.parametrize(("down", "right"), [(0, 128), (0, -128), (-86, 0)])
def test_found_wherever_it_was(
    nano: SAM2, clip: tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]], down: int, right: int
) -> None:
    """The picture is moved by a third, so that its memory in its own place sees next to nothing (IoU 0.25 at most)."""
    images, truth = clip
    picture, mask = (np.roll(each[0], (down, right), (0, 1)) for each in (images, truth))
    session = sam2long.Session(nano, images[START:])
    session.add_reference(1, sam2long.Reference.from_image(nano, picture, mask))
    for result, true in zip(session.propagate(), truth[START:], strict=True):
        iou = (result.masks[1] & true).sum() / (result.masks[1] | true).sum()
        assert iou > FLOOR, f"frame {result.frame}: IoU {iou:.2f}, object score {result.object_scores[1]:.1f}"
