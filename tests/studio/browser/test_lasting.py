"""The server is killed while following and started again: nothing that was called saved is lost."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

import sam2long
from tests.studio.browser.conftest import FRAMES, HEIGHT, WIDTH, Clip, Server
from tests.studio.browser.studio_page import Mask, StudioPage

_SAVED_WHILE_FOLLOWING = """async () => {
  const state = await import("/static/js/state.js");
  const visited = [...state.lanes.value].flatMap(([id, spans]) => spans.flatMap(([first, last]) => {
    return [...Array(last - first + 1).keys()].map((i) => [id, first + i]);
  }));
  const saved = document.querySelector(".saved").innerText.trim() === "Saved";
  return saved && state.running.value && visited.length > 12 ? visited : null;
}"""
"""The frames of each object that the page shows as visited, at a moment when it calls them saved."""


class Socket:
    """The masks of results that a tab receives, by object and frame."""

    def __init__(self, page: StudioPage) -> None:
        self.masks: dict[tuple[int, int], Mask] = {}
        page.tab.on("websocket", lambda socket: socket.on("framereceived", self._receive))

    def _receive(self, data: Any) -> None:
        if not isinstance(data, bytes) or data[0] != 1:
            return
        object_id, frame, _, width, height = struct.unpack_from("<IIIHH", data, 4)
        assert (width, height) == (WIDTH, HEIGHT)
        runs = np.frombuffer(data[24:], "<u4")
        self.masks[object_id, frame] = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)


def test_kill_in_the_middle_and_start_again(page: StudioPage, clip: Clip, server: Server) -> None:
    socket = Socket(page)
    page.tab.reload()
    page.wait(lambda: page.tab.locator(".curtain").count() == 0, "the page")
    page.click(*clip.inside(0, 1))
    page.wait(lambda: len(page.points()) == 1, "a mask")
    page.press("a")
    page.click(*clip.inside(0, 2))
    page.wait(lambda: len(page.objects()) == 2 and len(page.points()) == 1, "two objects")
    page.press("f")
    visited = page.wait(lambda: page.tab.evaluate(_SAVED_WHILE_FOLLOWING), "frames to be called saved")
    server.kill()
    page.tab.get_by_text("does not answer").wait_for()
    with sam2long.Session.open(server.session, sam2long.load_model("nano")) as session:
        for object_id, frame in visited:
            result = session.result(frame)
            assert result is not None and np.array_equal(result.masks[object_id], socket.masks[object_id, frame])
    last = visited[-1][1]
    before = np.logical_or(*(socket.masks[object_id, last] for object_id in (1, 2)))
    server.start()
    page.tab.goto(server.address)
    page.wait(lambda: len(page.objects()) == 2, "both objects")
    page.view("Matte")
    assert len(page.points()) == 1
    page.go(last)
    assert "not visited" not in page.states()
    page.see(before, 0.99, "the masks as they were")
    page.follow()
    page.go(FRAMES - 1)
    page.wait(lambda: "not visited" not in page.states(), "the rest")


def test_stopped_is_saved(page: StudioPage, clip: Clip, server: Server) -> None:
    page.click(*clip.inside(0, 1))
    page.wait(lambda: page.mask().any(), "a mask")
    page.press("f")
    page.running()
    page.wait(lambda: page.frame() >= 8, "some frames")
    page.press("s")
    page.tab.get_by_text("Stopped after").wait_for()
    shown = page.frame()
    server.kill()
    server.start()
    page.tab.goto(server.address)
    page.wait(lambda: len(page.objects()) == 1, "the object")
    for frame in (3, shown):
        page.go(frame)
        assert page.states() != ["not visited"]
