"""The clip that most tests of tracking follow objects in."""

import numpy as np
import pytest

from tests.tracking.blob import FRAMES, HEIGHT, WIDTH


@pytest.fixture(scope="session")
def clip():
    """A blob that wanders over noise: uint8 [frames, height, width, 3]."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 120, (FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for t in range(FRAMES):
        frames[t][(x - 20 - 4 * t) ** 2 + (y - 30) ** 2 < 150] = (220, 90, 40)
    frames.flags.writeable = False
    return frames


@pytest.fixture
def encoded(small_model, monkeypatch):
    """Sizes of the batches of images that the network has encoded."""
    sizes = []
    encode = type(small_model).encode_image
    monkeypatch.setattr(
        type(small_model), "encode_image", lambda self, images: (sizes.append(len(images)), encode(self, images))[1]
    )
    return sizes
