"""Files for annotation tools and trainers, read back by other code: supervision, Pillow, an XML parser, pycocotools."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import PIL
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco

from sam2long.errors import OutputError
from sam2long.results import FrameResult
from sam2long.results.writers import open_writers
from sam2long.results.writers.annotation.annotation_files import ANNOTATION_FILES
from sam2long.results.writers.annotation.part_tracks import MOST_PARTS, PartTracks
from sam2long.video import open_video
from tests.results.delivered import COUNT, NAMES, deliver, masks, pictures
from tests.results.shapes import HEIGHT, WIDTH, any_of, iou

BACKWARDS = range(COUNT - 1, -1, -1)


@pytest.fixture
def source():
    return open_video(pictures(), fps=10)


def box(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.parametrize("frames", [range(COUNT), BACKWARDS])
def test_yolo_in_supervision(tmp_path, source, frames):
    supervision = pytest.importorskip("supervision")
    folder = deliver(tmp_path / "out", source, ["yolo"], frames, names=NAMES) / "yolo"
    data = supervision.DetectionDataset.from_yolo(folder / "images", folder / "labels", folder / "data.yaml")
    assert data.classes == ["object", NAMES[2]]
    assert len(data) == COUNT
    for path, image, found in data:
        frame = int(path[-9:-4])
        assert image.shape == (HEIGHT, WIDTH, 3) and abs(float(image.mean()) - (40 * frame + 20)) < 2
        expected = {i: mask for i, mask in masks(frame).items() if mask.any()}
        assert found.class_id.tolist() == [object_id - 1 for object_id in expected]
        np.testing.assert_allclose(found.xyxy, [box(mask) for mask in expected.values()], atol=0.52)
        for read, mask in zip(found.mask, expected.values(), strict=True):
            assert iou(read, mask) >= 0.98
    assert (folder / "labels" / "00002.txt").read_text(encoding="utf-8").startswith("1 ")  # object 1 is hidden


def test_yolo_labels_filled_as_trainers_do(tmp_path, source):
    """Ultralytics cuts coordinates off to pixels, and fills them with the pixels under the outline."""
    folder = deliver(tmp_path / "out", source, ["yolo"])
    for frame in range(COUNT):
        lines = (folder / "yolo" / "labels" / f"{frame:05d}.txt").read_text(encoding="utf-8").splitlines()
        expected = [mask for mask in masks(frame).values() if mask.any()]
        for line, mask in zip(lines, expected, strict=True):
            points = np.array(line.split()[1:], np.float32).reshape(-1, 2) * (WIDTH, HEIGHT)
            read = cv2.fillPoly(np.zeros(mask.shape, np.uint8), [points.astype(np.int32)], 1).astype(bool)
            assert iou(read, mask) >= 0.98


@pytest.mark.parametrize("frames", [range(COUNT), BACKWARDS])
def test_labelme(tmp_path, source, frames):
    folder = deliver(tmp_path / "out", source, ["labelme"], frames, names=NAMES) / "labelme"
    assert len(list(folder.iterdir())) == 2 * COUNT
    for frame in range(COUNT):
        content = json.loads((folder / f"{frame:05d}.json").read_text(encoding="utf-8"))
        assert (content["imageHeight"], content["imageWidth"], content["imageData"]) == (HEIGHT, WIDTH, None)
        with Image.open(folder / content["imagePath"]) as image:
            assert image.size == (WIDTH, HEIGHT) and abs(np.asarray(image).mean() - (40 * frame + 20)) < 2
        for object_id, mask in masks(frame).items():
            shapes = [shape for shape in content["shapes"] if shape["group_id"] == object_id]
            assert {shape["label"] for shape in shapes} <= {NAMES.get(object_id, "object")}
            assert {shape["shape_type"] for shape in shapes} <= {"polygon"}
            read = any_of([as_labelme_fills(shape["points"]) for shape in shapes], mask.shape)
            assert iou(read, mask) >= 0.98 if mask.any() else not shapes


def as_labelme_fills(points):
    image = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(image).polygon([tuple(point) for point in points], outline=1, fill=1)
    return np.asarray(image).astype(bool)


_SLANTED = pytest.param(
    [(4, 5), (5, 6), (6, 7)],
    marks=pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 12, reason="Pillow left out pixels of slanted lines"),
)


@pytest.mark.parametrize("pixels", [[(4, 5)], [(4, 5), (4, 6)], _SLANTED])
def test_labelme_of_a_few_pixels(tmp_path, source, pixels):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[tuple(np.transpose(pixels))] = True
    content = written_alone(tmp_path, source, "labelme", mask) / "labelme" / "00000.json"
    (shape,) = json.loads(content.read_text(encoding="utf-8"))["shapes"]
    np.testing.assert_array_equal(as_labelme_fills(shape["points"]), mask)


def written_alone(tmp_path, source, name, mask, frames=(0,)):
    with open_writers(tmp_path / "out", [name], source, object_ids=[1], settings={}) as writers:
        for frame in frames:
            writers.write(FrameResult(frame, frame / 10, {1: mask}, {1: 0.9}, {1: 1.0}, {1: 0.0}))
        writers.finish()
    return tmp_path / "out"


def read_cvat(path, last):
    """(group id, frame) -> list of shapes, as docs.cvat.ai has it: a shape lasts until the next keyframe or outside."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "annotations" and root.findtext("version") == "1.1"
    assert root.findtext("meta/task/mode") == "interpolation"
    known = {label.text for label in root.findall("meta/task/labels/label/name")}
    found, ids = {}, []
    for track in root.findall("track"):
        assert track.get("label") in known
        ids.append(track.get("id"))
        keyframes = {int(shape.get("frame")): shape for shape in track}
        assert len(keyframes) == len(track) and list(keyframes) == sorted(keyframes)
        current = None
        for frame in range(last + 1):
            current = keyframes.get(frame, current)
            if current is not None and current.get("outside") == "0":
                found.setdefault((int(track.get("group_id")), frame), []).append((track, current))
    assert len(set(ids)) == len(ids)
    return found


def cvat_polygon(shape):
    points = [float(value) for pair in shape.get("points").split(";") for value in pair.split(",")]
    return coco.decode(coco.frPyObjects([points], HEIGHT, WIDTH))[:, :, 0].astype(bool)


def cvat_mask(shape):
    left, top, width, height = (int(shape.get(name)) for name in ("left", "top", "width", "height"))
    runs = [int(run) for run in shape.get("rle").split(",")]
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    read = np.zeros((HEIGHT, WIDTH), bool)
    read[top : top + height, left : left + width] = flat.reshape(height, width)
    return read


@pytest.mark.parametrize("frames", [range(COUNT), BACKWARDS])
@pytest.mark.parametrize(
    ("name", "draw", "least"), [("cvat", cvat_polygon, 0.98), ("cvat-masks", cvat_mask, 1.0)], ids=["polygons", "masks"]
)
def test_cvat(tmp_path, source, name, draw, least, frames):
    folder = deliver(tmp_path / "out", source, [name], frames, names=NAMES)
    found = read_cvat(folder / f"{name}.xml", COUNT - 1)
    expected = {(i, frame): mask for frame in range(COUNT) for i, mask in masks(frame).items() if mask.any()}
    assert set(found) == set(expected)
    for key, mask in expected.items():
        assert iou(any_of([draw(shape) for _, shape in found[key]], mask.shape), mask) >= least
        assert {track.get("label") for track, _ in found[key]} == {NAMES.get(key[0], "object")}
        assert all(shape.get("keyframe") == "1" and shape.get("occluded") == "0" for _, shape in found[key])


def test_cvat_of_a_run_that_ended_early(tmp_path, source):
    folder = deliver(tmp_path / "out", source, ["cvat", "cvat-masks"], [0, 1])
    for name in ("cvat.xml", "cvat-masks.xml"):
        assert {frame for _, frame in read_cvat(folder / name, COUNT - 1)} == {0, 1}


def test_cvat_joins_what_is_left_of_a_mask_in_crumbs(tmp_path, source):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:60:4, 10:60:4] = True
    found = read_cvat(written_alone(tmp_path, source, "cvat", mask, range(COUNT)) / "cvat.xml", COUNT - 1)
    assert {len(shapes) for shapes in found.values()} == {MOST_PARTS}
    for shapes in found.values():
        np.testing.assert_array_equal(any_of([cvat_polygon(shape) for _, shape in shapes], mask.shape), mask)


def test_parts_keep_their_numbers():
    def square(left, side):
        return np.array([(left, 0), (left + side, 0), (left + side, side), (left, side)], np.float32)

    parts = PartTracks()
    assert [number for number, _ in parts.place([square(0, 10), square(50, 5)])] == [0, 1]
    assert [number for number, _ in parts.place([square(52, 12), square(1, 9)])] == [1, 0]  # now the larger one
    assert [number for number, _ in parts.place([square(2, 9)])] == [0]
    assert [number for number, _ in parts.place([square(53, 9), square(3, 8), square(99, 3)])] == [1, 0, 2]
    assert parts.place([]) == []


def test_ytvis_alone_and_with_coco(tmp_path, source):
    alone = deliver(tmp_path / "alone", source, ["ytvis"])
    both = deliver(tmp_path / "both", source, ["ytvis", "coco"])
    assert sorted(path.name for path in alone.iterdir()) == ["summary.json", "ytvis.json"]
    assert (alone / "ytvis.json").read_bytes() == (both / "ytvis.json").read_bytes()
    tracks = json.loads((alone / "ytvis.json").read_text(encoding="utf-8"))["annotations"]
    for frame in range(COUNT):
        for track in tracks:
            mask = masks(frame).get(track["object_id"], np.zeros(0))
            segmentation = track["segmentations"][frame]
            assert (segmentation is not None) == mask.any()
            if segmentation is not None:
                np.testing.assert_array_equal(coco.decode(segmentation).astype(bool), mask)


@pytest.mark.parametrize("name", ["yolo", "labelme"])
def test_formats_with_images_need_frames_twice(tmp_path, name):
    live = open_video(iter(np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)))
    with pytest.raises(OutputError, match=rf"^{name} holds the frames, but a live iterator gives them only once; omit"):
        deliver(tmp_path / "out", live, ["png", name])
    wide = open_video(np.zeros((1, 2, 65501, 3), np.uint8))
    with pytest.raises(OutputError, match=rf"^{name} holds the frames as JPEG, .* 65501x2 pixels; omit {name}$"):
        deliver(tmp_path / "out", wide, [name])
    assert not (tmp_path / "out").exists()


def test_images_keep_the_names_of_a_folder(tmp_path):
    for number, name in enumerate(("left_7.png", "left_12.png")):
        Image.fromarray(pictures()[number]).save(tmp_path / name)
    out = deliver(tmp_path / "out", open_video(str(tmp_path / "left*.png")), ["yolo", "labelme"], range(2))
    assert {path.name for path in (out / "labelme").iterdir()} == {
        f"left_{number}.{kind}" for number in (7, 12) for kind in ("json", "jpg")
    }
    assert {path.name for path in (out / "yolo" / "labels").iterdir()} == {"left_7.txt", "left_12.txt"}
    assert {path.name for path in (out / "yolo" / "images").iterdir()} == {"left_7.jpg", "left_12.jpg"}


def test_odd_names(tmp_path, source):
    """Control characters and half a surrogate pair, in the name of an object and in that of the video."""
    source.name = "cl\udcffip\n\x0b: *"
    names = {1: "\x00a\ud800", 2: "b: 'c'\n\t# d"}
    folder = deliver(tmp_path / "out", source, list(ANNOTATION_FILES), names=names)
    labels = {track.get("label") for track in ElementTree.parse(folder / "cvat.xml").getroot().findall("track")}
    assert labels == {"?a?", names[2]}
    assert ElementTree.parse(folder / "contours" / "00000.svg").getroot() is not None
    assert "a?" in (folder / "measurements.csv").read_text(encoding="utf-8")
    supervision = pytest.importorskip("supervision")
    parts = (folder / "yolo" / part for part in ("images", "labels", "data.yaml"))
    assert supervision.DetectionDataset.from_yolo(*map(str, parts)).classes == ["\x00a?", names[2]]
