"""YOLO text, LabelMe JSON, MOT text and folders as in DAVIS."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam2long.errors import PromptError

from .conftest import (
    FRAMES,
    HEIGHT,
    LATE,
    WIDTH,
    Read,
    Truth,
    named,
    only_boxes,
    only_masks,
    only_points,
    places,
    same_masks,
)
from .label_files import label_folder, labelme, masked, mot, shape


@pytest.mark.parametrize("ids", [False, True])
def test_yolo_boxes(truth: Truth, read: Read, tmp_path: Path, ids: bool) -> None:
    folder = label_folder(truth, tmp_path / "labels", polygons=False, ids=ids)
    (tmp_path / "classes.txt").write_text("cat\ndog\n", encoding="utf-8")
    if not ids:
        with pytest.warns(
            UserWarning, match="only the first frame is taken"
        ):  # of the dogs: there are two from LATE on
            prompts = read(folder, "all")
        assert places(prompts) == sorted([(frame, 1) for frame in range(FRAMES)] + [(0, 2)])
        assert named(prompts) == {1: "cat", 2: "dog"}
        return
    prompts = read(folder)
    assert places(prompts) == [(0, 1), (0, 2), (LATE, 3)]
    assert named(prompts) == {1: "cat", 2: "dog", 3: "dog"}
    for (frame, number), box in zip(places(prompts), only_boxes(prompts)):
        x, y, width, height = truth.box(frame, number)
        assert box == pytest.approx((x, y, x + width, y + height), abs=1e-3)


def test_yolo_polygons_are_exact(truth: Truth, read: Read, tmp_path: Path) -> None:
    label_folder(truth, tmp_path / "set" / "labels", polygons=True, ids=True)
    (tmp_path / "set" / "data.yaml").write_text("nc: 2\nnames:\n  0: cat\n  1: 'dog'\n", encoding="utf-8")
    prompts = read(tmp_path / "set", "all")
    assert len(prompts) == 3 * FRAMES - LATE
    assert same_masks(prompts, truth)
    assert named(prompts) == {1: "cat", 2: "dog", 3: "dog"}


def test_yolo_as_cvat_exports_it(truth: Truth, read: Read, tmp_path: Path) -> None:
    label_folder(truth, tmp_path / "obj_train_data", polygons=True, ids=True)
    (tmp_path / "obj.names").write_text("cat\ndog\n", encoding="utf-8")
    (tmp_path / "train.txt").write_text("data/obj_train_data/img_0001.jpg\n", encoding="utf-8")
    prompts = read(tmp_path)
    assert same_masks(prompts, truth)
    assert named(prompts) == {1: "cat", 2: "dog", 3: "dog"}


def test_yolo_of_supervision(truth: Truth, read: Read, tmp_path: Path) -> None:
    sv = pytest.importorskip("supervision")
    images = sorted(str(path) for path in truth.images.iterdir())
    x, y, width, height = truth.box(0, 1)
    found = sv.Detections(xyxy=np.array([[x, y, x + width, y + height]], float), class_id=np.array([1]))
    data = sv.DetectionDataset(["cat", "dog"], images, dict.fromkeys(images, found))
    data.as_yolo(annotations_directory_path=str(tmp_path / "labels"), data_yaml_path=str(tmp_path / "data.yaml"))
    prompts = read(tmp_path / "labels")
    assert (places(prompts), named(prompts)) == ([(0, 1)], {1: "dog"})
    assert only_boxes(prompts)[0] == pytest.approx((x, y, x + width, y + height), abs=1e-3)


def test_one_yolo_file_is_for_the_frame_of_its_name(truth: Truth, read: Read, tmp_path: Path) -> None:
    path = label_folder(truth, tmp_path / "labels", polygons=False) / "img_0003.txt"
    assert places(read(path)) == [(2, 1), (2, 2)]
    unnumbered = path.rename(tmp_path / "first.txt")
    assert places(read(unnumbered)) == [(0, 1), (0, 2)]


def test_ultralytics_counts_the_frames_of_a_video_from_1(truth: Truth, read: Read, tmp_path: Path) -> None:
    from sam2long.video import open_video

    folder = label_folder(truth, tmp_path / "labels", polygons=False, ids=True, name="match_{}")
    (folder / "match_8.txt").unlink()  # the last frame would tell
    with open_video(np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8)) as video:
        video.name = "match"
        assert places(read(folder, video=video)) == [(0, 1), (0, 2), (LATE, 3)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0 0.5 0.5 0.1", "MOT, or detections of supervision"),
        ("0 0.5 0.5 0.1 x", 'must be a finite number, not "x"'),
        ("a 0.5 0.5 0.1 0.1", 'line 1: class must be a finite number, not "a"'),
        ("0 30 20 10 10", "expected fractions of the frame, from 0 to 1"),
        ("0 0.5 0.5 0 0.1", "the box is empty"),
        ("0 0.5 0.5 0.1 0.1\n1 0.5 0.5", "line 2: expected a class and 4 numbers, or 6 and more, not 2"),
    ],
)
def test_bad_labels(read: Read, line: str, complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        read(line, name="img_0001.txt")
    assert complaint in str(caught.value)


def test_labelme_shapes(read: Read) -> None:
    prompts = read(
        labelme(
            shape("rectangle", (30, 20), (10, 5), label="box"),
            shape("point", (7, 8), label="click"),
            shape("polygon", (10, 10), (20, 10), (20, 20), (10, 20), label="square"),
            shape("circle", (40, 30), (40, 40), label="disc"),
        )
    )
    assert named(prompts) == {1: "box", 2: "click", 3: "square", 4: "disc"}
    assert only_boxes(prompts[:1]) == [(10, 5, 30, 20)]
    assert only_points(prompts[1:2]) == [(7, 8)]
    square, disc = only_masks(prompts[2:])
    assert square[10:21, 10:21].all() and square.sum() == 121  # LabelMe fills the pixels under the outline too
    assert abs(disc.sum() - np.pi * 10.5**2) < 12 and disc[30, 50] and not disc[30, 51]


def test_labelme_folder_with_groups(truth: Truth, read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    for frame in range(FRAMES):
        shapes = [
            masked(truth, frame, number, label="walker", group_id=number)
            for number in (1, 2, 3)
            if truth.mask(frame, number).any()
        ]
        content = labelme(*shapes, imagePath=f"..\\walk\\img_{frame + 1:04d}.jpg")
        (folder / f"img_{frame + 1:04d}.json").write_text(json.dumps(content), encoding="utf-8")
    assert places(read(folder)) == [(0, 1), (0, 2), (LATE, 3)]
    prompts = read(folder, "all")
    assert len(prompts) == 3 * FRAMES - LATE
    assert same_masks(prompts, truth)


def test_the_parts_of_a_group_are_joined(read: Read) -> None:
    prompts = read(
        labelme(
            shape("polygon", (10, 10), (20, 10), (20, 20), (10, 20), group_id=4),
            shape("polygon", (30, 10), (40, 10), (40, 20), (30, 20), group_id=4),
            shape("point", (15, 15), group_id=4),
            shape("rectangle", (1, 1), (5, 5), group_id=4, label="other"),
        )
    )
    assert places(prompts) == [(0, 1), (0, 2)]
    (mask,) = only_masks(prompts[:1])
    assert mask.sum() == 242


def test_lines_are_left_out_with_a_warning(read: Read) -> None:
    with pytest.warns(UserWarning, match="left out 1 line; lines cannot be prompts"):
        assert len(read(labelme(shape("line", (1, 1), (5, 5)), shape("point", (15, 15))))) == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (labelme(), "nothing is marked"),
        (labelme(shape("point", (1, 1)), imageWidth=90), "made for 90x64 pixels, but walk has 80x64"),
        (labelme(shape("point", (1, 1)), imagePath="img_0009.jpg"), "img_0009.jpg is no frame of walk"),
        (labelme(shape("star", (1, 1))), 'unknown shape_type "star"'),
        (labelme(shape("polygon", (1, 1), (2, 2))), "a polygon needs three points, not 2"),
        (labelme(shape("rectangle", (1, 1), (2, 2), (3, 3))), "a rectangle needs 2 points, not 3"),
        (labelme(shape("rectangle", (1, 1), (1, 2))), "the box 1,1,1,2 is empty"),
        (labelme(shape("circle", (1, 1), (1, 1))), "the circle is empty, or larger than the frame"),
        (labelme(shape("polygon")), "there are no points"),
        (labelme(shape("point", (1, 1), group_id="x")), 'group_id must be a finite number, not "x"'),
        (labelme(shape("point", (1, 1), label=None)), "label must be text, not null"),
        (labelme({"points": [[1, 2, 3]], "label": "a"}), "points[0] must be a list of 2 numbers"),
        (labelme(shape("mask", (1, 1), (2, 2), mask="????")), "the mask cannot be read as a PNG in base64"),
        (labelme(shape("mask", (1, 1), (2, 2))), "mask must be text, not null"),
    ],
)
def test_bad_labelme_files(read: Read, content: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        read(content)
    assert complaint in str(caught.value)


def test_mot_tracks(truth: Truth, read: Read, tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text(mot(truth), encoding="utf-8")
    prompts = read(tmp_path)
    assert places(prompts) == [(0, 1), (0, 2), (LATE, 3)]
    for (frame, number), box in zip(places(prompts), only_boxes(prompts)):
        x, y, width, height = truth.box(frame, number)
        assert box == (x, y, x + width, y + height)
    assert len(read(tmp_path / "gt" / "gt.txt", "all")) == 3 * FRAMES - LATE


def test_mot_detections_have_no_ids(truth: Truth, read: Read) -> None:
    with pytest.warns(UserWarning, match="does not say which marks belong to the same object"):
        assert places(read(mot(truth, ids=False), name="det.txt")) == [(0, 1), (0, 2)]


def test_mot_leaves_out_what_the_benchmark_ignores_and_what_is_not_in_view(read: Read) -> None:
    lines = "1,1,5,5,10,10,0,1,1\n1,2,-50,5,10,10,1,1,1\n2,2,-5,5,10,10,1,1,1\n3,2,5,5,10,10,1,1,1\n"
    assert places(read(lines, name="gt.txt")) == [(1, 2)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0,1,5,5,10,10", "frame must be a whole number from 1"),
        ("1,1,5,5,0,10", "the box is empty"),
        ("1,1,5,x,5,10", 'must be a finite number, not "x"'),
        ("1,1,5,5,5,10\n1,2", "line 2: expected frame,id,left,top,width,height,..., not 2 values"),
    ],
)
def test_bad_mot_lines(read: Read, line: str, complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        read(line, name="gt.txt")
    assert complaint in str(caught.value)


def test_davis_masks_are_exact(truth: Truth, read: Read) -> None:
    assert places(read(truth.masks)) == [(0, 1), (0, 2), (LATE, 3)]
    prompts = read(truth.masks, "all")
    assert len(prompts) == 3 * FRAMES - LATE
    assert same_masks(prompts, truth)


def test_davis_masks_of_some_frames_and_in_black_and_white(truth: Truth, read: Read, tmp_path: Path) -> None:
    for frame in (2, 5):
        Image.fromarray(truth.mask(frame, 2)).save(tmp_path / f"{frame + 1:05d}.png")
    prompts = read(tmp_path, "all")
    assert places(prompts) == [(2, 1), (5, 1)]
    assert np.array_equal(only_masks(prompts)[1], truth.mask(5, 2))


def test_one_folder_per_object(truth: Truth, read: Read, tmp_path: Path) -> None:
    """As in SA-V, which counts objects from 000, and as `--save png-per-object` writes them."""
    for number in (1, 2, 3):
        (tmp_path / f"{number - 1:03d}").mkdir()
        for frame in range(FRAMES):
            mask = Image.fromarray(truth.mask(frame, number))
            mask.save(tmp_path / f"{number - 1:03d}" / f"img_{frame + 1:04d}.png")
    prompts = read(tmp_path, "all")
    assert len(prompts) == 3 * FRAMES - LATE
    assert same_masks(prompts, truth)


def test_bad_davis_folders(truth: Truth, read: Read, tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"has none of: PNG masks \(DAVIS\)"):
        read(tmp_path)
    shutil.copy(truth.masks / "img_0001.png", tmp_path)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "img_0002.png")
    with pytest.raises(PromptError, match="a mask in colour"):
        read(tmp_path)
    Image.new("P", (WIDTH, 10)).save(tmp_path / "img_0002.png")
    with pytest.raises(PromptError, match=r"img_0002\.png: made for 80x10 pixels"):
        read(tmp_path)
    (tmp_path / "img_0002.png").write_bytes(b"no image")
    with pytest.raises(PromptError, match=r"img_0002\.png: cannot be read as an image"):
        read(tmp_path)
