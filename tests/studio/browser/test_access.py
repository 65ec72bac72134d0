"""The page is usable by everyone: no serious violation that axe-core knows of, and a whole story by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studio.browser.conftest import FRAMES, HEIGHT, WIDTH, Clip
from tests.studio.browser.studio_page import StudioPage

SETTLED = """() => Promise.all(document.getAnimations()
    .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => null)))"""
"""Ends when no colour is on its way from one to another: between two that are readable lie some that are not."""


def serious(page: StudioPage) -> list[str]:
    """Serious and critical violations, in words, once the page has settled."""
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core comes with sam2long[test]")
    if not page.tab.evaluate("() => Boolean(window.axe)"):
        # Debuggers may evaluate what the page itself may not.
        page.tab.evaluate(axe.AXE_FILE_PATH.read_text(encoding="utf-8"))
    page.tab.evaluate(SETTLED)
    found: dict[str, Any] = page.tab.evaluate("() => axe.run()")
    return [
        f"{violation['id']}: {violation['help']}: {node['target']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_serious(page: StudioPage, clip: Clip, theme: str) -> None:
    switch = page.tab.get_by_role("button", name=f"{theme} theme")
    if switch.count():
        switch.click()
    assert serious(page) == []
    page.click(*clip.inside(0, 1))
    page.wait(lambda: page.mask().any(), "a mask")
    page.view("Overlay")
    page.press("d", "k", "i")
    assert serious(page) == []
    page.press("Escape")
    for key in ("?", "x"):
        page.press(key)
        page.tab.get_by_role("dialog").wait_for()
        assert serious(page) == []
        page.press("Escape")
        page.tab.get_by_role("dialog").wait_for(state="detached")


def test_a_story_by_keyboard_alone(page: StudioPage, clip: Clip) -> None:
    def walk(to: tuple[float, float], start: tuple[float, float]) -> None:
        """Move the crosshair; one press is 12 pixels of the screen, or one with Shift."""
        scale = (page.place(1, 0)[0] - page.place(0, 0)[0]) or 1
        for there, here, back, on in (
            (to[0], start[0], "ArrowLeft", "ArrowRight"),
            (to[1], start[1], "ArrowUp", "ArrowDown"),
        ):
            coarse, fine = divmod(round(abs(there - here) * scale), 12)
            key = on if there > here else back
            page.press(*[key] * coarse, *[f"Shift+{key}"] * fine)

    page.press("k")
    target = clip.inside(0, 1)
    walk(target, (WIDTH / 2, HEIGHT / 2))
    page.press("Enter")
    page.wait(lambda: page.mask().any(), "the mask of the click")
    assert page.clicked(0, *target)
    page.press("Escape", "a", "b", "k")
    x0, y0, x1, y1 = clip.box(0, 2)
    walk((x0, y0), (WIDTH / 2, HEIGHT / 2))
    page.press("Enter")
    walk((x1, y1), (x0, y0))
    page.press("Enter", "Escape")
    page.wait(lambda: len(page.objects()) == 2 and page.points(), "the box")
    assert page.points()[0].startswith("Box at")
    page.follow()
    page.press("End")
    page.wait(lambda: page.frame() == FRAMES - 1 and "not visited" not in page.states(), "the last frame")
    page.press("Shift+ArrowLeft", "ArrowRight")
    assert page.frame() == FRAMES - 10
    if page.doubts():
        page.press("n")
        page.wait(lambda: page.doubts()[0].startswith(f"Frame {page.frame()}"), "the doubtful frame")
    page.press("Home", "1")
    page.wait(lambda: page.clicked(0, *target), "the first object's click")
    page.press("Delete")
    page.wait(lambda: not page.points(), "the click to go")
    page.press("Control+z")
    page.wait(lambda: page.clicked(0, *target), "undo")
    page.press("x")
    page.tab.get_by_role("dialog").wait_for()
    for _ in range(10):
        page.press("Tab")
        if page.tab.evaluate("() => document.activeElement.type === 'checkbox'"):
            break
    page.press("Enter")
    page.tab.get_by_role("dialog").locator(".folder").wait_for()
    page.press("Escape")
