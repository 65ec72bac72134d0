"""What a live source sends is recorded as it is, beside tracking."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from sam2long.errors import OutputError
from sam2long.video.live import live_source
from sam2long.video.live.address import CAMERA, Address
from sam2long.video.live.live_source import LiveSource
from tests.video.pictures import number_of

from .streams import FPS, Sender, http_server


def pictures(path: Path) -> tuple[list[int], list[float], str]:
    """Numbers and times of the pictures of a file, and its codec."""
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context.name
        decoded = list(container.decode(video=0))
    return [number_of(one.to_ndarray(format="rgb24")) for one in decoded], [float(one.time) for one in decoded], codec


def stream(*parts: range, **options: Any) -> Callable[[int, Callable[[bytes], object]], None]:
    """Serve each part on a connection of its own, and refuse further ones."""

    def serve(connection: int, send: Callable[[bytes], object]) -> None:
        if connection >= len(parts):
            raise OSError
        sender = Sender(send, **options)
        sender.send(parts[connection])
        sender.finish()

    return serve


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
def test_packets_are_copied_with_the_times_of_the_frames(tmp_path: Path, suffix: str) -> None:
    path, sent = tmp_path / f"a{suffix}", []
    with (
        http_server(
            lambda number, send: stream(range(30))(number, lambda data: (sent.append(data), send(data)))
        ) as url,
        LiveSource(url, drop=False, reconnect=0, record=path) as source,
    ):
        frames = list(source.frames())
    numbers, times, codec = pictures(path)
    assert numbers == [number_of(frame.image) for frame in frames] == list(range(30))
    start = 0.0 if suffix != ".ts" else times[0]  # a transport stream starts at a time of its own
    assert [time - start for time in times] == pytest.approx([frame.time for frame in frames], abs=2e-3)
    assert codec == "h264"
    (tmp_path / "sent.ts").write_bytes(b"".join(sent))
    assert _pixels(path) == _pixels(tmp_path / "sent.ts")


def _pixels(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [picture.to_ndarray().tobytes() for picture in container.decode(video=0)]


def test_everything_is_recorded_even_if_frames_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with http_server(stream(range(40))) as url, LiveSource(url, buffer=1, reconnect=0, record=path) as source:
        while not source._reader.buffer._ended:
            time.sleep(0.01)
        assert [number_of(frame.image) for frame in source.frames()] == [39]
    assert pictures(path)[0] == list(range(40))


def test_one_recording_of_a_stream_that_was_lost_and_came_back(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    served = stream(range(10), range(100, 110))
    with (
        http_server(served) as url,
        LiveSource(url, drop=False, reconnect=0.4, record=path, tell=lambda _: None) as source,
    ):
        frames = list(source.frames())
    numbers, times, _ = pictures(path)
    assert numbers == [number_of(frame.image) for frame in frames] == [*range(10), *range(100, 110)]
    assert times == pytest.approx([frame.time for frame in frames], abs=2e-3)


def test_motion_jpeg_without_times(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    served = stream(range(10), form="mpjpeg", codec="mjpeg", pix_fmt="yuvj420p")
    with http_server(served) as url, LiveSource(url, drop=False, reconnect=0, record=path) as source:
        frames = list(source.frames())
    numbers, times, codec = pictures(path)
    assert (numbers, codec) == (list(range(10)), "mjpeg")
    assert times == pytest.approx([frame.time for frame in frames], abs=2e-3)


def test_uncompressed_pictures_are_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Address(CAMERA, f"testsrc=size=65x49:rate={FPS}:duration=1", "camera:0", "camera-0", "lavfi", {}, 5.0)
    monkeypatch.setattr(live_source, "parse_address", lambda _: camera)
    with LiveSource("camera:0", drop=False, reconnect=0, record=tmp_path / "a.mkv") as source:
        frames = list(source.frames())
    _, times, codec = pictures(tmp_path / "a.mkv")
    assert codec == "h264"
    assert times == pytest.approx([frame.time for frame in frames], abs=2e-3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a file that is always full")
def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.symlink_to("/dev/full")
    with (
        http_server(stream(range(200), pix_fmt="yuv444p")) as url,
        LiveSource(url, drop=False, reconnect=0, record=path, overwrite=True) as source,
    ):
        assert len(list(source.frames())) == 200
    assert source.recording_failure == f"the recording {path} ends early: No space left on device"


def test_what_cannot_be_recorded_is_told_before_anything_is_written(tmp_path: Path) -> None:
    taken = tmp_path / "taken.mkv"
    taken.write_bytes(b"mine")
    cases = {
        taken: "exists; choose another name, or pass --overwrite",
        tmp_path / "no" / "a.mkv": "does not exist",
        tmp_path / "a.what": "cannot be written",
        tmp_path / "a.webm": "cannot be written",  # holds no H.264
        tmp_path: "exists",
    }
    for path, why in cases.items():
        with http_server(stream(range(5))) as url, pytest.raises(OutputError, match=why) as error:
            LiveSource(url, record=path)
        assert "\n" not in str(error.value)
    assert sorted(tmp_path.iterdir()) == [taken]
    assert taken.read_bytes() == b"mine"
    with http_server(stream(range(5))) as url:
        with LiveSource(url, drop=False, reconnect=0, record=taken, overwrite=True) as source:
            list(source.frames())
        assert pictures(taken)[0] == list(range(5))


@pytest.mark.parametrize("before", [{}, {"day.mkv": b"an earlier recording"}], ids=["new", "replaced"])
def test_nothing_changes_if_nothing_is_tracked(tmp_path: Path, before: dict[str, bytes]) -> None:
    path = tmp_path / "day.mkv"
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    with http_server(stream(range(20), range(20))) as url:
        LiveSource(url, drop=False, reconnect=0, record=path, overwrite=True).close()
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
        with LiveSource(url, drop=False, reconnect=0, record=path, overwrite=True) as source:
            source.keep_recording()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with av.open(str(path)) as recorded:
        assert next(recorded.decode(video=0))
