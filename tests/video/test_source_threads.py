"""Several threads that read one source, in every direction."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from PIL import Image

from sam2long.video import Frame, VideoSource, open_video
from sam2long.video.files import frame_index, shared_index
from tests.video.pictures import picture

THREADS = 8


def passes(count: int) -> list[Callable[[VideoSource], list[Frame]]]:
    spot = random.Random(0)
    spots = [spot.randrange(count) for _ in range(6)]
    return [
        lambda source: list(source.frames()),
        lambda source: list(source.frames(count - 1, None, -1)),
        lambda source: [source.frame(index) for index in spots],
        lambda source: list(source.frames(count // 2, None, 3)),
        lambda source: [source.frame(source.frame_count - 1)],
    ]


def together(source: VideoSource, kinds: list[Callable[[VideoSource], list[Frame]]]) -> list[list[Frame]]:
    barrier = Barrier(THREADS)

    def run(number: int) -> list[Frame]:
        barrier.wait()
        return kinds[number % len(kinds)](source)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def check(path: Path, count: int | None = None) -> None:
    alone = open_video(path)
    expected = list(alone.frames())
    assert count in (None, len(expected))
    for _ in range(3):
        source = open_video(path)
        for frames in together(source, passes(len(expected))):
            assert all(np.array_equal(frame.image, expected[frame.index].image) for frame in frames)
            assert all(frame.time == expected[frame.index].time for frame in frames)
        assert source.frame_count == len(expected)
        assert source.stopped_early == alone.stopped_early


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi", "clip.h264"])
def test_a_video(make_clip, name):
    check(make_clip(name, count=40, g="10", bf="2"), 40)


def test_a_video_cut_short(make_clip):
    path = make_clip("clip.mkv", count=60, g="10")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    check(path)


def test_damage_is_counted_alike(make_clip):
    path = make_clip(count=60, g="20", bf="3")
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(data)
    alone = open_video(path)
    expected = list(alone.frames())
    for _ in range(4):
        source = open_video(path)
        together(
            source, passes(len(expected))[:2] + passes(len(expected))[3:4]
        )  # they meet the damage at the same time
        assert source.frame_count == len(expected)
        for frames in together(source, passes(len(expected))):
            assert all(np.array_equal(frame.image, expected[frame.index].image) for frame in frames)


def test_the_index_is_made_once(make_clip, monkeypatch):
    made = []

    def counted(path):
        made.append(path)
        return frame_index.index_packets(path)

    monkeypatch.setattr(shared_index, "index_packets", counted)
    source = open_video(make_clip("clip.mkv", count=40, g="10"))
    together(source, [lambda source: [source.frame(source.frame_count - 1)]])
    assert len(made) == 1


@pytest.mark.parametrize("name", ["pages.tif", "pages.webp"])
def test_pages(tmp_path, name):
    pages = [Image.fromarray(picture(number)) for number in range(20)]
    pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:], lossless=True)
    check(tmp_path / name, 20)


def test_a_folder_of_deep_images(tmp_path):
    for number in range(20):
        image = picture(number)[:, :, 0]
        Image.fromarray(image if number < 5 else image.astype(np.uint16) * 16).save(tmp_path / f"{number}.png")
    with pytest.warns(UserWarning, match="4095 is white"):
        check(tmp_path, 20)
