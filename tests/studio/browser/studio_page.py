"""What a person does on the page, and what they see there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

MARGIN = 16
"""Stage units left free around the picture, as in geometry.js."""
PATIENCE = 60
"""Seconds to wait for anything, on a busy machine."""

Mask = npt.NDArray[np.bool_]

_PROBE = """([width, height, left, top, scaleX, scaleY]) => {
  const canvas = document.getElementById("masks");
  const dense = canvas.width / canvas.clientWidth;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let found = "";
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [row, column] = [top + (y + 0.5) * scaleY, left + (x + 0.5) * scaleX].map((at) => Math.floor(at * dense));
      const at = 4 * (row * canvas.width + column);
      found += pixels[at] > 127 && pixels[at + 3] > 127 ? "1" : "0";
    }
  }
  return found;
}"""


class StudioPage:
    """A tab with the studio in it.

    Args:
        browser: a running Chromium.
        address: with the token.
        size: width and height of the video.
        beside: another tab, whose cookies are shared.
    """

    def __init__(self, browser: Any, address: str, size: tuple[int, int], beside: StudioPage | None = None) -> None:
        self.size = size
        self.problems: list[str] = []
        self._own_context = beside is None
        self.context = (
            browser.new_context(viewport={"width": 1280, "height": 720}) if beside is None else beside.context
        )
        self._host = urlsplit(address).netloc
        if beside is None:
            self.context.route("**/*", self._only_the_server)
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(PATIENCE * 1000)
        self.tab.on("pageerror", lambda error: self.problems.append(str(error)))
        self.tab.goto(address)
        self.tab.locator(".curtain").wait_for(state="detached")
        self.wait(lambda: self.remark("Loading") is None, "the first frame")

    def _only_the_server(self, route: Any) -> None:
        if urlsplit(route.request.url).netloc == self._host:
            route.continue_()
        else:
            self.problems.append(f"asked for {route.request.url}")
            route.abort()

    def close(self) -> None:
        if self._own_context:
            self.context.close()

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until a condition holds, and return what it returned."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            self.tab.wait_for_timeout(40)
        raise AssertionError(f"waited in vain for {what}")

    # Places and masks

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Place on the screen of a pixel of the video, with the whole frame in view."""
        box = self.tab.locator(".stage").bounding_box()
        scale = self._scale(box)
        return (
            box["x"] + box["width"] / 2 + (x - self.size[0] / 2) * scale,
            box["y"] + box["height"] / 2 + (y - self.size[1] / 2) * scale,
        )

    def _scale(self, box: dict[str, float]) -> float:
        return min((box["width"] - 2 * MARGIN) / self.size[0], (box["height"] - 2 * MARGIN) / self.size[1])

    def mask(self) -> Mask:
        """Union of the masks on screen, bool [height, width] of the video; the view must be "Matte"."""
        box = self.tab.locator(".stage").bounding_box()
        scale = self._scale(box)
        left, top = box["width"] / 2 - self.size[0] / 2 * scale, box["height"] / 2 - self.size[1] / 2 * scale
        bits = self.tab.evaluate(_PROBE, [*self.size, left, top, scale, scale])
        return (np.frombuffer(bits.encode(), np.uint8) == ord("1")).reshape(self.size[1], self.size[0])

    def see(self, expected: Mask, least: float, what: str) -> float:
        """Wait until the masks on screen agree with a mask; return their IoU."""
        return float(self.wait(lambda: (found := iou(self.mask(), expected)) >= least and found, what))

    # What a person does

    def click(self, x: float, y: float, **how: Any) -> None:
        self.tab.mouse.click(*self.place(x, y), **how)

    def drag(self, *points: tuple[float, float]) -> None:
        self.tab.mouse.move(*self.place(*points[0]))
        self.tab.mouse.down()
        for point in points[1:]:
            self.tab.mouse.move(*self.place(*point), steps=4)
        self.tab.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def view(self, name: str) -> None:
        self.tab.get_by_role("radio", name=name).click()

    def go(self, frame: int) -> None:
        self.tab.get_by_label("Frame", exact=True).and_(self.tab.locator("input")).fill(str(frame))
        self.press("Enter")
        self.wait(lambda: self.frame() == frame and self.remark("Loading") is None, f"frame {frame}")

    def clear(self) -> None:
        """Delete all objects, and go to the first frame, in black and white."""
        for left in range(len(self.objects()) - 1, -1, -1):
            self.wait(lambda: self.tab.get_by_role("button", name="Delete ").first.is_enabled(), "leave to edit")
            self.tab.get_by_role("button", name="Delete ").first.click()
            self.wait(lambda rest=left: len(self.objects()) == rest, "the object to go")
        self.view("Matte")
        self.press("Home", "c", "u", "a")

    def follow(self, key: str = "f") -> None:
        """Follow to the end."""
        self.press(key)
        self.running()
        self.done()

    def running(self) -> None:
        self.tab.get_by_role("progressbar", name="Following").wait_for()

    def done(self) -> str:
        """Wait until following has ended, and return what the page says of it."""
        self.tab.get_by_role("button", name="Backward").wait_for(timeout=120_000)
        return str(self.tab.locator(".transport").inner_text())

    # What a person sees

    def frame(self) -> int:
        return int(self.tab.get_by_role("slider", name="Frame").get_attribute("aria-valuenow"))

    def remark(self, start: str) -> str | None:
        return next((text for text in self.tab.locator(".remark").all_inner_texts() if start in text), None)

    def objects(self) -> list[str]:
        return list(self.tab.locator(".object[data-object] .name > span").all_inner_texts())

    def states(self) -> list[str]:
        """What the panel says of each object on the shown frame."""
        return list(self.tab.locator(".object[data-object] .name small").all_inner_texts())

    def points(self) -> list[str]:
        """Clicks of the chosen object on the shown frame, in words."""
        return [text.strip() for text in self.tab.locator(".prompts li").all_inner_texts()]

    def clicked(self, index: int, x: float, y: float) -> bool:
        """Whether a click of the chosen object lies at a pixel of the video, within what a screen can tell."""
        listed = self.points()
        numbers = re.findall(r"\d+", listed[index]) if index < len(listed) else []
        return len(numbers) == 2 and abs(int(numbers[0]) - x) <= 1 and abs(int(numbers[1]) - y) <= 1

    def doubts(self) -> list[str]:
        return [text.strip() for text in self.tab.locator(".doubt").all_inner_texts()]


def iou(one: Mask, other: Mask) -> float:
    """Overlap of two masks; 1 if both are empty."""
    union = np.logical_or(one, other).sum()
    return float(np.logical_and(one, other).sum() / union) if union else 1.0
