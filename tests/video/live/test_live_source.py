"""Live sources, read from real servers on the loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from sam2long.errors import ConfigError, VideoError
from sam2long.video import open_video
from sam2long.video.live import live_source
from sam2long.video.live.address import CAMERA, Address
from sam2long.video.live.live_source import LiveSource
from tests.video.pictures import number_of

from .streams import FPS, WAIT, Sender, http_server, rtsp_server


def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def whole(connection: int, send: Callable[[bytes], object], count: int = 20, **options: object) -> None:
    """Send pictures 0 to count - 1 on the first connection, and refuse all others."""
    if connection:
        raise OSError
    sender = Sender(send, **options)  # type: ignore[arg-type]
    sender.send(range(count))
    sender.finish()


@pytest.mark.parametrize(
    ("form", "codec", "pix_fmt"),
    [("mpegts", "libx264", "yuv420p"), ("matroska", "libx264", "yuv420p"), ("mpjpeg", "mjpeg", "yuvj420p")],
)
def test_every_frame_of_an_http_stream(form: str, codec: str, pix_fmt: str) -> None:
    def serve(connection: int, send: Callable[[bytes], object]) -> None:
        whole(connection, send, form=form, codec=codec, pix_fmt=pix_fmt)

    with http_server(serve) as url, LiveSource(url, drop=False, reconnect=0) as source:
        assert (source.width, source.height, source.fps, source.name) == (64, 48, FPS, "live")
        frames = list(source.frames())
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time for frame in frames] == pytest.approx([number / FPS for number in range(20)])


def test_rtsp() -> None:
    with rtsp_server(whole) as url, LiveSource(url, drop=False, reconnect=0) as source:
        numbers = [number_of(frame.image) for frame in source.frames()]
    # A transport stream does not say that its last frame is complete.
    assert numbers == list(range(19))
    assert source.stopped_early == f"{url} was lost: the stream ended"


def test_a_file_over_http_is_not_dropped_and_its_end_is_the_end() -> None:
    parts: list[bytes] = []
    whole(0, parts.append, 60)
    with http_server(lambda *_: None, whole=b"".join(parts)) as url, open_video(url) as source:
        frames = source.frames()
        numbers = [number_of(next(frames).image)]
        time.sleep(0.3)  # enough for the whole file to arrive, if reading did not wait
        numbers += [number_of(frame.image) for frame in frames]
    assert numbers == list(range(60))
    assert source.stopped_early is None


def test_a_file_over_http_that_breaks_off() -> None:
    parts: list[bytes] = []
    whole(0, parts.append, 60)
    file = b"".join(parts)
    with http_server(lambda *_: None, whole=file, cut=len(file) // 2) as url, LiveSource(url) as source:
        numbers = [number_of(frame.image) for frame in source.frames()]
    assert numbers == list(range(len(numbers))) and 10 < len(numbers) < 60
    assert source.stopped_early is not None and source.stopped_early.startswith(f"{url} broke off: ")


def test_a_slow_consumer_gets_the_newest_frames_and_the_rest_is_counted() -> None:
    asked, done = threading.Event(), threading.Event()

    def serve(connection: int, send: Callable[[bytes], object]) -> None:
        sender = Sender(send)
        sender.send(range(10))
        asked.wait(WAIT)
        sender.send(range(10, 60))
        done.wait(WAIT)

    with http_server(serve) as url, LiveSource(url, buffer=3) as source:
        frames = source.frames()
        before = number_of(next(frames).image)
        assert before < 10
        asked.set()
        # FFmpeg gives out a picture of a transport stream when the second one after it begins: 57 is the newest.
        until(lambda: source.facts()["dropped"] == 57 - 3 - before)
        after = [next(frames) for _ in range(3)]
        assert [number_of(frame.image) for frame in after] == [55, 56, 57]
        assert [frame.index for frame in after] == [1, 2, 3]
        assert [frame.time for frame in after] == pytest.approx([number / FPS for number in (55, 56, 57)])
        done.set()
        source.end()
        assert list(frames) == []
    assert source.stopped_early is None


def test_numbers_and_times_go_on_when_a_lost_stream_comes_back() -> None:
    def serve(connection: int, send: Callable[[bytes], object]) -> None:
        if connection not in (0, 3):  # lost, refused twice, back, gone for good
            raise OSError
        sender = Sender(send)
        sender.send(range(10) if connection == 0 else range(100, 110))
        sender.finish()

    said: list[str] = []
    with http_server(serve) as url, LiveSource(url, drop=False, reconnect=1.5, tell=said.append) as source:
        frames = list(source.frames())
    assert [number_of(frame.image) for frame in frames] == [*range(10), *range(100, 110)]
    assert [frame.index for frame in frames] == list(range(20))
    steps = np.diff([frame.time for frame in frames])
    assert steps[9] > 0.25  # at least the pauses between the attempts
    assert np.delete(steps, 9) == pytest.approx(1 / FPS, abs=1e-3)
    assert source.facts()["reconnections"] == 1
    assert len(said) == 3
    assert said[0].startswith(f"{url} was lost (") and said[0].endswith("; trying again for 1.5 s")
    assert said[1].startswith(f"{url} is back after ")
    assert source.stopped_early is not None and "did not come back within 1.5 s" in source.stopped_early


def test_another_size_after_the_source_came_back_ends_the_pass() -> None:
    def serve(connection: int, send: Callable[[bytes], object]) -> None:
        sender = Sender(send, size=(48, 64) if connection == 0 else (64, 96))
        sender.send(range(5))
        sender.finish()

    with http_server(serve) as url, LiveSource(url, drop=False, tell=lambda _: None) as source:
        assert len(list(source.frames())) == 5
    assert source.stopped_early is not None and "frame 5" in source.stopped_early and "96x64" in source.stopped_early


def test_a_camera_is_read_through_a_device_format(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Address(CAMERA, "testsrc=size=64x48:rate=30", "camera:0", "camera-0", "lavfi", {}, 5.0)
    monkeypatch.setattr(live_source, "parse_address", lambda _: camera)
    with LiveSource("camera:0", drop=False) as source:
        frames = source.frames(stop=5)
        times = [frame.time for frame in frames]
    assert times == pytest.approx([number / 30 for number in range(5)])
    assert source.facts()["dropped"] == 0


def test_a_single_pass_forward() -> None:
    with http_server(whole) as url, LiveSource(url, drop=False, reconnect=0) as source:
        assert source.frame_count is None
        with pytest.raises(VideoError, match="single forward pass"):
            source.frame(0)
        with pytest.raises(VideoError, match="forward"):
            source.frames(step=-1)
        assert [frame.index for frame in source.frames(4, 10, 3)] == [4, 7]
        with pytest.raises(VideoError, match="live"):
            source.frames()


def test_held_frames_come_a_second_time() -> None:
    with http_server(whole) as url, LiveSource(url, drop=False, reconnect=0) as source:
        assert not source.repeatable
        source.hold(4)
        assert source.repeatable
        seen = [frame.index for frame in source.frames()]
        assert [frame.index for frame in source.frames_again(2)] == seen[-4:]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:9/a.ts", "http://127.0.0.1:9/a.ts cannot be opened: Connection refused"),
        ("rtsp://user:secret@127.0.0.1:9/a", "rtsp://127.0.0.1:9/a cannot be opened: Connection refused"),
        ("camera:97", "camera:97 does not exist (/dev/video97)"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line(address: str, expected: str) -> None:
    with pytest.raises(VideoError) as error:
        open_video(address)
    assert str(error.value) == expected


def test_what_is_no_video() -> None:
    with http_server(lambda number, send: send(b"<html>" * 100)) as url, pytest.raises(VideoError, match=r"live\.ts"):
        LiveSource(url)
    with http_server(lambda number, send: 1 / 0) as url, pytest.raises(VideoError, match=r"live\.ts"):
        LiveSource(url)


def test_options_out_of_range() -> None:
    with pytest.raises(ConfigError, match="buffer"):
        LiveSource("http://127.0.0.1:9/", buffer=0)
    with pytest.raises(ConfigError, match="reconnect"):
        LiveSource("http://127.0.0.1:9/", reconnect=-1)
    with pytest.raises(ConfigError, match="fps"):
        open_video("http://127.0.0.1:9/", fps=10)
