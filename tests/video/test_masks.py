from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sam2long.errors import PromptError
from sam2long.results.palette import bright_colour, davis_palette
from sam2long.video.masks import read_mask_file

LABELS = np.array([[0, 0, 7, 7], [0, 2, 2, 0], [0, 0, 0, 7]], np.uint8)


def saved(tmp_path, image: Image.Image):
    path = tmp_path / "mask.png"
    image.save(path)
    return path


def test_palette_images_keep_their_ids(tmp_path):
    image = Image.fromarray(LABELS)
    image.putpalette(davis_palette().tobytes())
    masks = read_mask_file(saved(tmp_path, image))
    assert list(masks) == [2, 7]
    for object_id, mask in masks.items():
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, object_id == LABELS)


@pytest.mark.parametrize("level", [1, 38, 255])
@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
def test_one_value_is_one_object(tmp_path, level, mode):
    values = np.where(LABELS == 7, level, 0)
    image = Image.fromarray(values.astype(np.uint16)) if mode == "I;16" else Image.fromarray(values.astype(np.uint8))
    if mode == "1":
        image = Image.fromarray(values > 0)
    masks = read_mask_file(saved(tmp_path, image))
    assert list(masks) == [1]
    np.testing.assert_array_equal(masks[1], LABELS == 7)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_are_objects_in_order_of_appearance(tmp_path, mode):
    pixels = np.zeros((3, 4, 3), np.uint8)
    pixels[LABELS == 7] = (200, 10, 10)
    pixels[LABELS == 2] = (0, 0, 1)
    image = Image.fromarray(pixels)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(np.where(LABELS > 0, 255, 0).astype(np.uint8)))
    masks = read_mask_file(saved(tmp_path, image))
    assert list(masks) == [1, 2]
    np.testing.assert_array_equal(masks[1], LABELS == 7)
    np.testing.assert_array_equal(masks[2], LABELS == 2)


def test_transparent_pixels_are_background(tmp_path):
    image = Image.new("RGBA", (4, 3), (255, 255, 255, 0))
    with pytest.raises(PromptError, match="empty"):
        read_mask_file(saved(tmp_path, image))


def test_errors(tmp_path):
    with pytest.raises(PromptError, match=r"mask .*missing\.png does not exist"):
        read_mask_file(tmp_path / "missing.png")
    (tmp_path / "text.png").write_text("not an image", encoding="utf-8")
    with pytest.raises(PromptError, match=r"text\.png cannot be read"):
        read_mask_file(tmp_path / "text.png")
    with pytest.raises(PromptError, match="empty"):
        read_mask_file(saved(tmp_path, Image.fromarray(LABELS * 0)))
    with pytest.raises(PromptError, match="2 values besides 0"):
        read_mask_file(saved(tmp_path, Image.fromarray(LABELS)))
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    with pytest.raises(PromptError, match="colours, like a photograph"):
        read_mask_file(saved(tmp_path, Image.fromarray(noise)))


def test_the_palette_is_the_one_of_davis():
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128), 8: (64, 0, 0)}
    known |= {9: (192, 0, 0), 20: (0, 64, 128), 21: (128, 64, 128), 255: (224, 224, 192)}
    palette = davis_palette()
    assert {index: tuple(int(c) for c in palette[index]) for index in known} == known
    assert len(np.unique(palette, axis=0)) == 256


def test_overlay_colours_are_bright_and_differ():
    colours = [tuple(int(c) for c in bright_colour(object_id)) for object_id in range(1, 13)]
    assert len(set(colours)) == 12
    assert all(max(colour) == 255 for colour in colours)
    assert bright_colour(256).shape == bright_colour(10**6).shape == (3,)


def test_255_beside_small_ids_means_ignore(tmp_path):
    labels = np.zeros((6, 8), np.uint8)
    labels[1:3, 1:4], labels[4:, 5:] = 2, 255
    image = Image.fromarray(labels, "P")
    image.putpalette([0] * 768)
    image.save(tmp_path / "a.png")
    with pytest.warns(UserWarning, match="index 255 .* 'ignore'"):
        masks = read_mask_file(tmp_path / "a.png")
    assert list(masks) == [2] and masks[2].sum() == 6
    labels[labels == 2] = 0
    image = Image.fromarray(labels, "P")
    image.putpalette([0] * 768)
    image.save(tmp_path / "b.png")
    assert list(read_mask_file(tmp_path / "b.png")) == [255]
