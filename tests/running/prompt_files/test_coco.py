"""COCO and YouTube-VIS files, written with pycocotools and supervision, and read again."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from sam2long.errors import PromptError

from .coco_files import CATEGORIES, IMAGES, compressed, file, outlines, uncompressed
from .conftest import FRAMES, HEIGHT, LATE, WIDTH, Read, Truth, named, only_boxes, only_masks, places, same_masks


def annotated_masks(path: Path, key: str = "category_id") -> dict[tuple[int, int], Any]:
    """Masks by image id and `key`, as COCO's own code has them."""
    with contextlib.redirect_stdout(io.StringIO()):
        official = COCO(str(path))
    return {(item["image_id"], item[key]): official.annToMask(item) for item in official.anns.values()}


@pytest.mark.parametrize("segmentation", [compressed, uncompressed, outlines])
def test_masks_are_exact_and_ids_and_names_are_kept(truth: Truth, read: Read, segmentation: Any) -> None:
    content = file(truth, segmentation)
    prompts = read(content)
    assert places(prompts) == [(0, 10), (0, 20), (LATE, 30)]
    assert named(prompts) == {10: "walker", 20: "walker", 30: "walker"}
    for prompt, mask in zip(prompts, only_masks(prompts)):
        assert np.array_equal(mask, truth.mask(prompt.frame, prompt.object_id // 10))


def test_masks_are_those_of_pycocotools(truth: Truth, read: Read, tmp_path: Path) -> None:
    content = file(truth)
    generator = np.random.default_rng(3)
    for item in content["annotations"]:
        item["segmentation"] = [
            (generator.random((corners, 2)) * (WIDTH, HEIGHT)).ravel().tolist() for corners in (3, 5, 12)
        ]
    prompts = read(content, "all")
    theirs = {
        (image - 100, track): mask
        for (image, track), mask in annotated_masks(tmp_path / "given.json", "track_id").items()
    }
    assert len(prompts) == len(theirs) == 3 * FRAMES - LATE
    for place, mask in zip(places(prompts), only_masks(prompts)):
        assert np.array_equal(mask, theirs[place])


def test_boxes_without_segmentation(truth: Truth, read: Read) -> None:
    x, y, width, height = truth.box(LATE, 3)
    assert only_boxes(read(file(truth)))[2] == (x, y, x + width, y + height)


def test_prompt_frames(truth: Truth, read: Read) -> None:
    content = file(truth)
    assert len(read(content, "all")) == 3 * FRAMES - LATE
    assert places(read(content, "3")) == [
        (frame, number) for frame in range(FRAMES) for number in (10, 20, 30)
        if (frame % 3 == 0 if number < 30 else frame >= LATE and (frame - LATE) % 3 == 0)
    ]  # fmt: skip


def test_cvats_attributes(truth: Truth, read: Read) -> None:
    content = file(truth, compressed)
    for item in content["annotations"]:
        track = item.pop("track_id") // 10 - 1
        item["attributes"] = {"occluded": False, "track_id": track, "keyframe": item["image_id"] % 2 == 0}
    assert places(read(content, "all")) == [
        (frame, number) for frame in (0, 2, 4, 6) for number in (1, 2, 3) if number < 3 or frame >= LATE
    ]
    assert same_masks(read(content), truth)


def test_frames_by_number_in_a_video(truth: Truth, read: Read) -> None:
    video = np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    by_name = file(truth, compressed)
    with pytest.warns(UserWarning, match="numbers 8 frames up to 8: read as numbers from 1"):
        assert places(read(by_name, video=video)) == [(0, 10), (0, 20), (LATE, 30)]
    some = {**by_name, "images": IMAGES[:-1], "annotations": by_name["annotations"][:4]}
    assert places(read(some, video=video))[0] == (1, 10)  # nothing says that img_0001 is the first
    numbered = [{"id": image["id"], "frame_id": frame} for frame, image in enumerate(IMAGES)]
    assert places(read({**by_name, "images": numbered}, video=video)) == [(0, 10), (0, 20), (LATE, 30)]


def test_annotations_without_tracks(truth: Truth, read: Read) -> None:
    content = file(truth, compressed)
    for item in content["annotations"]:
        del item["track_id"]
    with pytest.warns(UserWarning, match="does not say which marks belong to the same object"):
        assert places(read(content)) == [(0, 1), (0, 2)]
    for item in content["annotations"]:
        item["category_id"] = {0: 1, 1: 2, 2: 3}[item["id"] % 3] if item["image_id"] > 110 else 7
    content["annotations"] = content["annotations"][1:2] + content["annotations"][3:4]
    assert places(read(content, "all")) == [(0, 1), (1, 1)]


def test_several_videos_in_one_file(truth: Truth, read: Read) -> None:
    videos = [{"id": 1, "name": "other"}, {"id": 2, "name": "walk"}]
    ours = [{**image, "video_id": 2} for image in IMAGES]
    theirs = [{**image, "id": image["id"] + 500, "video_id": 1} for image in IMAGES]
    content = file(truth, compressed, images=theirs + ours, videos=videos)
    content["annotations"] += [{**item, "image_id": item["image_id"] + 500} for item in content["annotations"]]
    assert len(read(content, "all")) == 3 * FRAMES - LATE
    videos[1]["name"] = "walk-2"
    with pytest.raises(PromptError, match=r"has 2 videos \(other, walk-2\), but none is called walk"):
        read(content)


def test_images_of_several_folders(truth: Truth, read: Read) -> None:
    images = [{**image, "file_name": f"train/walk/{image['file_name']}"} for image in IMAGES]
    images += [
        {**image, "id": image["id"] + 500, "file_name": f"train/run/{image['file_name'][11:]}"} for image in images
    ]
    assert places(read(file(truth, compressed, images=images)))[0] == (0, 10)


def test_results_without_images(truth: Truth, read: Read) -> None:
    rows = [{"image_id": 2, "category_id": 1, "bbox": list(truth.box(2, 1)), "score": 0.9}]
    assert places(read(rows)) == [(2, 1)]
    rows[0]["image_id"] = "img_0003"
    assert places(read(rows)) == [(2, 1)]


def test_other_images_are_left_out_with_a_warning(truth: Truth, read: Read) -> None:
    content = file(truth, compressed)
    content["images"] = [*IMAGES, {"id": 1, "file_name": "cellar.jpg"}]
    content["annotations"].append({**content["annotations"][0], "image_id": 1})
    with pytest.warns(UserWarning, match="cellar.jpg is no frame of walk"):
        assert len(read(content, "all")) == 3 * FRAMES - LATE


def test_youtube_vis(truth: Truth, read: Read) -> None:
    video = {"id": 1, "width": WIDTH, "height": HEIGHT, "file_names": [image["file_name"] for image in IMAGES]}
    tracks = [
        {
            "id": number, "video_id": 1, "category_id": 7,
            "segmentations": [
                compressed(truth, frame, number) if truth.mask(frame, number).any() else None
                for frame in range(FRAMES)
            ],
            "bboxes": [[0, 0, 0, 0]] * FRAMES,
        }
        for number in (1, 2, 3)
    ]  # fmt: skip
    content = {"videos": [video], "annotations": tracks, "categories": CATEGORIES}
    prompts = read(content)
    assert places(prompts) == [(0, 1), (0, 2), (LATE, 3)]
    assert same_masks(read(content, "all"), truth)
    assert named(prompts)[3] == "walker"
    del video["file_names"]
    assert places(read(content)) == [(0, 1), (0, 2), (LATE, 3)]
    tracks[0]["segmentations"] = []
    tracks[0]["bboxes"] = [[1, 2, 3, 4]]
    with pytest.raises(PromptError, match=r"annotations\[1\]: 8 masks or boxes, but the video has 1 frames"):
        read(content)


def test_a_file_of_supervision(truth: Truth, tmp_path: Path, read: Read) -> None:
    sv = pytest.importorskip("supervision")
    images = sorted(str(path) for path in truth.images.iterdir())
    annotations = {
        path: sv.Detections(
            xyxy=np.array([[x, y, x + w, y + h] for x, y, w, h in [truth.box(frame, 1), truth.box(frame, 2)]], float),
            mask=np.stack([truth.mask(frame, 1), truth.mask(frame, 2)]),
            class_id=np.array([0, 1]),
        )
        for frame, path in enumerate(images)
    }
    data = sv.DetectionDataset(["tall", "small"], images, annotations)
    data.as_coco(annotations_path=str(tmp_path / "sv.json"))
    prompts = read(tmp_path / "sv.json", "all")
    assert named(prompts) == {1: "tall", 2: "small"}
    assert len(prompts) == 2 * FRAMES
    official = annotated_masks(tmp_path / "sv.json")
    for (frame, number), mask in zip(places(prompts), only_masks(prompts)):
        assert np.array_equal(mask, official[frame + 1, number])


def damaged(truth: Truth, **changes: Any) -> dict[str, Any]:
    content = file(truth, compressed)
    content["annotations"][0] |= changes
    return content


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"segmentation": {"size": [10, 20], "counts": "0"}}, "the mask is 20x10 pixels but the video is 80x64"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, 9999]}}, "add up to 9999 pixels, more than 5120"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, -1]}}, "must be a whole number from 0"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "ü"}}, "counts are not compressed run lengths"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "oooooooooo"}}, "not compressed run lengths"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "o"}}, "counts are cut off"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": 3}}, "counts must be text or a list, not 3"),
        ({"segmentation": [[1, 2, 3, 4]]}, "a polygon needs three points, not 2"),
        ({"segmentation": [[1, 2, 3, 4, 5]]}, "5 numbers are not x, y, x, y"),
        ({"segmentation": [[1, 2, 3, 4, 5, "x"]]}, 'must be a finite number, not "x"'),
        ({"segmentation": [[1, 2, 3, 4, 1e9, 6]]}, "the point 1e+09,6 lies far outside the 80x64 frame"),
        ({"segmentation": [[1, 1, 1.1, 1, 1, 1.1]]}, "covers no pixel"),
        ({"segmentation": None, "bbox": [1, 2, 0, 4]}, "the box is empty, 0 wide and 4 high"),
        ({"segmentation": None, "bbox": [1, 2, 3]}, "bbox must be a list of 4 numbers, not [1, 2, 3]"),
        ({"segmentation": [], "bbox": None}, "expected a segmentation or a bbox"),
        ({"image_id": 5}, "there is no image with the id 5"),
        ({"image_id": None}, "image_id must be a number or text, not null"),
    ],
)
def test_bad_annotations(truth: Truth, read: Read, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        read(damaged(truth, **changes))
    assert complaint in str(caught.value)
    assert "annotations[0]" in str(caught.value)


def test_files_for_something_else(truth: Truth, read: Read) -> None:
    with pytest.raises(PromptError, match="made for 80x63 pixels, but walk has 80x64"):
        read(file(truth, images=[{**IMAGES[0], "height": 63}]))
    with pytest.raises(PromptError, match=r"a.jpg, b.jpg are no frame of walk, which has img_0001.jpg to img_0008.jpg"):
        read(file(truth, images=[{"id": i, "file_name": f"{'ab'[i]}.jpg"} for i in range(2)]))
    with pytest.raises(PromptError, match="nothing is marked"):
        read({"images": IMAGES, "annotations": [], "categories": []})
