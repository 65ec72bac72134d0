"""Images that hold more than one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from sam2long.errors import VideoError
from sam2long.video import VideoSource, open_video
from sam2long.video.images import page_source
from tests.video.pictures import number_of, picture

COUNT = 12
MILLISECONDS = [40 + 10 * number for number in range(COUNT)]
SECONDS = np.cumsum([0, *MILLISECONDS])[:-1] / 1000
ANIMATED = {"a.webp": {"lossless": True}, "a.png": {}, "a.apng": {"format": "PNG"}, "a.gif": {}}
STILL: dict[str, dict[str, Any]] = {"a.tif": {}, "lzw.tiff": {"compression": "tiff_lzw"}}


def write(path: Path, **options: Any) -> Path:
    pictures = [Image.fromarray(picture(number)) for number in range(COUNT)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
    return path


def check_every_way(path: Path, count: int = COUNT, **settings: Any) -> VideoSource:
    source = open_video(path, **settings)
    assert (source.frame_count, source.height, source.width, source.path) == (count, 48, 64, path)
    forward = list(source.frames())
    assert [number_of(frame.image) for frame in forward] == list(range(count))
    assert [frame.index for frame in forward] == list(range(count))
    assert source.stopped_early is None
    for span in ((count - 1, None, -1), (7, 2, -2), (3, 9, 3)):
        frames = list(open_video(path, **settings).frames(*span))
        assert [frame.index for frame in frames] == list(range(*(-1 if end is None else end for end in span)))
        assert all(np.array_equal(frame.image, forward[frame.index].image) for frame in frames)
        assert all(frame.time == forward[frame.index].time for frame in frames)
    for index in (count - 1, 0, 5, 4):
        assert np.array_equal(source.frame(index).image, forward[index].image)
    with pytest.raises(VideoError, match=f"frame {count} does not exist"):
        source.frame(count)
    return source


@pytest.mark.parametrize("name", ANIMATED)
def test_animations_have_their_own_times(tmp_path, name):
    source = check_every_way(write(tmp_path / name, duration=MILLISECONDS, **ANIMATED[name]))
    np.testing.assert_allclose([frame.time for frame in source.frames()], SECONDS, atol=0.0051)
    assert source.fps == pytest.approx(1000 * COUNT / sum(MILLISECONDS), rel=0.01)


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_frames_that_last_no_time_follow_each_other(tmp_path, name):
    source = open_video(write(tmp_path / name, duration=0, **ANIMATED[name]))
    assert np.all(np.diff([frame.time for frame in source.frames()]) > 0)


@pytest.mark.parametrize("name", STILL)
def test_pages(tmp_path, name):
    source = check_every_way(write(tmp_path / name, **STILL[name]))
    assert source.fps == 24
    assert check_every_way(tmp_path / name, fps=10).frame(5).time == pytest.approx(0.5)


def test_a_folder_of_pages(tmp_path):
    folder = tmp_path / "stack"
    folder.mkdir()
    write(folder / "a.tif")
    for given in (folder, str(folder / "*.tif")):
        assert open_video(given).frame_count == COUNT
    write(folder / "b.tif")
    with pytest.warns(UserWarning, match=r"a\.tif holds 12 pictures; of each file .* only the first"):
        assert open_video(folder).frame_count == 2


def test_chosen_fps_replace_durations(tmp_path):
    path = write(tmp_path / "a.webp", duration=MILLISECONDS, lossless=True)
    assert open_video(path, fps=10).frame(3).time == pytest.approx(0.3)


def test_a_backward_pass_holds_few_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(page_source, "MOST_HELD_BYTES", 5 * 48 * 64 * 3)
    check_every_way(write(tmp_path / "a.webp", duration=50, lossless=True))


@pytest.mark.parametrize("shape", ["grey", "colour"])
def test_deep_pages_have_one_scale(tmp_path, shape):
    pictures = [(picture(number).astype(np.uint16) * 16 * (number + 1)) // COUNT for number in range(COUNT)]
    path = tmp_path / "deep.tif"
    if shape == "colour":
        assert cv2.imwritemulti(str(path), pictures)
    else:
        pages = [Image.fromarray(values[:, :, 0]) for values in pictures]
        pages[0].save(path, save_all=True, append_images=pages[1:])
    with pytest.warns(UserWarning, match="4095 is white"):
        source = open_video(path)
    brightest = [int(frame.image.max()) for frame in source.frames()]
    np.testing.assert_allclose(brightest, [values.max() / 16 for values in pictures], atol=31)
    assert int(source.frame(4).image.max()) == brightest[4]


def test_a_page_of_another_size_ends_a_pass(tmp_path):
    pages = [Image.fromarray(picture(number)) for number in range(5)]
    pages[3] = pages[3].resize((32, 32))
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    source = open_video(tmp_path / "a.tif")
    assert [frame.index for frame in source.frames()] == [0, 1, 2]
    assert "stopped at frame 3" in source.stopped_early and "32x32" in source.stopped_early
    with pytest.raises(VideoError, match=r"32x32.*64x48"):
        source.frame(3)
    assert source.frame(4).index == 4


def test_reduced_pages_are_no_frames(tmp_path):
    pages = [Image.fromarray(picture(number)) for number in (0, 9, 1, 9, 2)]
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], tiffinfo={254: 0})
    data = bytearray(path.read_bytes())
    directory, page = int.from_bytes(data[4:8], "little"), 0
    while directory:
        count = int.from_bytes(data[directory : directory + 2], "little")
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            if data[entry : entry + 2] == (254).to_bytes(2, "little"):
                data[entry + 8] = page % 2  # a reduced picture behind every page
        end = directory + 2 + 12 * count
        directory, page = int.from_bytes(data[end : end + 4], "little"), page + 1
    path.write_bytes(data)
    assert [number_of(frame.image) for frame in open_video(path).frames()] == [0, 1, 2]


@pytest.mark.parametrize("name", ["a.tif", "a.webp", "a.png"])
@pytest.mark.parametrize("part", [0.5, 0.8])
def test_a_file_cut_short_gives_what_is_whole(tmp_path, name, part):
    path = write(tmp_path / name, **({"duration": 40, **ANIMATED[name]} if name in ANIMATED else {}))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    try:
        source = open_video(path)
    except VideoError as error:  # libwebp takes no part of a file
        assert name in str(error)
        return
    numbers = [number_of(frame.image) for frame in source.frames()]
    assert 1 <= len(numbers) < COUNT and numbers == list(range(len(numbers)))
    assert name in source.stopped_early


def test_one_page_is_one_image(tmp_path):
    for name in ("one.tif", "one.webp", "one.png", "one.gif"):
        Image.fromarray(picture(3)).save(tmp_path / name)
        source = open_video(tmp_path / name)
        assert source.frame_count == 1 and number_of(source.frame(0).image) == 3


def test_a_preview_in_a_jpeg_is_no_frame(tmp_path):
    pages = [Image.fromarray(picture(number)) for number in range(2)]
    pages[0].save(tmp_path / "photo.jpg", format="MPO", save_all=True, append_images=pages[1:])
    assert open_video(tmp_path / "photo.jpg").frame_count == 1
