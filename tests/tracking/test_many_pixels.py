"""Many objects on large frames: masks are packed at once and unpacked one by one; nothing else differs."""

from __future__ import annotations

import numpy as np
import pytest

from sam2long import Session
from sam2long.results.writers import open_writers
from sam2long.tracking import state
from sam2long.tracking.frame import outcome
from sam2long.video import open_video
from tests.tracking.blob import same_results, start


@pytest.fixture(scope="module")
def short_clip(clip):
    return clip[:8]


@pytest.mark.parametrize("kept", [False, True])
def test_results_are_the_same(small_model, short_clip, monkeypatch, kept):
    def session() -> Session:
        if kept:
            return start(small_model, short_clip)
        return start(small_model, iter(short_clip), keep_results=False, max_delay=2)

    expected = list(session().propagate())
    monkeypatch.setattr(state, "MOST_DENSE", 0)
    packed = session()
    results = list(packed.propagate())
    same_results(results, expected)
    if kept:
        same_results(list(packed.propagate()), expected)
        for result, dense in zip(results, expected, strict=True):
            np.testing.assert_array_equal(result.to_numpy().masks, dense.to_numpy().masks)
            assert result.to_coco() == dense.to_coco()


def test_no_result_holds_its_masks(small_model, short_clip, monkeypatch):
    monkeypatch.setattr(state, "MOST_DENSE", 0)
    result = next(iter(start(small_model, short_clip).propagate()))
    first, again = result.masks[1], result.masks[1]
    assert first is not again
    np.testing.assert_array_equal(first, again)
    assert list(result.masks) == [1, 2] and 3 not in result.masks and result.masks.get(3) is None


def test_logits_come_along(small_model, short_clip, monkeypatch):
    expected = list(start(small_model, short_clip, keep_logits=True).propagate())
    monkeypatch.setattr(state, "MOST_DENSE", 0)
    for result, dense in zip(start(small_model, short_clip, keep_logits=True).propagate(), expected, strict=True):
        for object_id, logits in dense.logits.items():
            np.testing.assert_array_equal(result.logits[object_id].cpu(), logits.cpu())


def test_outcomes_are_packed_a_few_at_a_time(small_model, short_clip, monkeypatch):
    expected = list(start(small_model, short_clip).propagate())
    monkeypatch.setattr(state, "MOST_DENSE", 0)
    monkeypatch.setattr(outcome, "MOST_DENSE", 1)
    same_results(list(start(small_model, short_clip).propagate()), expected)


def test_files_are_the_same(small_model, short_clip, monkeypatch, tmp_path):
    def write(name: str) -> dict[str, bytes]:
        source = open_video(short_clip)
        formats = ["png", "png-per-object", "coco", "overlay", "npz", "trace"]
        with open_writers(tmp_path / name, formats, source, object_ids=[1, 2], settings={}) as writers:
            for result in start(small_model, source).propagate():
                writers.write(result)
            writers.finish()
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file() and path.suffix != ".npz"]
        with np.load(tmp_path / name / "masks.npz") as arrays:
            contents = {key: arrays[key].tobytes() for key in arrays}
        return contents | {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}

    expected = write("dense")
    monkeypatch.setattr(state, "MOST_DENSE", 0)
    assert write("packed") == expected
