"""Frames encoded in encoded are those encoded one by one, and nothing is read that is not needed."""

import threading

import numpy as np
import pytest
import torch

from sam2long.tracking.frame.encode_ahead import _DECODE_AHEAD, batch_size, encode_ahead
from sam2long.tracking.storage.feature_cache import FeatureCache
from sam2long.video import open_video

COUNT = 7


@pytest.fixture
def source():
    return open_video(np.random.default_rng(0).integers(0, 256, (COUNT, 60, 100, 3), dtype=np.uint8))


@pytest.fixture
def cache(small_model, source):
    return FeatureCache(small_model, source)


@pytest.mark.parametrize(("batch", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (4, [4, 1, 1, 1]), (16, [1] * 7)])
def test_features_are_those_of_each_frame_alone(small_model, source, cache, encoded, batch, sizes):
    got = list(encode_ahead(source.frames(), cache, batch))
    assert encoded == sizes
    assert [frame.index for frame, _ in got] == list(range(COUNT))
    alone = FeatureCache(small_model, source)
    for frame, features in got:
        expected = alone.encode(frame)
        for name in ("fine", "middle", "coarse"):
            torch.testing.assert_close(getattr(features, name), getattr(expected, name), atol=1e-5, rtol=1e-5)


def test_the_latest_frames_are_not_encoded_again(source, cache, encoded):
    first = cache.features(0)
    second = cache.features(1)
    got = [features for _, features in encode_ahead(source.frames(stop=2), cache, 2)]
    assert (got[0] is first, got[1] is second, encoded) == (True, True, [1, 1])


def test_a_frame_in_hand_is_among_the_latest(source, cache):
    for frame, features in encode_ahead(source.frames(), cache, 7):
        assert cache.known(frame.index) is features


def counted(source, read):
    for frame in source.frames():
        read.append(frame.index)
        yield frame


def test_it_reads_a_few_frames_ahead_and_stops_when_closed(source, cache):
    read = []
    pairs = encode_ahead(counted(source, read), cache, 1)
    next(pairs)
    pairs.close()
    assert len(read) <= _DECODE_AHEAD + 1
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


@pytest.mark.parametrize("batch", [1, 4])
def test_an_error_comes_after_the_frames_before_it(source, cache, batch):
    def broken():
        yield from source.frames(stop=2)
        raise OSError("torn")

    pairs = encode_ahead(broken(), cache, batch)
    assert [next(pairs)[0].index, next(pairs)[0].index] == [0, 1]
    with pytest.raises(OSError, match="torn"):
        next(pairs)


def test_a_cpu_and_a_live_source_take_one_frame_at_a_time(small_model, source):
    live = open_video(iter(np.zeros((2, 60, 100, 3), np.uint8)))
    assert [batch_size(small_model, source), batch_size(small_model, live)] == [1, 1]
