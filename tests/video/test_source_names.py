"""Files whose names look like something else: protocols, home folders, patterns."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sam2long.errors import VideoError
from sam2long.video import open_video
from sam2long.video.paths import user_path
from tests.video.pictures import number_of, picture

NAMES = [
    "12:30:05.mp4",
    "http:clip.mp4",
    "concat:a.mp4|b.mp4",
    "file:clip.mp4",
    "pipe:1.mp4",
    "data:,clip.mp4",
    "~clip.mp4",
    "~",
    "~root",
    "-clip.mp4",
    "%03d.mp4",
    "a*[1]?.mp4",
    "né ü.mp4",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("given", ["{}", "./{}", "{}/"], ids=["bare", "dot", "folder"])
def test_videos_and_folders(make_clip, tmp_path, monkeypatch, name, given):
    monkeypatch.chdir(tmp_path)
    if given == "{}/":
        Path(f"./{name}").mkdir()
        for number in range(3):
            Image.fromarray(picture(number)).save(f"./{name}/{number}.png")
    else:
        make_clip(count=3).rename(tmp_path / name)
    source = open_video(given.format(name))
    assert [number_of(frame.image) for frame in source.frames()] == [0, 1, 2]
    assert number_of(source.frame(2).image) == 2


@pytest.mark.parametrize("name", ["12:30:05.png", "~shot.png", "http:shot.png"])
def test_images(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(7)).save(f"./{name}")
    assert number_of(open_video(name).frame(0).image) == 7
    assert open_video(name[:3] + "*.png").frame_count == 1


def test_home(tmp_path, monkeypatch, make_clip):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_clip("clip.mp4", count=2)
    assert open_video("~/clip.mp4").path == tmp_path / "clip.mp4"
    assert user_path("~") == tmp_path
    assert user_path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
    with pytest.raises(VideoError, match=r"file or folder ~nobody.* does not exist"):
        open_video("~nobody.mp4")
