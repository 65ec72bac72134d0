"""A jump in a video whose key frames lie far apart: something is seen at once, and soon the frame itself."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.studio.browser.conftest import Server
from tests.studio.browser.studio_page import StudioPage

_WATCH = """() => {
  window.marks = [];
  new PerformanceObserver((list) => {
    for (const { name, detail } of list.getEntries()) if (name === "studio:image") window.marks.push(detail);
  }).observe({ type: "mark" });
}"""
_MADE = """async (frame) => {
  const { video } = await import("/static/js/state.js");
  const answer = await fetch(`frames/${frame}?width=640&v=${video.value.key}&quick`);
  return answer.headers.get("x-proxy") === "1";
}"""
"""Whether a frame has a proxy; if not, it is decoded, so that another one must be asked for next."""


@pytest.fixture
def far_keys(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (540, 960, 3), np.uint8)
    with av.open(str(tmp_path / "far.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"g": "300", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        for number in range(300):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(picture, 3 * number, 1))))
        file.mux(stream.encode())
    return tmp_path / "far.mp4"


def test_a_jump_shows_a_proxy_and_then_the_frame(far_keys: Path, browser: object, tmp_path: Path) -> None:
    server = Server(far_keys, tmp_path / "far.s2l").start()
    try:
        page = StudioPage(browser, server.address, (960, 540))
        page.tab.evaluate(_WATCH)
        for frame in range(299, 260, -1):
            page.tab.wait_for_timeout(2000)
            if page.tab.evaluate(_MADE, frame):
                break
        page.go(250)
        seen = page.wait(
            lambda: (
                [mark["proxy"] for mark in page.tab.evaluate("() => window.marks") if mark["frame"] == 250][:2]
                == [True, False]
            ),
            "the proxy, then the frame",
        )
        assert seen and page.problems == []
        page.close()
    finally:
        server.kill()
