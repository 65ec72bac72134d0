"""The feature cache: what fits into its budget is kept, the least recently used goes first."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sam2long.model import SAM2
from sam2long.model.image_encoder import ImageFeatures
from sam2long.tracking.storage.feature_cache import FeatureCache
from sam2long.video import open_video

SIZE = 3 * 4 * 100
"""Bytes of the features of one frame."""


def features(number: int, length: int = 100) -> ImageFeatures:
    return ImageFeatures(*(torch.full((length,), float(number)) for _ in range(3)))


@pytest.fixture
def cache(small_model: SAM2) -> FeatureCache:
    return FeatureCache(small_model, open_video(np.zeros((2, 8, 8, 3), np.uint8)), budget=2 * SIZE)


def push(cache: FeatureCache, *frames: int) -> None:
    """Keep frames, and forget that they are the latest ones."""
    for frame in frames:
        cache.keep(frame, features(frame))
    cache._latest.clear()


def kept(cache: FeatureCache, *frames: int) -> list[int]:
    known = {frame: cache.known(frame) for frame in frames}
    for frame, found in known.items():
        assert found is None or (found.middle == frame).all()
    return [frame for frame, found in known.items() if found is not None]


def test_the_least_recently_used_goes_first(cache: FeatureCache) -> None:
    push(cache, 0, 1)
    assert kept(cache, 1, 0) == [1, 0]
    push(cache, 2)
    assert kept(cache, 0, 1, 2) == [0, 2]


def test_what_is_larger_than_the_budget_drops_nothing(cache: FeatureCache) -> None:
    push(cache, 0, 1)
    cache.keep(2, features(2, length=201))
    cache._latest.clear()
    assert kept(cache, 0, 1, 2) == [0, 1]


def test_a_closed_cache_is_empty_and_can_be_filled_again(cache: FeatureCache) -> None:
    push(cache, 0, 1)
    cache.close()
    assert kept(cache, 0, 1) == []
    push(cache, 0, 1)
    assert kept(cache, 0, 1) == [0, 1]


def test_features_come_back_as_they_lay_in_memory(cache: FeatureCache) -> None:
    given = ImageFeatures(
        torch.rand(1, 4, 3, 5).contiguous(memory_format=torch.channels_last), torch.rand(1, 4, 3, 5), torch.rand(1, 4)
    )
    cache.keep(0, given)
    cache._latest.clear()
    found = cache.known(0)
    assert found is not None
    for one, other in zip(vars(found).values(), vars(given).values(), strict=True):
        assert torch.equal(one, other) and one.stride() == other.stride()
