"""What a person does while the server's answers are on their way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.studio.browser.conftest import Clip
from tests.studio.browser.studio_page import StudioPage


class SlowLine:
    """The page's connection, on which messages of some types are held up for a while, as on a busy machine."""

    def __init__(self, page: StudioPage) -> None:
        self._held: list[Callable[[], None]] = []
        self._types: tuple[str, ...] = ()
        page.context.route_web_socket("**/ws", self._connect)
        page.tab.reload()
        page.tab.locator(".curtain").wait_for(state="detached")

    def hold(self, *types: str) -> None:
        """Hold up messages of these types, either way."""
        self._types = types

    def release(self) -> None:
        """Let everything pass."""
        self._types = ()
        for send in self._held:
            send()
        self._held.clear()

    def _connect(self, page: Any) -> None:
        server = page.connect_to_server()
        page.on_message(lambda message: self._pass_on(message, server))
        server.on_message(lambda message: self._pass_on(message, page))

    def _pass_on(self, message: str | bytes, to: Any) -> None:
        if isinstance(message, str) and json.loads(message)["type"] in self._types:
            self._held.append(lambda: to.send(message))
        else:
            to.send(message)


@pytest.fixture
def line(page: StudioPage) -> SlowLine:
    return SlowLine(page)


def test_whoever_goes_on_after_undo_is_not_called_back(page: StudioPage, clip: Clip, line: SlowLine) -> None:
    page.click(*clip.inside(0, 1))
    page.wait(lambda: len(page.points()) == 1, "the click")
    page.click(*clip.inside(0, 2))
    page.wait(lambda: len(page.points()) == 2, "the second click")
    line.hold("done")
    page.press("Control+z")
    page.wait(lambda: len(page.points()) == 1, "the click to be undone")
    page.go(7)
    line.release()
    page.tab.get_by_text("Undone.").wait_for(state="attached")
    assert page.frame() == 7


def test_undo_goes_where_it_changes_something(page: StudioPage, clip: Clip, line: SlowLine) -> None:
    page.click(*clip.inside(0, 1))
    page.wait(lambda: len(page.points()) == 1, "the click")
    page.go(7)
    line.hold("done")
    page.press("Control+z")
    page.wait(lambda: not page.points(), "the click to be undone")
    line.release()
    page.wait(lambda: page.frame() == 0, "the frame of the click")


@pytest.mark.parametrize("how", ["click", "box"])
def test_following_waits_for_a_prompt_on_its_way(page: StudioPage, clip: Clip, line: SlowLine, how: str) -> None:
    line.hold("add_object", how)
    if how == "click":
        page.click(*clip.inside(0, 1))
    else:
        page.press("b")
        x0, y0, x1, y1 = clip.box(0, 1)
        page.drag((x0, y0), (x1, y1))
    page.press("f")
    page.tab.wait_for_timeout(200)
    line.release()
    page.running()
    page.press("s")
    page.done()
