"""CVAT's XML 1.1 for videos and for images, written after its documentation."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

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
from .cvat_files import META, images, shape, single, track, tracks, video


@pytest.mark.parametrize("kind", ["mask", "polygon"])
def test_masks_of_tracks_are_exact(truth: Truth, read: Read, kind: str) -> None:
    prompts = read(video(*tracks(truth, kind)))
    assert places(prompts) == [(0, 1), (0, 2), (LATE, 3)]  # CVAT counts tracks from 0
    assert named(prompts) == {1: "person", 2: "person", 3: "dog"}
    assert same_masks(prompts, truth)


def test_only_keyframes_become_prompts(truth: Truth, read: Read) -> None:
    prompts = read(video(*tracks(truth, "box")), "all")
    frames = {number: [frame for frame, other in places(prompts) if other == number] for number in (1, 2, 3)}
    assert frames == {1: [0, 2, 3, 4, 6], 2: [0, 2, 3, 4, 6], 3: [3, 4, 6]}
    every_second = read(video(*tracks(truth, "box")), "2")
    assert [frame for frame, number in places(every_second) if number == 3] == [3, 6]
    for (frame, number), box in zip(places(prompts), only_boxes(prompts)):
        x, y, width, height = truth.box(frame, number)
        assert box == (x, y, x + width, y + height)


def test_the_documented_example(read: Read) -> None:
    """The track of https://docs.cvat.ai/docs/dataset_management/formats/xml_format/, three times outside."""
    rings = {0: "324,213;323,227;347,237", 6: "305,237;312,207;352,206", 13: "313,233;331,220;359,243"}
    shapes = [
        shape("polygon", frame + gone, outside=gone, points=ring) for frame, ring in rings.items() for gone in (0, 1)
    ]
    content = video(track(0, "car", *shapes), meta="")
    prompts = read(content, "all", video=np.zeros((14, 480, 640, 3), np.uint8))
    assert places(prompts) == [(0, 1), (6, 1), (13, 1)]


def test_points_and_other_shapes(read: Read) -> None:
    content = video(
        track(1, "wheel", shape("points", 2, points="10.50,20.25;30,40")),
        track(2, "lane", shape("polyline", 2, points="1,2;3,4")),
        track(3, "ball", shape("ellipse", 1, cx=20, cy=30, rx=10, ry=5)),
    )
    with pytest.warns(UserWarning, match="left out 1 polyline, which cannot be prompts"):
        ball, *points = read(content)
    assert only_points(points) == [(10.5, 20.25), (30, 40)]
    (mask,) = only_masks([ball])
    rows, columns = np.nonzero(mask)
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (10, 30, 25, 35)
    assert abs(mask.sum() - np.pi * 50) < 5


def test_a_rotated_box_becomes_the_box_around_it(read: Read) -> None:
    (box,) = only_boxes(read(single("box", 0, xtl=20, ytl=30, xbr=40, ybr=36, rotation=90)))
    assert box == pytest.approx((27, 23, 33, 43))


def test_images_with_a_track_attribute(truth: Truth, read: Read) -> None:
    content = images(truth, '<attribute name="track_id">{}</attribute>')
    prompts = read(content)
    assert places(prompts) == [(0, 1), (0, 2), (LATE, 3)]
    assert same_masks(read(content, "all"), truth)


def test_images_without_one(truth: Truth, read: Read) -> None:
    later = sum(bool(truth.mask(frame, number).any()) for frame in range(1, FRAMES) for number in (1, 2, 3))
    with pytest.warns(UserWarning, match=rf"only the first frame is taken \({later} later marks left out\)"):
        prompts = read(images(truth), "all")
    assert places(prompts) == [(0, 1), (0, 2)]
    assert same_masks(prompts, truth)


def test_images_of_a_video_by_id(truth: Truth, read: Read) -> None:
    content = images(truth, '<attribute name="track_id">{}</attribute>').replace("img_", "frame_00")
    prompts = read(content, video=np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8))
    assert places(prompts) == [(0, 1), (0, 2), (LATE, 3)]


def test_the_zip_that_cvat_exports(truth: Truth, read: Read, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", video(*tracks(truth, "mask")))
        archive.writestr("images/frame_000000.PNG", b"")
    assert same_masks(read(path), truth)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(PromptError, match=r"export\.zip: cannot be read as a zip file"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", "{}")
        archive.writestr("b.json", "{}")
    with pytest.raises(PromptError, match="holds 2 XML or JSON files"):
        read(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<annotations><track id='1'", "bad XML: "),
        ("<annotations></annotations>", "expected CVAT's <annotations> with tracks or images"),
        ("<html><track/></html>", "XML of <html>"),
        ('<!DOCTYPE a [<!ENTITY b "b">]><annotations><track id="0"/></annotations>', "XML with a document type"),
        (video(track(1, "a")), "nothing is marked"),
        (single("box", 1, outside=1, xtl=1, ytl=1, xbr=2, ybr=2), "nothing is marked"),
        (single("box", 1, xtl=1, ytl=1, xbr=1, ybr=2), "track 1, frame 1: box: the box 1,1,1,2 is"),
        (single("box", 1, xtl="x", ytl=1, xbr=1, ybr=2), 'box: xtl must be a finite number, not "x"'),
        (single("box", -1, xtl=1, ytl=1, xbr=2, ybr=2), "frame must be a whole number from 0"),
        (single("box", 1, outside=7, xtl=1, ytl=1, xbr=2, ybr=2), "outside must be 0 or 1, not '7'"),
        (single("polygon", 1, points="1,2;3,4"), "a polygon needs three points, not 2"),
        (single("polygon", 1, points="1,2;3"), "3 numbers are not x, y"),
        (single("points", 1, points=""), "there are no points"),
        (single("mask", 1, rle="1,2,30", left=0, top=0, width=3, height=2), "add up to 33 pixels"),
        (single("mask", 1, rle="6", left=0, top=0, width=3, height=2), "covers no pixel"),
        (single("mask", 1, rle="1,2", left=79, top=0, width=3, height=2), "does not fit into a frame"),
        (video(track(1, "a"), meta=META.replace("80", "90")), "made for 90x64 pixels, but walk has 80x64"),
        (video('<track id="1" task_id="1"/><track id="2" task_id="2"/>'), "holds 2 tasks of a project"),
        (video('<image id="0" name="cellar.jpg"><box/></image>'), "xtl must be a finite number, not null"),
        (video('<image id="90" name="a.jpg"/><image id="91" name="b.jpg"/>'), "a.jpg, b.jpg are no frame of walk"),
    ],
)  # fmt: skip
def test_bad_files(read: Read, content: str, complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        read(content, name="annotations.xml")
    assert complaint in str(caught.value)
