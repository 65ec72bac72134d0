"""Pictures of more than 8 bits: never nearly black without a word, and as bright on every frame."""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from sam2long.errors import ConfigError, VideoError
from sam2long.video import open_video

RAMP = np.tile(np.linspace(0, 1, 64), (48, 1))
BYTES = np.floor(RAMP * 255.999)


def colour(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


def write_image(path: Path, values: np.ndarray) -> None:
    if values.ndim == 3:
        assert cv2.imwrite(str(path), values)
    else:
        Image.fromarray(values).save(path)


def write_video(path: Path, codec: str, pix_fmt: str, pictures: list[np.ndarray]) -> Path:
    """Write uint16 pictures, grey [height, width] or RGB [height, width, 3], without changing their values."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], pix_fmt
        for values in pictures:
            if values.ndim == 3:
                frame = av.VideoFrame.from_ndarray(values, format="rgb48le").reformat(format=pix_fmt)
            else:
                frame = av.VideoFrame(values.shape[1], values.shape[0], pix_fmt)
                rows = np.zeros((values.shape[0], frame.planes[0].line_size // 2), "<u2")
                rows[:, : values.shape[1]] = values
                frame.planes[0].update((rows.byteswap() if pix_fmt.endswith("be") else rows).tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def opened_quietly(path: Path, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return open_video(path, **settings)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("shape", [lambda values: values, colour], ids=["grey", "colour"])
def test_few_bits_in_a_deep_image(tmp_path, bits, suffix, shape):
    path = tmp_path / f"scan{suffix}"
    write_image(path, shape((RAMP * ((1 << bits) - 1)).astype(np.uint16)))
    with pytest.warns(UserWarning, match=rf"scan{suffix}: .* 0 is black and {(1 << bits) - 1} is white") as said:
        image = open_video(path).frame(0).image
    assert len(said) == 1
    np.testing.assert_allclose(image, colour(BYTES), atol=1)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("shape", [lambda values: values, colour], ids=["grey", "colour"])
def test_sixteen_bits_stay_as_they_are(tmp_path, suffix, shape):
    path = tmp_path / f"scan{suffix}"
    values = (RAMP * 65535).astype(np.uint16)
    write_image(path, shape(values))
    np.testing.assert_array_equal(opened_quietly(path).frame(0).image, colour(values >> 8))


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ((RAMP * 4095).astype(np.int32), 0, 4095),
        ((RAMP * 1_000_000).astype(np.int32), 0, (1 << 20) - 1),
        ((RAMP * 4095).astype(np.int32) - 1024, -1024, 3071),
        (RAMP.astype(np.float32), 0, 1),
        ((RAMP * 0.01).astype(np.float32), 0, 0.01),
        ((RAMP * 300).astype(np.float32), 0, 300),
        ((RAMP * 2 - 1).astype(np.float32), -1, 1),
    ],
    ids=["int32", "20 bits", "negative", "float", "dark float", "large float", "negative float"],
)
def test_tiffs_without_a_white_of_their_own(tmp_path, values, low, high):
    write_image(tmp_path / "scan.tif", values)
    with pytest.warns(UserWarning, match=rf"{low:.7g} is black and {high:.7g} is white"):
        image = open_video(tmp_path / "scan.tif").frame(0).image
    np.testing.assert_allclose(image[:, :, 0], (values - low) / (high - low) * 255, atol=1.5)


def test_what_is_not_a_number_is_black(tmp_path):
    values = RAMP.astype(np.float32)
    values[3, 3:6] = (np.nan, np.inf, -np.inf)
    write_image(tmp_path / "scan.tif", values)
    with pytest.warns(UserWarning, match="1 is white"):
        assert open_video(tmp_path / "scan.tif").frame(0).image[3, 3:6, 0].tolist() == [0, 255, 0]


def test_single_hot_pixels_change_nothing(tmp_path):
    values = np.tile(np.linspace(0, 4095, 200), (200, 1)).astype(np.uint16)
    values[5, 5] = 65535
    write_image(tmp_path / "scan.png", values)
    with pytest.warns(UserWarning, match="4095 is white"):
        assert open_video(tmp_path / "scan.png").frame(0).image[0, -1, 0] == 255


def test_all_frames_of_a_folder_have_one_scale(tmp_path):
    for number in range(40):
        write_image(tmp_path / f"{number}.png", (RAMP * 100 * (number + 1)).astype(np.uint16))
    with pytest.warns(UserWarning, match="4095 is white") as said:
        source = open_video(tmp_path)
    assert len(said) == 1
    brightest = [int(frame.image.max()) for frame in source.frames()]
    np.testing.assert_allclose(brightest, [100 * (number + 1) / 16 for number in range(40)], atol=1)
    assert [int(open_frame.image.max()) for open_frame in source.frames(39, None, -13)] == brightest[::-13]


def test_black_pictures_stay_black(tmp_path):
    write_image(tmp_path / "0.png", np.zeros((48, 64), np.uint16))
    assert opened_quietly(tmp_path / "0.png").frame(0).image.max() == 0


@pytest.mark.parametrize("settings", [{}, {"levels": (0, 255)}], ids=["default", "levels"])
def test_eight_bits_are_never_scaled_by_content(tmp_path, settings):
    values = (RAMP * 20).astype(np.uint8)
    write_image(tmp_path / "dark.png", values)
    np.testing.assert_array_equal(opened_quietly(tmp_path / "dark.png", **settings).frame(0).image, colour(values))


KINDS = {
    "gray16le": ("v.mkv", "ffv1", 16, 4095),
    "gray16be": ("v.mov", "png", 16, 4095),
    "gray16 in avi": ("v.avi", "ffv1", 16, 1023),
    "gray12le": ("v.mkv", "ffv1", 12, 255),
    "gray10le": ("v.mkv", "ffv1", 10, 255),
    "rgb48le": ("v.mkv", "ffv1", 16, 4095),
}


@pytest.mark.parametrize("kind", KINDS)
def test_few_bits_in_a_deep_video(tmp_path, kind):
    name, codec, _, largest = KINDS[kind]
    shape = colour if kind.startswith("rgb") else np.asarray
    pictures = [shape((RAMP * largest * part / 10).astype(np.uint16)) for part in range(1, 11)]
    path = write_video(tmp_path / name, codec, kind.replace("gray16 in avi", "gray16le"), pictures)
    with pytest.warns(UserWarning, match=rf"{name}: .* 0 is black and {largest} is white") as said:
        source = open_video(path)
    assert len(said) == 1
    expected = [np.mean(BYTES) * part / 10 for part in range(1, 11)]
    np.testing.assert_allclose([frame.image.mean() for frame in source.frames()], expected, atol=1.5)
    np.testing.assert_allclose(source.frame(7).image.mean(), expected[7], atol=1.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_deep_video_that_uses_its_range(tmp_path, kind):
    name, codec, bits, _ = KINDS[kind]
    shape = colour if kind.startswith("rgb") else np.asarray
    values = shape((RAMP * ((1 << bits) - 1)).astype(np.uint16))
    path = write_video(tmp_path / name, codec, kind.replace("gray16 in avi", "gray16le"), [values] * 3)
    np.testing.assert_allclose(opened_quietly(path).frame(1).image, colour(BYTES), atol=3)


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "libx264"), ("v.mov", "prores_ks"), ("v.mkv", "ffv1")])
def test_ten_bit_video(tmp_path, name, codec):
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p10le"
    for brightness in (1, 0.1):  # dark scenes are dark
        pictures = [colour((RAMP * 65535 * brightness).astype(np.uint16))] * 3
        source = opened_quietly(write_video(tmp_path / name, codec, pix_fmt, pictures))
        np.testing.assert_allclose(source.frame(2).image, colour(BYTES * brightness), atol=8)


def test_levels_are_in_the_numbers_of_the_source(tmp_path):
    values = (RAMP * 4095).astype(np.uint16)
    write_image(tmp_path / "scan.png", values)
    grey = write_video(tmp_path / "grey.mkv", "ffv1", "gray12le", [values] * 2)
    expected = ((values.astype(float) - 1000) / 1000 * 255).clip(0, 255)
    for path in (tmp_path / "scan.png", grey):
        image = opened_quietly(path, levels=(1000, 2000)).frame(0).image
        np.testing.assert_allclose(image, colour(expected), atol=2)
    stack = opened_quietly(values[None], levels=(1000, 2000))
    np.testing.assert_allclose(stack.frame(0).image, colour(expected), atol=2)
    stream = opened_quietly(iter([values]), levels=(1000, 2000))
    np.testing.assert_allclose(next(stream.frames()).image, colour(expected), atol=2)
    ten = write_video(tmp_path / "ten.mkv", "ffv1", "yuv444p10le", [colour((RAMP * 65535).astype(np.uint16))] * 2)
    image = opened_quietly(ten, levels=(0, 511)).frame(1).image
    np.testing.assert_allclose(image, colour((BYTES * 2).clip(0, 255)), atol=6)


@pytest.mark.parametrize("levels", [(5, 5), (9, 1), (0, float("nan")), (0, float("inf")), (1,), (1, 2, 3), "ab", 7])
def test_levels_that_make_no_sense(tmp_path, levels):
    write_image(tmp_path / "scan.png", np.zeros((4, 4), np.uint16))
    with pytest.raises(ConfigError, match="levels must be"):
        open_video(tmp_path / "scan.png", levels=levels)
    with pytest.raises(ConfigError, match="already open"):
        open_video(open_video(tmp_path / "scan.png"), levels=(0, 1))


def test_arrays_need_levels():
    with pytest.raises(VideoError, match=r"uint16; frames must be uint8.*levels"):
        open_video(np.zeros((2, 4, 4), np.uint16))
