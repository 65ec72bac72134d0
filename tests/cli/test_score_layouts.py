"""`sam2long score` of one video: folders of objects, other values, other names; 100 or one line that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.results.palette import davis_palette
from tests.evaluation.folders import empty, ids, save

from .conftest import Command, Ended

FRAMES = 6
MOVING = {1: [ids((1, 10, t, 20, 10 + t)) > 0 for t in range(FRAMES)], 2: [ids((1, 25, 3, 35, 9)) > 0] * FRAMES}

Draw = Callable[[np.ndarray], Image.Image]


def grey(value: int) -> Draw:
    return lambda mask: Image.fromarray((mask * value).astype(np.uint8))


def palette(mask: np.ndarray) -> Image.Image:
    image = grey(1)(mask)
    image.putpalette(davis_palette().tobytes())
    return image


def one_bit(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(mask)


def white(mask: np.ndarray) -> Image.Image:
    return grey(255)(mask).convert("RGB")


def red(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(mask[..., None] * np.array([255, 0, 0], np.uint8))


def write_objects(root: Path, draw: Draw, folder: str = "{:03d}", name: str = "{:05d}", first: int = 0) -> Path:
    for object_id, masks in MOVING.items():
        place = root / folder.format(object_id)
        place.mkdir(parents=True)
        for number, mask in enumerate(masks, first):
            draw(mask).save(place / f"{name.format(number)}.png")
    return root


def write_joined(root: Path, values: dict[int, int], name: str = "{:05d}", first: int = 0) -> Path:
    for number in range(FRAMES):
        image = empty()
        for object_id, value in values.items():
            image[MOVING[object_id][number]] = value
        save(image, root / f"{name.format(number + first)}.png")
    return root


def perfect(ended: Ended, objects: int) -> bool:
    return ended.status == 0 and f"{objects} object" in ended.out and ended.out.split()[-3:] == ["100.0"] * 3


def refused(ended: Ended, *words: str) -> bool:
    return ended.status == 2 and ended.err.count("\n") == 1 and all(word in ended.err for word in words)


@pytest.mark.parametrize(
    ("pred", "truth"),
    [
        (one_bit, grey(255)),
        (one_bit, grey(1)),
        (grey(1), grey(255)),
        (grey(255), grey(1)),
        (palette, grey(255)),
        (one_bit, white),
        (one_bit, red),
        (red, red),
        (grey(255), grey(128)),
    ],
)
def test_object_folders_of_one_video_score_whatever_marks_the_object(
    sam2long: Command, tmp_path: Path, pred: Draw, truth: Draw
) -> None:
    folders = write_objects(tmp_path / "pred" / "objects", pred), write_objects(tmp_path / "gt", truth)
    assert perfect(sam2long("score", *folders), 2)
    assert refused(sam2long("score", *folders, "--rule", "davis"), "one folder per object")


def test_object_folders_may_be_padded_differently(sam2long: Command, tmp_path: Path) -> None:
    folders = write_objects(tmp_path / "pred", one_bit), write_objects(tmp_path / "gt", one_bit, folder="{}")
    assert perfect(sam2long("score", *folders), 2)
    assert perfect(sam2long("score", *reversed(folders)), 2)


def test_videos_named_by_numbers_stay_videos(sam2long: Command, tmp_path: Path) -> None:
    for root in ("pred", "gt"):
        for video in ("001", "002"):
            write_joined(tmp_path / root / video, {1: 1, 2: 2})
    assert perfect(sam2long("score", tmp_path / "pred", tmp_path / "gt"), 4)
    assert perfect(sam2long("score", tmp_path / "pred", tmp_path / "gt", "--rule", "davis"), 4) is False
    assert "4 objects" in sam2long("score", tmp_path / "pred", tmp_path / "gt", "--rule", "davis").out


def test_object_folders_meet_palette_masks_with_their_ids(sam2long: Command, tmp_path: Path) -> None:
    apart, joined = write_objects(tmp_path / "a", one_bit), write_joined(tmp_path / "j", {1: 1, 2: 2})
    assert perfect(sam2long("score", apart, joined), 2)
    assert perfect(sam2long("score", joined, apart), 2)
    videos = tmp_path / "va", tmp_path / "vj"
    for folder, video in zip((apart, joined), videos, strict=True):
        video.mkdir()
        folder.rename(video / "clip")
    assert perfect(sam2long("score", *videos), 2)
    assert perfect(sam2long("score", *reversed(videos)), 2)


def test_a_frame_missing_in_one_object_folder_is_missed(sam2long: Command, tmp_path: Path) -> None:
    apart, joined = write_objects(tmp_path / "a", one_bit), write_joined(tmp_path / "j", {1: 1, 2: 2})
    (apart / "002" / "00003.png").unlink()
    assert refused(sam2long("score", apart, joined), "1 predictions are missing", "002/00003.png")
    ended = sam2long("score", apart, joined, "--allow-missing")
    assert ended.status == 0 and "100.0" not in ended.out


def test_other_ids_are_refused_with_what_was_seen(sam2long: Command, tmp_path: Path) -> None:
    ones = write_joined(tmp_path / "ones", {1: 1})
    high = write_joined(tmp_path / "high", {1: 255})
    assert refused(sam2long("score", high, ones), "1 in the truth", "255 in the prediction", "--binary")
    assert refused(sam2long("score", ones, high), "255 in the truth", "1 in the prediction")
    assert perfect(sam2long("score", high, ones, "--binary"), 1)
    greys = write_joined(tmp_path / "greys", {1: 38, 2: 75})  # a palette image turned to grey
    both = write_joined(tmp_path / "both", {1: 1, 2: 2})
    assert refused(sam2long("score", greys, both), "1, 2 in the truth", "38, 75")
    apart = write_objects(tmp_path / "apart", one_bit)
    assert refused(sam2long("score", apart, greys), "38, 75 in the truth", "1, 2 in the prediction")


def test_colours_for_ids_are_refused(sam2long: Command, tmp_path: Path) -> None:
    joined, truth = write_joined(tmp_path / "j", {1: 1, 2: 2}), write_joined(tmp_path / "t", {1: 1, 2: 2})
    for path in joined.iterdir():
        Image.open(path).convert("RGB").save(path)
    assert refused(sam2long("score", joined, truth), "colour image")


def test_255_beside_ids_of_the_truth_is_ignored_and_said(sam2long: Command, tmp_path: Path) -> None:
    truth = write_joined(tmp_path / "t", {1: 1, 2: 255})
    pred = write_joined(tmp_path / "p", {1: 1})
    ended = sam2long("score", pred, truth)
    assert perfect(ended, 1) and "255" in ended.err and "ignore" in ended.err and ended.err.count("\n") == 1
    assert "2 objects" in sam2long("score", pred, truth, "--ignore-id", 0).out


def test_a_soft_mask_of_an_object_is_refused(sam2long: Command, tmp_path: Path) -> None:
    pred, truth = write_objects(tmp_path / "p", grey(255)), write_objects(tmp_path / "t", one_bit)
    for path in pred.glob("*/*.png"):
        Image.open(path).resize((120, 80), Image.Resampling.BILINEAR).resize((60, 40)).save(path)
    assert refused(sam2long("score", pred, truth))


@pytest.mark.parametrize("write", [write_objects, write_joined])
def test_frames_match_by_number_if_all_numbers_are_there(
    sam2long: Command, tmp_path: Path, write: Callable[..., Path]
) -> None:
    kind = one_bit if write is write_objects else {1: 1, 2: 2}
    truth = write(tmp_path / "t", kind)
    assert perfect(sam2long("score", write(tmp_path / "long", kind, name="frame_{:06d}"), truth), 2)
    assert perfect(sam2long("score", write(tmp_path / "short", kind, name="{}"), truth), 2)
    shifted = write(tmp_path / "shifted", kind, name="frame_{:06d}", first=1)
    ended = sam2long("score", shifted, truth, "--allow-missing")
    assert refused(ended, "00000.png to 00005.png", "frame_000001.png to frame_000006.png", "name")


def test_frame_10_comes_after_frame_9(sam2long: Command, tmp_path: Path) -> None:
    for number in range(12):
        for root in ("p", "t"):
            save(ids((1, 10, 10, 20, 20)) if number < 11 or root == "t" else empty(), tmp_path / root / f"{number}.png")
    assert perfect(sam2long("score", tmp_path / "p", tmp_path / "t"), 1)


def test_folders_that_are_no_objects_are_refused(sam2long: Command, tmp_path: Path) -> None:
    truth = write_joined(tmp_path / "t", {1: 1})
    pred = write_objects(tmp_path / "p", one_bit, folder="object{}")
    assert refused(sam2long("score", pred, truth), "object1", "in one PNG")
