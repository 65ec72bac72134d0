"""The studio in a real browser: how long a person waits, and the pictures of the guide.

    python -m benchmarks.studio measure [--clicks 30] [--jumps 30]     # figures, on an artificial 1080p clip with nano
    python -m benchmarks.studio pictures docs/images                   # screenshots, and one correction as an animation

Needs `pip install 'sam2long[studio,test]'` and Chromium. Times are taken by the page's own marks: a click is marked
when the pointer goes down, a mask or image when it has been drawn on its canvas (the screen shows it up to one refresh
later).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import sync_playwright

from sam2long.synthetic import Scene, SceneConfig, photo_clip
from tests.studio.browser.conftest import CHROMIUM, OPTIONS, Server
from tests.studio.browser.studio_page import StudioPage

_WATCH = """() => {
  window.marks = [];
  new PerformanceObserver((list) => {
    for (const { name, startTime, detail } of list.getEntries()) window.marks.push({ name, at: startTime, ...detail });
  }).observe({ type: "mark" });
}"""


def marks(page: StudioPage, name: str) -> list[dict[str, Any]]:
    return [mark for mark in page.tab.evaluate("() => window.marks") if mark["name"] == name]


def inside(scene: Scene, frame: int, object_id: int) -> tuple[float, float]:
    return middle(scene.render(frame)[1] == object_id)


def middle(mask: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The point of a mask next to its centre of mass."""
    ys, xs = np.nonzero(mask)
    nearest = int(np.argmin((xs - xs.mean()) ** 2 + (ys - ys.mean()) ** 2))
    return float(xs[nearest]) + 0.5, float(ys[nearest]) + 0.5


def summary(milliseconds: list[float]) -> str:
    numbers = {"n": len(milliseconds)}
    for name, share in (("median", 50), ("95%", 95), ("most", 100)):
        numbers[name] = round(float(np.percentile(milliseconds, share)))
    return f"{json.dumps(numbers)} ms"


def write_clip(scene: Scene, path: Path, frames: int, keys: int) -> None:
    """The scene back and forth, at 60 frames per second, with a key frame every so many frames."""
    count = scene.config.frames
    order = [*range(count), *range(count - 2, 0, -1)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=60, options={"preset": "veryfast", "crf": "20", "g": str(keys)})
        stream.width, stream.height, stream.pix_fmt = scene.config.width, scene.config.height, "yuv420p"
        images = [scene.render(t)[0] for t in range(count)]
        for number in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(images[order[number % len(order)]], "rgb24")))
        file.mux(stream.encode())


def clicks(page: StudioPage, at: tuple[float, float], count: int) -> list[float]:
    """Milliseconds from a click to its mask, on a frame that is encoded."""
    waits = []
    for i in range(count):
        before = max((mark["revision"] for mark in marks(page, "studio:masks")), default=0)
        # Towards the middle, and not so near the first click that it would be taken hold of.
        away = 40 + 15 * (i % 6)
        page.click(*(place + (away if place < size / 2 else -away) for place, size in zip(at, page.size)))
        after = page.wait(lambda b=before: [m for m in marks(page, "studio:masks") if m["revision"] > b], "the mask")
        waits.append(after[0]["at"] - marks(page, "studio:click")[-1]["at"])
        page.press("Control+z")
        page.tab.wait_for_timeout(300)
    return waits


def jumps(page: StudioPage, among: range, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from a step to a frame that no cache holds until a picture of it is drawn, then the frame itself."""
    first, whole = [], []
    for frame in np.random.default_rng(0).permutation(np.array(among[::_APART]))[:count]:
        page.tab.evaluate("() => (window.marks.length = 0)")
        began = page.tab.evaluate(_JUMP, int(frame))

        def drawn(small: bool, frame: int = frame) -> list[float]:
            images = [mark for mark in marks(page, "studio:image") if mark["frame"] == frame]
            return [mark["at"] for mark in images if small or not mark["proxy"]]

        whole.append(page.wait(lambda: drawn(False), "the frame")[0] - began)
        first.append(drawn(True)[0] - began)
        page.tab.wait_for_timeout(400)
    return first, whole


def wait_for_proxies(page: StudioPage, frames: int) -> float:
    """About how many seconds until the small images of all frames are made, with nothing else to do."""
    began = time.monotonic()
    page.tab.wait_for_timeout(3000)
    for frame in range(frames - 1, 0, -25):  # another one each time, since one that has been decoded is given as it is
        if page.tab.evaluate(_HAS_PROXY, frame):
            break
        page.tab.wait_for_timeout(3000)  # asking is work, which they wait for
    return time.monotonic() - began


_HAS_PROXY = """async (frame) => {
  const key = performance.getEntriesByType("resource").map((e) => new URL(e.name).searchParams.get("v")).find(Boolean);
  const answer = await fetch(`frames/${frame}?width=641&v=${key}&quick`);
  await answer.blob();
  return Boolean(answer.headers.get("x-proxy"));
}"""

_APART = 29
"""Frames between two jumps at least, more than the page loads ahead; and no divisor of the distance of key frames."""

_JUMP = """(frame) => {
  const field = document.getElementById("frame-number");
  field.value = frame;
  const began = performance.now();
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return began;
}"""


def rate(page: StudioPage, seconds: float) -> float:
    """Frames per second whose masks are drawn."""
    page.tab.evaluate("() => (window.marks.length = 0)")
    page.tab.wait_for_timeout(seconds * 1000)
    drawn = marks(page, "studio:masks")
    span = (drawn[-1]["at"] - drawn[0]["at"]) / 1000 if len(drawn) > 1 else seconds
    return round((len({mark["frame"] for mark in drawn}) - 1) / max(span, 0.001), 1)


def measure(arguments: argparse.Namespace, browser: Any, folder: Path) -> None:
    config = SceneConfig("easy", frames=60, height=1080, width=1920, objects=2)
    scene = Scene(config, seed=5)
    for keys in (30, 250):
        print(
            f"{arguments.frames} frames of 1920x1080, a key frame every {keys}; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        write_clip(scene, folder / f"clip{keys}.mp4", arguments.frames, keys)
        server = Server(folder / f"clip{keys}.mp4", folder / f"clip{keys}.s2l", threads=os.cpu_count() or 1).start()
        try:
            page = StudioPage(browser, server.address, (1920, 1080))
            page.view("Matte")
            page.tab.evaluate(_WATCH)
            halves = range(100, arguments.frames // 2), range(arguments.frames // 2, arguments.frames)
            _, whole = jumps(page, halves[0], arguments.jumps)
            print("jump to image, just opened:", summary(whole), flush=True)
            print(f"proxies made in {wait_for_proxies(page, arguments.frames):.0f} s", flush=True)
            first, whole = jumps(page, halves[1], arguments.jumps)
            print("jump to a picture, with proxies:", summary(first), flush=True)
            print("jump to the frame itself, with proxies:", summary(whole), flush=True)
            if keys == 30:
                work(page, scene, arguments.clicks)
            page.close()
        finally:
            server.kill()
    print(f"load {os.getloadavg()[0]:.1f}")


def work(page: StudioPage, scene: Scene, count: int) -> None:
    """Clicks, following and playing."""
    at = inside(scene, 0, 1)
    page.press("Home")
    page.click(*at)
    page.wait(lambda: page.mask().any(), "the first mask")
    page.tab.wait_for_timeout(1500)
    print("click to mask:", summary(clicks(page, at, count)), flush=True)
    page.press("f")
    page.wait(lambda: page.frame() > 2, "following")
    print("masks per second while following:", rate(page, 6), flush=True)
    end = time.monotonic() + 300
    while page.frame() <= 120 and time.monotonic() < end:
        page.tab.wait_for_timeout(200)
    page.press("Home")
    page.tab.wait_for_timeout(1000)
    page.press(" ")
    page.tab.wait_for_timeout(300)
    print("masks per second, playing while following:", rate(page, 1.8), flush=True)
    page.press(" ", "s")
    print("following, in the page's words:", page.done().splitlines(), flush=True)
    page.press("Home")
    page.tab.wait_for_timeout(2000)
    page.press(" ")
    page.tab.wait_for_timeout(300)
    print("masks per second, playing:", rate(page, 1.8), flush=True)
    page.press(" ")
    page.go(59)
    page.tab.wait_for_timeout(2000)
    print("correction to mask:", summary(clicks(page, inside(scene, 59, 1), count // 2)), flush=True)


def pictures(arguments: argparse.Namespace, browser: Any, folder: Path) -> None:
    """A session on the bundled clip of photos, as a person would go through it."""
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(photo_clip.VIDEO, folder / "match.mp4")
    server = Server(folder / "match.mp4", folder / "match.s2l").start()
    shots: list[tuple[bytes, int]] = []
    try:
        page = open_in(browser, server, "Dark")
        story(page, photo_clip.read_masks(), out, shots)
        page.close()
        if arguments.every_size:
            every_size(browser, server, out)
    finally:
        server.kill()
    save_animation(shots, out / "studio.webp")
    for path in sorted(out.glob("studio*.*")):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def open_in(browser: Any, server: Server, theme: str) -> StudioPage:
    page = StudioPage(browser, server.address, (384, 256))
    switch = page.tab.get_by_role("button", name=f"{theme} theme")
    if switch.count():
        switch.click()
    return page


def every_size(browser: Any, server: Server, out: Path) -> None:
    """What a designer looks at: both themes, a small and a large window."""
    for theme in ("Dark", "Light"):
        page = open_in(browser, server, theme)
        for width, height in ((1280, 720), (1920, 1080)):
            page.tab.set_viewport_size({"width": width, "height": height})
            page.tab.wait_for_timeout(1500)
            picture(page, out / f"studio-{theme.lower()}-{width}.jpg")
        page.close()


def picture(page: StudioPage, path: Path) -> None:
    page.tab.screenshot(path=path, type="jpeg", quality=72)


def save_animation(shots: list[tuple[bytes, int]], path: Path) -> None:
    frames = [
        Image.open(io.BytesIO(data)).convert("RGB").resize((800, 450), Image.Resampling.LANCZOS) for data, _ in shots
    ]
    durations = [milliseconds for _, milliseconds in shots]
    how = {"duration": durations, "loop": 0, "quality": 60, "method": 6}
    frames[0].save(path, save_all=True, append_images=frames[1:], **how)


def story(page: StudioPage, truth: npt.NDArray[np.bool_], out: Path, shots: list[tuple[bytes, int]]) -> None:
    """Mark, follow, look, correct and follow again."""

    def shoot(milliseconds: int) -> None:
        shots.append((page.tab.screenshot(), milliseconds))

    shoot(900)
    page.press("a")
    ys, xs = np.nonzero(truth[0])
    page.press("b")
    page.drag((xs.min(), ys.min()), (xs.max() + 1, ys.max() + 1))
    page.wait(lambda: page.objects() and page.points(), "the object")
    page.press("c")
    page.tab.wait_for_timeout(600)
    shoot(900)
    page.press("1", "f")
    page.running()
    # Thirty pictures at most, however long it takes.
    while page.tab.get_by_role("progressbar", name="Following").count():
        page.tab.wait_for_timeout(400)
        if len(shots) < 30:
            shoot(120)
    page.tab.wait_for_timeout(2500)
    shoot(700)
    if page.doubts():
        correct(page, truth, shoot, out)
    else:
        print("no frame looks doubtful, so none is corrected")
        picture(page, out / "studio-doubt.jpg")
    page.press("x")
    page.tab.get_by_role("dialog").locator(".command").wait_for()
    picture(page, out / "studio-export.jpg")
    page.press("Escape")


def correct(page: StudioPage, truth: npt.NDArray[np.bool_], shoot: Callable[[int], None], out: Path) -> None:
    """Go to the first doubtful frame on which the object is in view, click on it, and follow again."""
    shown = False
    for _ in page.doubts():
        page.press("n")
        page.tab.wait_for_timeout(1200)
        shown = truth[page.frame()].sum() > 400
        if shown:
            break
    shoot(1500)
    picture(page, out / "studio-doubt.jpg")
    if not shown:
        return
    page.click(*middle(truth[page.frame()]))
    page.wait(page.points, "the correction")
    page.tab.wait_for_timeout(1200)
    shoot(1500)
    page.press("f")
    page.tab.wait_for_timeout(1200)
    shoot(300)
    page.done()
    page.tab.wait_for_timeout(800)
    shoot(1500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--clicks", type=int, default=30)
    measuring.add_argument("--jumps", type=int, default=30)
    measuring.add_argument("--frames", type=int, default=2000)
    measuring.set_defaults(run=measure)
    drawing = commands.add_parser("pictures")
    drawing.add_argument("out", type=Path)
    drawing.add_argument("--every-size", action="store_true", help="also both themes at 1280x720 and 1920x1080")
    drawing.set_defaults(run=pictures)
    arguments = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        arguments.run(arguments, browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
