"""A clip and the small network for the calls of SAM 2's predictor."""

from __future__ import annotations

import numpy as np
import pytest

from sam2long.compat import SAM2VideoPredictor

HEIGHT, WIDTH, FRAMES = 60, 100, 8


@pytest.fixture(scope="package")
def clip():
    """Noise, which is as good as anything to random weights: uint8 [frames, height, width, 3]."""
    return np.random.default_rng(1).integers(0, 256, (FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture(params=[1, 3], ids=["plain", "tree"])
def predictor(small_model, request):
    return SAM2VideoPredictor(small_model, pathways=request.param)


@pytest.fixture
def state(predictor, clip):
    return predictor.init_state(clip)
