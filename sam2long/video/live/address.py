"""Addresses of live video: `camera:0`, `rtsp://...`, `http(s)://...` and `-`, a pipe on standard input."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sam2long.errors import VideoError

PIPE, CAMERA, HTTP, RTSP = "-", "camera", "http", "rtsp"
_SCHEMES = {"http": HTTP, "https": HTTP, "rtsp": RTSP, "rtsps": RTSP}

CAMERA_SECONDS = 5.0
NETWORK_SECONDS = 10.0
"""How long a camera or a server may take to answer or to send the next packet."""

_QUICK = {"fpsprobesize": "2"}
"""By default FFmpeg waits for 20 frames to measure the frame rate; a slow camera would take longer than the timeout."""


@dataclass(frozen=True)
class Address:
    """Where live video comes from.

    Attributes:
        kind: `PIPE`, `CAMERA`, `HTTP` or `RTSP`.
        url: what FFmpeg opens; may contain a password.
        shown: the address for messages, without user name, password and query.
        name: short name for messages and folders.
        format: FFmpeg's name of the input format, or None if it is found by looking at the data.
        options: options of that format.
        seconds: timeout in seconds of each read, or None to wait forever.
    """

    kind: str
    url: str
    shown: str
    name: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None


def is_live(source: object) -> bool:
    """Return whether a source is the address of live video, rather than a path."""
    if not isinstance(source, str):
        return False
    scheme = source.partition(":")[0].lower()
    return source == PIPE or scheme == CAMERA or ("://" in source and scheme in _SCHEMES)


def parse_address(text: str) -> Address:
    """Parse the address of live video.

    Raises:
        VideoError: the camera or the host is missing, or standard input is a terminal.
    """
    if text == PIPE:
        if sys.stdin is not None and sys.stdin.isatty():
            raise VideoError("- reads a video from a pipe, but standard input is a terminal; try ffmpeg ... | sam2long")
        return Address(PIPE, "pipe:0", "the pipe", "pipe")
    scheme, _, rest = text.partition(":")
    if scheme.lower() == CAMERA:
        return _camera(rest)
    return _network(text)


def _network(text: str) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise VideoError(f"the address of the stream is not valid: {error}") from None
    if not host:
        raise VideoError(f"{parts.scheme}:// needs a host, as in {parts.scheme}://192.168.1.20/stream")
    place = f"[{host}]" if ":" in host else host
    shown = f"{parts.scheme}://{place}{f':{port}' if port else ''}{parts.path}"
    kind = _SCHEMES[parts.scheme.lower()]
    # Over UDP, the default, every lost packet would damage frames; files over HTTP resume where they were.
    options = {"rtsp_transport": "tcp"} if kind == RTSP else {"reconnect": "1", "reconnect_delay_max": "10"}
    name = Path(parts.path).stem or host
    return Address(kind, text, shown, name, options=options | _QUICK, seconds=NETWORK_SECONDS)


def _camera(device: str) -> Address:
    """A camera by number or, on Windows and macOS, by name, through the system's own interface."""
    if not device:
        raise VideoError("camera: needs a number or a name, as in camera:0")
    options: dict[str, str] = {}
    if sys.platform == "win32":
        form, url = "dshow", f"video={device}"
    elif sys.platform == "darwin":
        form, url, options = "avfoundation", f"{device}:none", {"framerate": "30"}
    else:
        form, url = "v4l2", f"/dev/video{device}" if device.isdigit() else device
    return Address(CAMERA, url, f"camera:{device}", f"camera-{Path(device).name}", form, options, CAMERA_SECONDS)
