"""Addresses of live video."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sam2long.errors import VideoError
from sam2long.video.live.address import is_live, parse_address


@pytest.mark.parametrize(
    "text", ["-", "camera:0", "Camera:Logitech", "rtsp://a/b", "rtsps://a", "http://a/b.ts", "HTTPS://a"]
)
def test_live_addresses(text: str) -> None:
    assert is_live(text)


@pytest.mark.parametrize(
    "text", ["./-", "match.mp4", "12:30:05.mp4", "http", "rtsp:", "ftp://a/b", Path("-"), "C:\\a.mp4"]
)
def test_everything_else_is_a_path(text: object) -> None:
    assert not is_live(text)


def test_messages_contain_no_password() -> None:
    address = parse_address("rtsp://admin:secret@[::1]:8554/front/door.sdp?token=secret")
    assert (address.shown, address.name) == ("rtsp://[::1]:8554/front/door.sdp", "door")
    assert "secret" in address.url
    assert parse_address("http://user:secret@camera.local").name == "camera.local"


@pytest.mark.parametrize("text", ["camera:", "rtsp://", "http:///a", "http://a:port/"])
def test_incomplete_addresses(text: str) -> None:
    with pytest.raises(VideoError):
        parse_address(text)


def test_a_terminal_is_not_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(VideoError, match="terminal"):
        parse_address("-")


@pytest.mark.parametrize(
    ("platform", "text", "form", "url"),
    [
        ("linux", "camera:2", "v4l2", "/dev/video2"),
        ("linux", "camera:/dev/v4l/by-id/usb-cam", "v4l2", "/dev/v4l/by-id/usb-cam"),
        ("darwin", "camera:0", "avfoundation", "0:none"),
        ("win32", "camera:Integrated Camera", "dshow", "video=Integrated Camera"),
    ],
)
def test_cameras(monkeypatch: pytest.MonkeyPatch, platform: str, text: str, form: str, url: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    address = parse_address(text)
    assert (address.format, address.url) == (form, url)
