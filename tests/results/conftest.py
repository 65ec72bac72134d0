"""The video that the squares lie on."""

import numpy as np
import pytest

from sam2long.video import open_video
from tests.results.squares import COUNT, HEIGHT, WIDTH


@pytest.fixture
def source():
    return open_video(np.random.default_rng(0).integers(0, 255, (COUNT, HEIGHT, WIDTH, 3), dtype=np.uint8), fps=10)
