"""The server is killed while following and started again: nothing is lost, and the page goes on by itself."""

from __future__ import annotations

import time

from tests.studio.browser.conftest import Clip, Server
from tests.studio.browser.studio_page import StudioPage


def test_kill_and_start_again(page: StudioPage, clip: Clip, server: Server) -> None:
    page.click(*clip.inside(0, 1))
    page.press("a")
    page.wait(lambda: page.mask().any(), "a mask")
    page.click(*clip.inside(0, 2))
    page.wait(lambda: len(page.objects()) == 2 and len(page.points()) == 1, "two objects")
    began = time.time()
    page.follow()
    page.wait(lambda: server.session.stat().st_mtime > began, "the session to be saved")
    page.tab.locator(".saved").get_by_text("Saved").wait_for()
    page.press("Home")
    page.wait(lambda: page.frame() == 0 and page.remark("Loading") is None, "the first frame")
    before = page.mask()
    server.kill()
    page.tab.get_by_text("does not answer").wait_for()
    server.start()
    page.tab.goto(server.address)
    page.wait(lambda: len(page.objects()) == 2, "both objects")
    page.view("Matte")
    page.see(before, 0.99, "the masks as they were")
    assert len(page.points()) == 1
    page.go(1)
    assert page.states() != ["not visited", "not visited"] and page.mask().any()
