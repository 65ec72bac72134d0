"""RTSP from a server that is not ours: GStreamer's, as many network cameras have it inside."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from sam2long.video.live.live_source import LiveSource

PYTHON = shutil.which("python3", path="/usr/bin") or "python3"
SERVE = """
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("x264enc", "rtph264pay", "jpegenc", "rtpjpegpay"))
if len(sys.argv) > 1:
    server = GstRtspServer.RTSPServer(service=sys.argv[1], address="127.0.0.1")
    server.get_mount_points().add_factory("/cam", GstRtspServer.RTSPMediaFactory(launch=sys.argv[2], shared=True))
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()
"""
TEST_PICTURE = "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=25/1"
H264 = f"( {TEST_PICTURE} ! x264enc tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96 )"
MJPEG = f"( {TEST_PICTURE} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"


def installed() -> bool:
    return subprocess.run([PYTHON, "-c", SERVE], capture_output=True, timeout=60).returncode == 0


@contextmanager
def camera(launch: str, port: int = 0) -> Iterator[int]:
    """Serve until the context ends, and yield the port."""
    command = [PYTHON, "-c", SERVE, str(port), launch]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="GStreamer's bindings belong to the system's Python")
@pytest.mark.parametrize("launch", [H264, MJPEG], ids=["h264", "mjpeg"])
def test_a_camera_that_restarts_is_tracked_on_and_recorded(tmp_path: Path, launch: str) -> None:
    if not installed():
        pytest.skip("needs GStreamer's RTSP server: gir1.2-gst-rtsp-server-1.0 and its plugins")
    path, times = tmp_path / "rec.mkv", []
    with camera(launch) as port:
        url = f"rtsp://127.0.0.1:{port}/cam"
        source = LiveSource(url, drop=False, record=path, tell=lambda _: None)
        frames = source.frames(stop=30)
        times += [next(frames).time for _ in range(10)]
    with camera(launch, port), source:
        times += [frame.time for frame in frames]
    assert len(times) == 30
    assert times == sorted(set(times))
    assert source.facts()["reconnections"] == 1
    recorded = []
    with av.open(str(path)) as film:
        for packet in film.demux(video=0):
            with contextlib.suppress(av.error.InvalidDataError):  # half a frame, sent when the camera was switched off
                recorded += [float(picture.time) for picture in packet.decode()]
    assert max(min(abs(time - other) for other in recorded) for time in times) < 2e-3
