from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.errors import ConfigError, VideoError
from sam2long.video import open_video


def level(number: int, height: int = 20, width: int = 30) -> Image.Image:
    return Image.fromarray(np.full((height, width, 3), number, np.uint8))


def test_natural_order_any_case_and_other_files_ignored(tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    for number, name in enumerate(["frame2.png", "frame10.PNG", "frame11.bmp", "frame100.Tif"]):
        level(number * 10).save(folder / name)
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    (folder / "._frame2.png").write_text("left by a file manager", encoding="utf-8")
    source = open_video(folder)
    assert [int(frame.image[0, 0, 0]) for frame in source.frames()] == [0, 10, 20, 30]
    assert [source.frame_name(i) for i in range(4)] == ["frame2", "frame10", "frame11", "frame100"]
    assert (source.name, source.frame_count, source.height, source.width, source.fps) == ("shots", 4, 20, 30, 24.0)
    assert [frame.index for frame in source.frames(3, None, -2)] == [3, 1]
    assert open_video(folder, fps=10).frame(3).time == pytest.approx(0.3)


def test_glob_chooses(tmp_path):
    for name in ("a1.png", "a2.png", "b1.png"):
        level(int(name[1])).save(tmp_path / name)
    source = open_video(str(tmp_path / "a*.png"))
    assert [int(frame.image[0, 0, 0]) for frame in source.frames()] == [1, 2]
    with pytest.raises(VideoError, match=r"no image .* matches .*c\*\.png"):
        open_video(str(tmp_path / "c*.png"))


def test_a_relative_glob(tmp_path, monkeypatch):
    level(7).save(tmp_path / "x.png")
    monkeypatch.chdir(tmp_path)
    assert open_video("*.png").frame_count == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    image = Image.fromarray(np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "turned.png", exif=exif)
    pixels = np.asarray(image)
    turns = {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.transpose(1, 0, 2)}
    turns |= {6: np.rot90(pixels, -1), 7: np.rot90(pixels, 2).transpose(1, 0, 2), 8: np.rot90(pixels)}
    source = open_video(tmp_path / "turned.png")
    np.testing.assert_array_equal(source.frame(0).image, turns[orientation])
    assert (source.height, source.width) == turns[orientation].shape[:2]


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    level(255).convert(mode).save(path)
    image = open_video(path).frame(0).image
    assert image.shape == (20, 30, 3) and image.dtype == np.uint8
    assert image.min() == 255


def test_sixteen_bits_are_scaled(tmp_path):
    Image.fromarray(np.full((4, 6), 0x8000, np.uint16)).save(tmp_path / "deep.png")
    assert set(open_video(tmp_path / "deep.png").frame(0).image.ravel()) == {0x80}


def test_errors_name_the_image(tmp_path):
    with pytest.raises(VideoError, match="contains no images"):
        open_video(tmp_path)
    (tmp_path / "0.png").write_bytes(b"broken")
    with pytest.raises(VideoError, match=r"0\.png cannot be read"):
        open_video(tmp_path)
    level(1).save(tmp_path / "0.png")
    with pytest.raises(ConfigError, match="fps"):
        open_video(tmp_path, fps=0)


def bad_image(path: Path, kind: str) -> str:
    """Spoil an image; returns what the error says."""
    if kind == "other size":
        level(2, 20, 31).save(path)
        return f"{path.name} is 31x20 pixels, but 0.png is 30x20"
    if kind == "cut short":
        path.write_bytes(path.read_bytes()[:-40])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_bytes(b"broken")
    elif kind == "gone":
        path.unlink()
    return f"{path.name} cannot be read"


@pytest.mark.parametrize("kind", ["other size", "cut short", "empty", "text", "gone"])
@pytest.mark.parametrize("where", ["folder", "glob"])
def test_a_bad_image_ends_a_pass(tmp_path, kind, where):
    noise = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(noise.integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    source = open_video(tmp_path if where == "folder" else str(tmp_path / "*.png"))
    said = bad_image(tmp_path / "4.png", kind)
    assert source.stopped_early is None
    assert [frame.index for frame in source.frames()] == [0, 1, 2, 3]
    assert "stopped at frame 4" in source.stopped_early and said in source.stopped_early
    with pytest.raises(VideoError, match=said.replace(".", r"\.")):
        source.frame(4)
    assert source.frame(5).index == 5
    again = open_video(tmp_path) if kind != "gone" else source
    assert again.frame_count == 6
    assert [frame.index for frame in again.frames(5, None, -1)] == [5]
    assert "stopped at frame 4" in again.stopped_early
    with pytest.raises(VideoError, match="frame 6 does not exist"):
        source.frame(6)


@pytest.mark.parametrize("pattern", ["{}", "{}/*.png", "{}/0[12].png", "{}/0?.png", "{0}/../*/02.png"])
def test_a_broken_link_is_named(tmp_path, pattern):
    folder = tmp_path / "shots"
    folder.mkdir()
    for name in ("01.png", "03.png"):
        level(1).save(folder / name)
    (folder / "02.png").symlink_to(tmp_path / "moved.png")
    with pytest.raises(VideoError, match=r"02\.png is a broken symbolic link"):
        open_video(pattern.format(folder))
    with pytest.raises(VideoError, match=r"02\.png is a broken symbolic link"):
        open_video(folder / "02.png")
    level(2).save(tmp_path / "moved.png")
    assert open_video(pattern.format(folder)).frame_count >= 1


def test_links_that_are_no_frames_do_no_harm(tmp_path):
    level(1).save(tmp_path / "01.png")
    (tmp_path / "notes.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "._02.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "03.png").symlink_to(tmp_path / "01.png")
    assert open_video(tmp_path).frame_count == 2
    (tmp_path / "04.png").symlink_to(tmp_path / "04.png")  # to itself
    with pytest.raises(VideoError, match=r"04\.png is a broken"):
        open_video(tmp_path)


def test_names_of_the_pictures(tmp_path):
    for name in ("left_7.png", "left_10.JPG"):
        level(1).save(tmp_path / name)
    source = open_video(tmp_path)
    assert [source.file_name(index) for index in range(2)] == ["left_7.png", "left_10.JPG"]
    assert open_video(np.zeros((1, 4, 4, 3), np.uint8)).file_name(12) == "frame_000012.jpg"
