"""Photos with masks: reading, cutting out, taking what touches for one, and folders that hold something else."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2long.errors import VideoError
from training.data.photos import Photo, PhotoLibrary, cut_out, merge_objects

from .conftest import COLOURS


def test_photos_and_masks_belong_together(photos: Path) -> None:
    library, rng = PhotoLibrary(photos), np.random.default_rng(0)
    for _ in range(10):
        photo = library.draw_photo(rng)
        assert photo.image.shape == (120, 160, 3)
        if set(np.unique(photo.ids)) == {0, 1, 2}:
            for number, colour in COLOURS.items():
                assert np.abs(photo.image[photo.ids == number].mean(0) - colour).max() < 20


def test_small_sources_come_up_more_often_than_their_share(photos: Path) -> None:
    library, rng = PhotoLibrary(photos), np.random.default_rng(0)
    drawn = [library.masks[int(np.searchsorted(library._cumulative, rng.random()))].parent.name for _ in range(2000)]
    small = 2**0.5 / (2**0.5 + 4**0.5)
    assert abs(drawn.count("two") / 2000 - small) < 0.04


def test_a_cutout_is_its_object_and_nothing_else() -> None:
    image = np.full((40, 50, 3), 100, np.uint8)
    ids = np.zeros((40, 50), np.uint8)
    ids[10:30, 5:35] = 7
    ids[20:30, 20:35] = 3
    image[ids == 7] = (200, 0, 0)
    cutout = cut_out(Photo(image, ids), 7)
    assert cutout.shape == (20, 30, 4)
    inside = cutout[..., 3] == 255
    assert (cutout[inside][:, 0] == 200).all()
    assert not cutout[12:, 17:, 3].any()


def test_touching_objects_may_be_taken_for_one() -> None:
    touching, apart = np.zeros((2, 60, 60), np.uint8)
    touching[10:30, 10:30], touching[30:50, 10:30] = 1, 2
    apart[5:15, 5:15], apart[40:55, 40:55] = 1, 2
    rng = np.random.default_rng(0)
    merged = [len(np.unique(merge_objects(touching, rng))) - 1 for _ in range(200)]
    assert 70 < merged.count(1) < 150
    assert all(np.array_equal(merge_objects(apart, rng), apart) for _ in range(50))


@pytest.mark.parametrize("missing", ["photos", "backgrounds"])
def test_a_folder_without_either_is_one_line(photos: Path, tmp_path: Path, missing: str) -> None:
    shutil.copytree(photos, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / missing)
    with pytest.raises(VideoError, match=missing):
        PhotoLibrary(tmp_path / "data")


@pytest.mark.parametrize("damage", ["no photo", "other size", "colours"])
def test_a_mask_that_does_not_fit_is_named(photos: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(photos / "photos" / "two", tmp_path / "photos" / "two")
    shutil.copytree(photos / "backgrounds", tmp_path / "backgrounds")
    for mask in (tmp_path / "photos").rglob("*.png"):
        if damage == "no photo":
            mask.with_suffix(".jpg").unlink()
        else:
            shape = (120, 160, 3) if damage == "colours" else (60, 80)
            cv2.imwrite(str(mask), np.ones(shape, np.uint8))
    with pytest.raises(VideoError, match="two"):
        PhotoLibrary(tmp_path).draw_photo(np.random.default_rng(0))
