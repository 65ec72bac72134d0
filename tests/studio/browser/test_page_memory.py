"""Memory of the page while a video of 20,000 frames is scrubbed from end to end."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from tests.studio.browser.conftest import Server
from tests.studio.browser.studio_page import StudioPage

FRAMES, WIDTH, HEIGHT, KEYS = 20_000, 1280, 720, 25
STOPS = 80
"""Frames shown per pass; their bitmaps exceed what the page keeps, 192 MB, by half."""

_DRAWN = """(frame) => new Promise((resolve) => {
  const look = () => {
    const mark = performance.getEntriesByName("studio:image").at(-1);
    if (mark && mark.detail.frame === frame) resolve();
    else requestAnimationFrame(look);
  };
  look();
})"""


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 frames: the packets of 25, again and again."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25, options={"g": str(KEYS), "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        packets = []
        for number in range(KEYS):
            image = np.full((HEIGHT, WIDTH, 3), 9 * number + 20, np.uint8)
            packets += stream.encode(av.VideoFrame.from_ndarray(image, "rgb24"))
        packets += stream.encode()
        data = [(bytes(packet), packet.is_keyframe) for packet in packets]
        base = packets[0].time_base
        step = int(1 / (25 * base))
        for number in range(FRAMES):
            content, key = data[number % KEYS]
            packet = av.Packet(content)
            packet.stream, packet.time_base, packet.is_keyframe = stream, base, key
            packet.pts = packet.dts = number * step
            packet.duration = step
            file.mux(packet)
    return path


def resident() -> int:
    """Bytes of memory that the browser's pages hold."""
    parents, pages = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                pages.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            continue

    def ours(process: int) -> bool:
        return process == os.getpid() or (process in parents and ours(parents[process]))

    statm = [Path(f"/proc/{page}/statm").read_text(encoding="ascii") for page in pages if ours(page)]
    return sum(int(text.split()[1]) for text in statm) * os.sysconf("SC_PAGE_SIZE")


def scrub(page: StudioPage, frames: list[int]) -> None:
    """Drag along the timeline, and wait for each picture on the way."""
    box = page.tab.locator(".scrubber").bounding_box()
    for number, frame in enumerate(frames):
        page.tab.mouse.move(box["x"] + (frame + 0.5) / FRAMES * box["width"], box["y"] + 30)
        if number == 0:
            page.tab.mouse.down()
        page.tab.evaluate(_DRAWN, page.frame())
    page.tab.mouse.up()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_of_the_page_is_flat(browser: object, long_clip: Path, tmp_path: Path) -> None:
    server = Server(long_clip, tmp_path / "long.s2l").start()
    try:
        page = StudioPage(browser, server.address, (WIDTH, HEIGHT))
        sizes = []
        for turn in range(4):
            stops = [round((FRAMES - 1) * (stop + turn / 4) / STOPS) for stop in range(STOPS)]
            scrub(page, stops if turn % 2 == 0 else stops[::-1])
            sizes.append(resident())
        print(f"memory of the page in MB: {[round(size / 1e6) for size in sizes]}")
        assert page.frame() < 400
        # Without limits each pass would add 80 bitmaps of 3.7 MB.
        assert max(sizes[1:]) < sizes[0] + 80e6, sizes
        page.close()
    finally:
        server.kill()
