"""Pseudo-videos: the ids lie where the objects show, the first frame is as promised, and the seed decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.data.clips import ClipDataset
from training.data.cutouts import Actor, Bend, Pose, smooth_walk, squeezing
from training.data.photos import PhotoLibrary
from training.data.pseudo import LARGEST_SHARE, SMALLEST_SHARE, pseudo_clip, under_camera
from training.stages import Staging
from training.team import Team

from .tiny import STAGE

SIZE = 64


@pytest.fixture(scope="module")
def library(photos: Path) -> PhotoLibrary:
    return PhotoLibrary(photos)


@pytest.fixture(scope="module")
def clips(library: PhotoLibrary) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    return [pseudo_clip(library, rng, 6, SIZE, Staging()) for _ in range(40)]


def test_the_first_frame_shows_objects_that_are_worth_it(clips: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for images, ids in clips:
        assert images.shape == (6, SIZE, SIZE, 3) and images.dtype == np.uint8
        assert ids.shape == (6, SIZE, SIZE) and ids.dtype == np.uint8
        numbers, areas = np.unique(ids[0][ids[0] > 0], return_counts=True)
        assert len(numbers)
        assert (areas >= SMALLEST_SHARE * SIZE**2).all() and (areas <= LARGEST_SHARE * SIZE**2).all()
        assert set(np.unique(ids)) <= {0, *numbers.tolist()}


def test_objects_move_vanish_and_come_back(clips: list[tuple[np.ndarray, np.ndarray]]) -> None:
    moved = gone = back = 0
    for _, ids in clips:
        for number in np.unique(ids[0][ids[0] > 0]):
            shown = (ids == number).any((1, 2))
            moved += bool((ids[-1] == number).sum() and not np.array_equal(ids[0] == number, ids[-1] == number))
            gone += not shown.all()
            back += bool((np.diff(shown.astype(int)) > 0).any())
    assert moved > 30 and gone > 5 and back > 2


def test_ids_lie_on_what_is_painted(library: PhotoLibrary) -> None:
    """A red cut-out before blue: red shows where its id is, and nowhere else."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        picture = np.zeros((30, 20, 4), np.uint8)
        picture[:] = (250, 0, 0, 255)
        actor = Actor.draw(rng, picture, 4, SIZE, 0.2)
        for frame in range(4):
            image, ids = np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((SIZE, SIZE), np.uint8)
            actor.paint(frame, image, ids, 5, squeeze=16 / 9)
            brightest = min(250 * float(actor.gain[frame, 0]), 255)
            assert (image[..., 0][ids == 5] > 0.45 * brightest).all()
            assert (image[..., 0][ids == 0] < 0.55 * brightest).all()


def test_a_photo_and_its_mask_move_together(library: PhotoLibrary) -> None:
    rng = np.random.default_rng(0)
    photo = library.draw_photo(rng)
    while len(np.unique(photo.ids)) != 3:
        photo = library.draw_photo(rng)
    scenery = under_camera(rng, photo.image, photo.ids, 5, SIZE, 0.3, 4 / 3)
    for image, ids in zip(scenery.images, scenery.ids, strict=True):
        red = (image[..., 0] > 150) & (image[..., 1] < 100)
        assert (red ^ (ids == 1)).sum() <= 0.15 * max((ids == 1).sum(), 40)


def test_a_wide_picture_is_squeezed_to_a_square() -> None:
    rng = np.random.default_rng(0)
    pose = Pose.draw(rng, 1, 100, 1.0, 0.0)
    pose.turn[:] = 0
    corners = pose.matrix(0, 16, 16, 16 / 9) @ np.array([[0, 16], [0, 16], [1, 1]])
    width, height = corners[:, 1] - corners[:, 0]
    assert height / width == pytest.approx(16 / 9)
    assert np.linalg.det(squeezing(16 / 9)) == pytest.approx(1)


def test_bends_and_walks_begin_where_the_photo_is() -> None:
    rng = np.random.default_rng(0)
    assert not smooth_walk(rng, 5, 1.0, 2)[0].any()
    picture = np.random.default_rng(1).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    bend = Bend(rng, 5, 0.05)
    assert np.array_equal(bend.apply(picture, 0), picture)
    assert not np.array_equal(bend.apply(picture, 4), picture)


def test_the_seed_decides_and_members_of_a_team_share_a_batch(photos: Path) -> None:
    alone = [ClipDataset(STAGE, photos, 0, Team())[number].images for number in (4, 4, 5)]
    assert (alone[0] == alone[1]).all() and (alone[0] != alone[2]).any()
    parts = [ClipDataset(STAGE, photos, 0, Team(rank, 2))[4].images for rank in range(2)]
    assert (np.concatenate(parts) == alone[0].numpy()).all()
