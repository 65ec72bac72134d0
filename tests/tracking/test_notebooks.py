"""What notebooks need: sessions and results as HTML, and propagation that does not block an event loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import threading
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import sam2long
from sam2long import Session
from sam2long.errors import ConfigError, PromptError
from sam2long.results import FrameResult
from sam2long.results.palette import bright_colour
from tests.tracking.blob import FRAMES, HEIGHT, WIDTH, same_results, start


def run(work):
    """Run a coroutine, in a thread of its own, since Playwright's loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result(300)


SVG = "{http://www.w3.org/2000/svg}"
VOID = {"img", "br"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and that nothing is loaded or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.images: list[Image.Image] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert tag not in ("script", "link", "iframe", "style", "object")
        assert not any(name.startswith("on") or name in ("href", "srcset") for name in values)
        if "src" in values:
            head, _, data = str(values["src"]).partition(",")
            assert head in ("data:image/jpeg;base64", "data:image/png;base64")
            self.images.append(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "rect"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def drawing(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])


def said(svg: ElementTree.Element) -> list[str]:
    """What the bars and triangles say when one points at them."""
    return [str(title.text) for shape in svg for title in shape.iter(f"{SVG}title") if shape is not title]


def test_a_result_shows_its_masks_and_numbers() -> None:
    masks = {1: np.zeros((40, 60), bool), 5: np.zeros((40, 60), bool), 9: np.zeros((40, 60), bool)}
    masks[1][5:20, 5:20] = masks[5][10:30, 10:40] = True
    result = FrameResult(7, 0.28, masks, {1: 0.9, 5: 0.5, 9: 0.1}, {1: 8, 5: 1, 9: -8}, dict.fromkeys(masks, 0.25))
    page = Page(result._repr_html_())
    (image,) = page.images
    assert image.size == (60, 40)
    assert image.getpixel((12, 12)) == tuple(bright_colour(1))  # the smaller id is on top
    assert image.getpixel((30, 25)) == tuple(bright_colour(5))
    assert image.getpixel((55, 35)) == (24, 24, 24)
    cells = [text for text in page.text if text.strip()]
    assert cells[0] == "frame 7, 0.280 s"
    assert [cell for cell in cells if cell != "■"][-18:] == [
        *(" 1", "visible", "0.90", "8.0", "0.25", "225"),
        *(" 5", "visible", "0.50", "1.0", "0.25", "600"),
        *(" 9", "hidden", "0.10", "-8.0", "0.25", "0"),
    ]


def test_large_and_empty_results() -> None:
    mask = np.zeros((900, 1600), bool)
    mask[:, 800:] = True
    ones = dict.fromkeys(range(1, 41), 1.0)
    text = FrameResult(0, 0, dict.fromkeys(ones, mask), ones, ones, ones)._repr_html_()
    page = Page(text)
    assert page.images[0].size == (320, 180)
    assert "and 10 more objects" in "".join(page.text) and len(text) < 30_000
    nothing = Page(FrameResult(0, 0, {}, {}, {}, {})._repr_html_())
    assert not nothing.images and "no object on this frame" in "".join(nothing.text)


def test_a_session_shows_a_frame_and_what_is_known_of_each_object(small_model, clip) -> None:
    session = start(small_model, clip)
    assert "triangle: prompt" in session._repr_html_()  # before anything is tracked
    list(session.propagate(end=11))
    session.set_style(2, name="<b>the & other</b>")
    session.add_points(8, 1, [(52, 30)])
    text = session._repr_html_()
    page = Page(text)
    assert f"{FRAMES} frames of {WIDTH}x{HEIGHT}" in "".join(page.text)
    (image,) = page.images
    assert image.size == (WIDTH, HEIGHT)
    svg = drawing(text)
    titles = said(svg)
    expected = {f"prompt on frame {frame}" for frame in (0, 8)}
    expected.add("object 1: outdated, frames 8 to 11")
    assert expected <= set(titles)
    states = {title for title in titles if title.startswith("<b>the & other</b>: ")}
    known = list(session.observations(2))
    covered = sum(int(last) - int(first) + 1 for *_, first, _, last in (title.split() for title in states))
    assert covered == len(known) == 12
    # Bars lie where their frames are: the lane is 480 wide, and begins at 130.
    (bar,) = [shape for shape in svg if (shape.findtext(f"{SVG}title") or "").startswith("object 1: outdated")]
    assert float(bar.get("x", 0)) == pytest.approx(130 + 8 * 480 / FRAMES, abs=0.01)
    assert float(bar.get("width", 0)) == pytest.approx(4 * 480 / FRAMES, abs=0.01)
    session.close()


def test_sessions_without_results_or_prompts(small_model, clip) -> None:
    assert "no prompts yet" in "".join(Page(Session(small_model, clip)._repr_html_()).text)
    live = Session(small_model, iter(clip))
    assert not Page(live._repr_html_()).images
    unkept = start(small_model, clip, keep_results=False)
    list(unkept.propagate(end=2))
    assert Page(unkept._repr_html_()).images


def test_while_another_thread_follows_only_progress_is_shown(small_model, clip) -> None:
    session = start(small_model, clip)
    seen: list[str] = []
    for _ in session.propagate(end=3):
        watcher = threading.Thread(target=lambda: seen.append(session._repr_html_()))
        watcher.start()
        watcher.join()
    assert all("following: " in text and "of 4 frames" in text and "<svg" not in text for text in seen)
    assert "<svg" in session._repr_html_()


async def _all(session: Session, **span) -> list[FrameResult]:
    return [result async for result in sam2long.follow(session, **span)]


def test_following_with_asyncio_gives_the_same_results(small_model, clip) -> None:
    expected = list(start(small_model, clip).propagate(2, 11, stride=3))
    same_results(run(_all(start(small_model, clip), start=2, end=11, stride=3)), expected)


def test_errors_come_through(small_model, clip) -> None:
    with pytest.raises(PromptError):
        run(_all(Session(small_model, clip)))
    with pytest.raises(ConfigError):
        run(_all(start(small_model, clip), start=99))


def test_the_event_loop_goes_on_and_cancelling_loses_nothing(small_model, clip, monkeypatch) -> None:
    """The visit under way waits until the event loop has done something else, and is finished after the cancel."""
    whole = list(start(small_model, clip).propagate())
    session = start(small_model, clip)
    inside, released = threading.Event(), threading.Event()
    encode = type(small_model).encode_memory

    def waiting(*words, **settings):
        if session.progress is not None and session.progress.done >= 6:
            inside.set()
            assert released.wait(60)
        return encode(*words, **settings)

    monkeypatch.setattr(type(small_model), "encode_memory", waiting)
    found: list[FrameResult] = []

    async def collect() -> None:
        async for result in sam2long.follow(session):
            found.append(result)

    async def main() -> None:
        task = asyncio.create_task(collect())
        while not inside.is_set():
            await asyncio.sleep(0.001)
        assert not task.done()  # the loop runs while the visit does
        try:
            with pytest.raises(PromptError, match="another thread is propagating"):
                session.add_points(3, 1, [(40, 30)])
            task.cancel()
            await asyncio.sleep(0)
        finally:
            released.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run(main())
    for thread in threading.enumerate():
        if thread.name.startswith("follow") and not thread.daemon:
            thread.join(60)  # it may still be ending
            assert not thread.is_alive()
    assert 0 < len(found) < FRAMES
    session.add_points(3, 9, [(70, 50)])  # it can be edited again
    session.undo()
    same_results([*found, *session.propagate(start=len(found))], whole)


def test_leaving_the_loop_early(small_model, clip) -> None:
    session = start(small_model, clip)

    async def main() -> int:
        async with contextlib.aclosing(sam2long.follow(session)) as results:
            async for result in results:
                if result.frame == 4:
                    break
        session.add_points(2, 9, [(70, 50)])
        return len([result async for result in sam2long.follow(session)])

    assert run(main()) == FRAMES
    same_results(list(session.results())[:2], list(start(small_model, clip).propagate(end=1)))
