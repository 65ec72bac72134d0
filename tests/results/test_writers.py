from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco
from pycocotools.coco import COCO

from sam2long.errors import OutputError
from sam2long.results import FrameResult
from sam2long.results.palette import davis_palette
from sam2long.results.writers import open_writers
from sam2long.video import open_video
from tests.results.squares import COUNT, HEIGHT, WIDTH, result, write


def test_what_appears(tmp_path, source):
    writers = write(tmp_path / "a" / "out", source, range(COUNT))
    expected = {"masks", "objects", "coco.json", "ytvis.json", "overlay.mp4", "masks.npz", "trace.csv", "summary.json"}
    expected |= {"yolo", "labelme", "cvat.xml", "cvat-masks.xml", "measurements.csv", "contours", "contours.geojson"}
    assert {path.name for path in (tmp_path / "a" / "out").iterdir()} == expected
    assert {path.name for path in writers.files} == expected
    assert not [thread for thread in threading.enumerate() if thread.name == "writers"]


def test_palette_png(tmp_path, source):
    write(tmp_path / "out", source, range(COUNT), ["png"])
    with Image.open(tmp_path / "out" / "masks" / "00003.png") as image:
        assert image.mode == "P" and image.size == (WIDTH, HEIGHT)
        np.testing.assert_array_equal(np.reshape(image.getpalette(), (256, 3)), davis_palette())
        labels = np.asarray(image)
    masks = result(3).masks
    np.testing.assert_array_equal(labels == 1, masks[1])  # the smaller id is on top
    np.testing.assert_array_equal(labels == 2, masks[2] & ~masks[1])


def test_png_keep_the_names_of_images(tmp_path):
    for name in ("left_7.png", "left_12.png"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / name)
    source = open_video(str(tmp_path / "left*.png"))
    write(tmp_path / "out", source, range(2), ["png", "png-per-object"])
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == ["left_12.png", "left_7.png"]
    assert (tmp_path / "out" / "objects" / "002" / "left_12.png").exists()


def test_png_per_object(tmp_path, source):
    write(tmp_path / "out", source, range(COUNT), ["png-per-object"], ids=(1, 2, 300))
    assert sorted(path.name for path in (tmp_path / "out" / "objects").iterdir()) == ["001", "002", "300"]
    for frame in range(1, COUNT):
        with Image.open(tmp_path / "out" / "objects" / "002" / f"{frame:05d}.png") as image:
            np.testing.assert_array_equal(np.asarray(image) > 0, result(frame).masks[2])
            assert image.convert("L").getextrema() in [(0, 255), (0, 0)]  # visible in a viewer


@pytest.mark.parametrize("frames", [range(COUNT), range(COUNT - 1, -1, -1), (3, 4, 5, 3, 2, 1, 0)])
def test_coco_opens_in_pycocotools(tmp_path, source, frames):
    write(tmp_path / "out", source, frames, ["coco"])
    opened = COCO(tmp_path / "out" / "coco.json")
    images = opened.loadImgs(opened.getImgIds())
    assert [image["file_name"] for image in images] == [f"frame_{frame:06d}.jpg" for frame in range(COUNT)]
    assert {(image["height"], image["width"]) for image in images} == {(HEIGHT, WIDTH)}
    assert images[3]["frame_number"] == 3 and images[3]["time"] == pytest.approx(0.3)
    seen = set()
    for annotation in opened.loadAnns(opened.getAnnIds()):
        frame, object_id = opened.imgs[annotation["image_id"]]["frame_number"], annotation["track_id"]
        mask = result(frame).masks[object_id]
        np.testing.assert_array_equal(opened.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum() and annotation["iscrowd"] == 0
        assert annotation["bbox"] == [5 + frame, 5, 15, 10 + object_id]
        assert opened.loadCats(annotation["category_id"])[0]["name"] == "object"
        seen.add((frame, object_id))
    assert seen == {(frame, 1) for frame in range(COUNT)} | {(frame, 2) for frame in (1, 3, 4, 5)}


def test_coco_names_open_the_pictures(tmp_path):
    for name in ("left_7.png", "left_12.PNG"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / name)
    source = open_video(tmp_path)
    write(tmp_path / "out", source, range(2), ["coco"])
    names = ["left_7.png", "left_12.PNG"]
    assert [image["file_name"] for image in COCO(tmp_path / "out" / "coco.json").dataset["images"]] == names
    assert json.loads((tmp_path / "out" / "ytvis.json").read_text(encoding="utf-8"))["videos"][0]["file_names"] == names


@pytest.mark.parametrize("frames", [range(COUNT), range(COUNT - 1, -1, -1), (3, 4, 5, 3, 2, 1, 0)])
def test_ytvis(tmp_path, source, frames):
    write(tmp_path / "out", source, frames, ["coco"])
    data = json.loads((tmp_path / "out" / "ytvis.json").read_text(encoding="utf-8"))
    video = data["videos"][0]
    assert (video["length"], video["height"], video["width"]) == (COUNT, HEIGHT, WIDTH)
    assert video["frame_numbers"] == list(range(COUNT))
    assert video["file_names"][3] == "frame_000003.jpg" and video["times"][3] == pytest.approx(0.3)
    assert [annotation["object_id"] for annotation in data["annotations"]] == [1, 2]
    second = data["annotations"][1]
    for frame in range(COUNT):
        if frame in (0, 2):
            assert second["segmentations"][frame] is second["bboxes"][frame] is second["areas"][frame] is None
            continue
        mask = result(frame).masks[2]
        np.testing.assert_array_equal(coco.decode(second["segmentations"][frame]).astype(bool), mask)
        assert second["bboxes"][frame] == [5 + frame, 5, 15, 12]
        assert second["areas"][frame] == mask.sum()
    assert second["object_scores"] == [None, 4, -4, 4, 4, 4]


def test_npz(tmp_path, source):
    write(tmp_path / "out", source, [4, 2, 0], ["npz"])
    with np.load(tmp_path / "out" / "masks.npz", allow_pickle=False) as data:
        assert list(data["frames"]) == [0, 2, 4] and list(data["object_ids"]) == [1, 2]
        np.testing.assert_allclose(data["times"], [0, 0.2, 0.4])
        masks = data["frame_000004"]
        assert masks.dtype == bool
        np.testing.assert_array_equal(masks, np.stack(list(result(4).masks.values())))
        assert not data["frame_000000"][1].any()


def test_summary(tmp_path, source):
    write(tmp_path / "out", source, [0, 2], ["png"], complete=False, reason="Stopped by Ctrl-C.")
    data = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    size = {"width": WIDTH, "height": HEIGHT, "fps": 10, "frame_count": COUNT, "pixel_aspect": "1"}
    assert data["video"] == {"name": "array", "path": None, **size}
    assert (data["objects"], data["settings"], data["files"]) == ([1, 2], {"pathways": 3}, ["masks"])
    assert (data["complete"], data["stopped"], data["frames_written"]) == (False, "Stopped by Ctrl-C.", 2)
    assert [frame["frame"] for frame in data["frames"]] == [0, 2]
    expected = {"iou": 0.9, "object_score": -4, "disagreement": 0.125, "visible": False, "area": 0}
    assert data["frames"][1]["objects"]["2"] == expected
    assert "2" not in data["frames"][0]["objects"]


def test_nothing_written_is_valid_too(tmp_path, source):
    write(tmp_path / "out", source, [], complete=False, reason="Stopped at once.")
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["frames"] == []
    assert json.loads((tmp_path / "out" / "ytvis.json").read_text(encoding="utf-8"))["videos"][0]["length"] == 0
    assert COCO(tmp_path / "out" / "coco.json").dataset["images"] == []
    assert list(np.load(tmp_path / "out" / "masks.npz")["frames"]) == []


def test_scores_that_json_does_not_have(tmp_path, source):
    odd = result(1)
    odd.object_scores[1] = float("-inf")
    with open_writers(tmp_path / "out", ["coco"], source, object_ids=[1, 2], settings={}) as writers:
        writers.write(odd)
        writers.finish()
    text = (tmp_path / "out" / "summary.json").read_text(encoding="utf-8")
    assert json.loads(text)["frames"][0]["objects"]["1"]["object_score"] is None
    assert "Infinity" not in text + (tmp_path / "out" / "coco.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("formats", "ids", "settings", "message"),
    [
        (["jpg"], [1], {}, "unknown output format 'jpg'; known: png"),
        (["png"], [1, 256], {}, "png-per-object"),
        (["coco"], [0], {}, "must be 1 or more"),
        (["coco"], [1], {"x": object()}, "JSON"),
    ],
)
def test_usage_errors_leave_nothing(tmp_path, source, formats, ids, settings, message):
    with pytest.raises(OutputError, match=message):
        open_writers(tmp_path / "new" / "out", formats, source, object_ids=ids, settings=settings)
    assert list(tmp_path.iterdir()) == []


def test_overlay_of_a_live_source(tmp_path):
    live = open_video(iter(np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)))
    with pytest.raises(OutputError, match="live iterator"):
        open_writers(tmp_path / "out", ["overlay"], live, object_ids=[1], settings={})
    write(tmp_path / "out", live, range(2), ["png", "coco"])


def test_folders_that_cannot_be_used(tmp_path, source):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for folder, message in ((tmp_path, "not empty"), (tmp_path / "file", "is a file")):
        with pytest.raises(OutputError, match=message):
            open_writers(folder, ["png"], source, object_ids=[1], settings={})
    with pytest.raises(OutputError, match="cannot be"):
        open_writers(tmp_path / "file" / "out", ["png"], source, object_ids=[1], settings={})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_overlay_larger_than_a_video_can_be(tmp_path):
    wide = open_video(np.zeros((1, 4, 16386, 3), np.uint8))
    with pytest.raises(OutputError, match="overlay of 16386x4 pixels is too large for the video encoder"):
        open_writers(tmp_path / "out", ["png", "overlay"], wide, object_ids=[1], settings={})
    assert not (tmp_path / "out").exists()


def test_numbers_of_numpy_are_written_as_numbers(tmp_path, source):
    ids = np.unique(np.array([[1, 2], [2, 1]], np.uint8))
    plain = write(tmp_path / "plain", source, range(COUNT), ["coco", "trace"])
    with open_writers(
        tmp_path / "numpy", ["coco", "trace"], source, object_ids=ids, settings={"pathways": 3}, prompted={tuple(ids)}
    ) as writers:
        for frame in range(COUNT):
            same = result(frame)
            values = [
                {np.uint8(i): np.float32(value) for i, value in part.items()}
                for part in (same.scores, same.object_scores, same.disagreement)
            ]
            masks = {np.uint8(i): mask for i, mask in same.masks.items()}
            writers.write(FrameResult(np.int64(frame), np.float64(same.time), masks, *values))
    assert [path.name for path in plain.files] == ["coco.json", "ytvis.json", "trace.csv", "summary.json"]
    for name in ("coco.json", "ytvis.json"):
        written = [json.loads((tmp_path / folder / name).read_text(encoding="utf-8")) for folder in ("plain", "numpy")]
        assert written[0] == written[1]
    assert "np." not in (tmp_path / "numpy" / "trace.csv").read_text(encoding="utf-8")
    with pytest.raises(TypeError):
        FrameResult(1.5, 0.0, {}, {}, {}, {})
