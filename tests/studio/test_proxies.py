"""Small images of all frames, made while nobody works: which they are, and when they are given instead of the frame."""

import asyncio
import io
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import av
import numpy as np
import pytest
from PIL import Image

from sam2long.errors import VideoError
from sam2long.studio import proxies
from sam2long.studio.decoding import Urgency
from sam2long.studio.frames import FrameImages
from sam2long.studio.proxies import Proxies
from sam2long.video import Frame, VideoSource, open_video

COUNT, HEIGHT, WIDTH = 120, 360, 720


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Frames of their own grey, with a single key frame."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"g": "250", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(COUNT):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), shade(number), np.uint8))))
        file.mux(stream.encode())
    return path


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(proxies, "_REST", 0.05)


def shade(number):
    return 20 + 2 * (number * 37 % 101)


def calm():
    event = Event()
    event.set()
    return event


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(image.data)))


def test_every_frame_has_one(clip, tmp_path):
    made = Proxies(open_video(clip), calm(), tmp_path)
    wait_for(lambda: made.get(COUNT - 1))
    for number in range(COUNT):
        image = made.get(number)
        assert image.proxy and image.time == pytest.approx(number / 25, abs=1e-3)
        assert pixels(image).shape == (HEIGHT * proxies.WIDTH // WIDTH, proxies.WIDTH, 3)
        assert abs(pixels(image).mean() - shade(number)) < 4
    assert made.get(COUNT) is None
    made.close()
    assert made.get(0) is None


def test_they_wait_for_whoever_works(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(proxies, "_REST", 1e9)
    busy = Event()
    made = Proxies(open_video(clip), busy, tmp_path)
    busy.set()
    time.sleep(0.2)
    assert made.get(0) is None
    monkeypatch.setattr(proxies, "_REST", 0.0)
    made.rest()
    made.close()


def test_room_on_disk_is_bounded(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(proxies, "_MOST_BYTES", 50_000)
    made = Proxies(open_video(clip), calm(), tmp_path)
    made._thread.join(30)
    count = next(number for number in range(COUNT) if made.get(number) is None)
    assert 5 < count < COUNT
    assert sum(len(made.get(number).data) for number in range(count)) <= 50_000
    made.close()


class Broken(VideoSource):
    """Its frame 3 cannot be read."""

    name, height, width, fps, frame_count = "broken", 8, 16, 24.0, 5

    def frame(self, index):
        if index == 3:
            raise VideoError("frame 3 cannot be read")
        return Frame(index, index / 24, np.zeros((8, 16, 3), np.uint8))


def test_what_cannot_be_read_ends_it_in_silence(tmp_path):
    made = Proxies(Broken(), calm(), tmp_path)
    made._thread.join(30)
    assert [made.get(number) is None for number in range(5)] == [False, False, False, True, True]
    made.close()


def test_a_proxy_is_given_for_a_frame_that_takes_long(clip, tmp_path):
    images = FrameImages(open_video(clip), tmp_path)

    async def look():
        wait_for(lambda: images._proxies.get(COUNT - 1))
        far = await images.get(100, 720, Urgency.NOW, quick=True)
        whole = await images.get(100, 720, Urgency.NOW)
        near = await images.get(101, 720, Urgency.NOW, quick=True)
        again = await images.get(100, 720, Urgency.NOW, quick=True)
        assert [image.proxy for image in (far, whole, near, again)] == [True, False, False, False]
        assert [pixels(image).shape[1] for image in (far, whole, near)] == [proxies.WIDTH, 720, 720]
        thumbnail = await images.get(50, 160, Urgency.LATER)
        assert pixels(thumbnail).shape[1] == 160 and abs(pixels(thumbnail).mean() - shade(50)) < 4

    # In a thread of its own, since Playwright's loop may be running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, look()).result(60)
    images.close()
