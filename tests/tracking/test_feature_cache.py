"""The feature cache on disk: what could not be written is not counted, what is gone is encoded again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sam2long.errors import OutputError
from sam2long.model import SAM2
from sam2long.model.image_encoder import ImageFeatures
from sam2long.tracking.storage.feature_cache import FeatureCache
from sam2long.video import open_video

SIZE = 3 * 4 * 100
"""Bytes of the features of one frame."""


def features(number: int) -> ImageFeatures:
    return ImageFeatures(*(torch.full((100,), float(number)) for _ in range(3)))


@pytest.fixture
def cache(small_model: SAM2, tmp_path: Path) -> FeatureCache:
    source = open_video(np.zeros((2, 8, 8, 3), np.uint8))
    return FeatureCache(small_model, source, budget=2 * SIZE, folder=tmp_path)


def push(cache: FeatureCache, *frames: int) -> None:
    """Keep frames, and forget that they are the latest ones."""
    for frame in frames:
        cache.keep(frame, features(frame))
    cache._latest.clear()


def kept(cache: FeatureCache, count: int = 9) -> list[int]:
    known = {frame: cache.known(frame) for frame in range(count)}
    for frame, found in known.items():
        assert found is None or (found.stride8 == frame).all()
    return [frame for frame, found in known.items() if found is not None]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.safetensors"))


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_could_not_be_written_is_not_counted(
    cache: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    push(cache, 0)
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", half)
        for _ in range(5):
            with pytest.raises((OutputError, KeyboardInterrupt)) as error:
                push(cache, 1)
    assert "No space left" in str(error.value) or isinstance(failure, KeyboardInterrupt)
    assert kept(cache) == [0] and files(tmp_path) == ["0.safetensors"]
    push(cache, 1)
    assert kept(cache) == [0, 1]
    push(cache, 2)
    assert kept(cache) == [1, 2] and files(tmp_path) == ["1.safetensors", "2.safetensors"]


def test_a_file_that_somebody_deleted_or_damaged_is_not_counted_any_longer(cache: FeatureCache, tmp_path: Path) -> None:
    push(cache, 0, 1)
    paths = sorted(tmp_path.rglob("*.safetensors"))
    paths[0].unlink()
    paths[1].write_bytes(b"no features")
    assert kept(cache) == []
    push(cache, 0, 1)
    assert kept(cache) == [0, 1]


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


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux tells which files are open")
def test_no_file_is_open_when_it_is_deleted(cache: FeatureCache, tmp_path: Path) -> None:
    push(cache, 0, 1)
    found = cache.known(0), cache.known(1)
    assert all(found)
    mapped = Path("/proc/self/maps").read_text(encoding="utf-8")
    opened = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()]
    assert str(tmp_path) not in mapped and not any(str(tmp_path) in path for path in opened)
    cache.close()
    assert list(tmp_path.iterdir()) == []
