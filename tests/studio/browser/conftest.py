"""A real browser, a real server in a process of its own, and an artificial clip whose true masks are known."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sam2long.synthetic import Scene, SceneConfig
from sam2long.synthetic.export import write_mp4
from tests.studio.browser.studio_page import StudioPage

HEIGHT, WIDTH, FRAMES = 240, 320, 40
CHROMIUM = os.environ.get("SAM2LONG_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
REQUIRED = bool(os.environ.get("SAM2LONG_REQUIRE_BROWSER"))
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Ids = npt.NDArray[np.uint8]


class Clip:
    """Two objects that move in front of a background, and where they truly are."""

    def __init__(self, folder: Path) -> None:
        self.scene = Scene(SceneConfig("easy", frames=FRAMES, height=HEIGHT, width=WIDTH, objects=2), seed=5)
        self.path = folder / "clip.mp4"
        write_mp4(self.scene, self.path)

    def truth(self, frame: int, object_id: int) -> npt.NDArray[np.bool_]:
        """True mask, bool [height, width]."""
        return np.asarray(self.scene.render(frame)[1] == object_id)

    def inside(self, frame: int, object_id: int) -> tuple[float, float]:
        """A pixel well inside the object, (x, y)."""
        ys, xs = np.nonzero(self.truth(frame, object_id))
        nearest = int(np.argmin((xs - xs.mean()) ** 2 + (ys - ys.mean()) ** 2))
        return float(xs[nearest]) + 0.5, float(ys[nearest]) + 0.5

    def box(self, frame: int, object_id: int) -> tuple[float, float, float, float]:
        """Its box, (x0, y0, x1, y1)."""
        ys, xs = np.nonzero(self.truth(frame, object_id))
        return float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)


class Server:
    """`sam2long studio` in a process of its own; `program` are Python's words for the command."""

    def __init__(
        self,
        video: Path,
        session: Path,
        *options: str,
        threads: int = 1,
        program: tuple[str, ...] = ("-m", "sam2long"),
    ) -> None:
        self.video, self.session, self.options, self.threads, self.program = video, session, options, threads, program
        self.port = 0
        self.address = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Server:
        command = [sys.executable, *self.program, "studio", str(self.video), "--session", str(self.session)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--no-browser", *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(self.threads), "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=\S+", line)
            if found:
                self.address, self.port = found[0], int(found[1])
                return self
        raise AssertionError(f"the studio did not start: {said}")

    def kill(self) -> None:
        """As a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def server(clip: Clip, browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(clip.path, tmp_path_factory.mktemp("studio") / "clip.s2l").start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    missing = "no Chromium was found; install it, or name it in SAM2LONG_CHROMIUM" if CHROMIUM is None else ""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = missing or "Playwright is not installed: pip install 'sam2long[test]'"
    if missing:
        (pytest.fail if REQUIRED else pytest.skip)(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(server: Server, browser: object) -> Iterator[Callable[..., StudioPage]]:
    """Open tabs on the studio; nothing but its server can be reached, and nothing may go wrong in the page."""
    pages: list[StudioPage] = []

    def open_one(beside: StudioPage | None = None) -> StudioPage:
        page = StudioPage(browser, server.address, (WIDTH, HEIGHT), beside)
        pages.append(page)
        return page

    yield open_one
    for page in pages:
        page.close()
    assert [problem for page in pages for problem in page.problems] == []


@pytest.fixture
def page(open_page: Callable[..., StudioPage]) -> StudioPage:
    """A page on which nothing is marked."""
    opened = open_page()
    opened.clear()
    return opened
