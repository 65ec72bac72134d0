"""What every test of training shares."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from training import precision

COLOURS = {1: (220, 30, 30), 2: (30, 200, 40)}
"""RGB of the objects of the photos in `photos`; everything else is blue."""


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training chooses bfloat16 by the machine; the comparisons here are exact, on every machine."""
    monkeypatch.setattr(precision, "choose_precision", lambda _name, _device: torch.float32)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six photos with two objects each, of flat colours, and two backgrounds."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for number in range(6):
        ids = np.zeros((120, 160), np.uint8)
        y, x = rng.integers(5, 40, 2)
        ids[y : y + 50, x : x + 40] = 1
        cv2.circle(ids, (120, int(rng.integers(40, 80))), 25, 2, -1)
        image = np.zeros((120, 160, 3), np.uint8)
        image[:] = (20, 40, 210)
        for object_id, colour in COLOURS.items():
            image[ids == object_id] = colour
        write(folder / "photos" / ("one" if number < 4 else "two") / f"{number}", image, ids)
    for number in range(2):
        write(folder / "backgrounds" / "flat" / f"{number}", np.full((100, 150, 3), (20, 40, 210), np.uint8))
    return folder


def write(stem: Path, image: np.ndarray, ids: np.ndarray | None = None) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(f"{stem}.jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    if ids is not None:
        cv2.imwrite(f"{stem}.png", ids)
