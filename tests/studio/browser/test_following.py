"""The whole story: two objects, follow, stop, look where it doubts, correct, undo and redo, export."""

from __future__ import annotations

import csv
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sam2long
from tests.studio.browser.conftest import FRAMES, Clip
from tests.studio.browser.studio_page import Mask, StudioPage


@pytest.fixture(scope="module")
def session(clip: Clip) -> sam2long.Session:
    """The same prompts, followed by the `Session` API."""
    same = sam2long.Session(sam2long.load_model("nano"), clip.path)
    for object_id in (1, 2):
        same.add_box(0, object_id, clip.box(0, object_id))
    for _ in same.propagate():
        pass
    return same


def union(session: sam2long.Session, frame: int) -> Mask:
    result = session.result(frame)
    assert result is not None
    return np.logical_or.reduce(list(result.masks.values()))


@pytest.fixture
def marked(page: StudioPage, clip: Clip) -> StudioPage:
    """A page with a box around each object."""
    page.press("b")
    for number, object_id in enumerate((1, 2), start=1):
        page.press("a")
        x0, y0, x1, y1 = clip.box(0, object_id)
        page.drag((x0, y0), (x1, y1))
        page.wait(lambda n=number: len(page.objects()) == n and page.points(), "the object")
    page.press("c")
    return page


def test_follow_forward_shows_the_masks_of_the_session(
    marked: StudioPage, clip: Clip, session: sam2long.Session
) -> None:
    marked.follow()
    assert f"Followed {FRAMES} frames" in marked.done()
    for frame in (1, 17, FRAMES - 1):
        marked.go(frame)
        marked.see(union(session, frame), 0.9, f"the masks of frame {frame}")


def test_a_correction_runs_only_what_it_touches(marked: StudioPage, clip: Clip) -> None:
    marked.follow()
    doubtful = marked.wait(marked.doubts, "the doubtful frames")
    marked.press("n")
    assert doubtful[0].startswith(f"Frame {marked.frame()}")
    marked.go(25)
    before = marked.mask()
    marked.press("1")
    marked.click(*clip.inside(25, 1))
    marked.wait(lambda: len(marked.points()) == 1, "the correction")
    marked.go(30)
    marked.wait(lambda: [state == "outdated" for state in marked.states()] == [True, False], "object 1 to be outdated")
    marked.go(24)
    marked.wait(lambda: "outdated" not in marked.states(), "the frames before to be up to date")
    marked.follow()
    assert f"Followed {FRAMES - 25} frames" in marked.done()
    marked.press("Control+z")
    marked.wait(lambda: marked.frame() == 25 and not marked.points(), "the correction to be undone")
    marked.see(before, 0.99, "the mask as it was before")
    marked.press("Control+Shift+z")
    marked.wait(lambda: len(marked.points()) == 1, "the correction again")
    marked.go(30)
    marked.wait(lambda: "outdated" not in marked.states(), "results to come back with the correction")


def test_stop_keeps_everything_and_backward_goes_back(page: StudioPage, clip: Clip) -> None:
    page.go(20)
    page.click(*clip.inside(20, 1))
    page.wait(lambda: page.mask().any(), "a mask")
    page.press("f")
    page.running()
    page.wait(lambda: page.frame() >= 23, "some frames")
    page.press("s")
    assert "Stopped after" in page.done()
    page.go(22)
    page.wait(lambda: page.states() != ["not visited"] and page.mask().any(), "what was followed")
    page.go(FRAMES - 1)
    assert page.states() == ["not visited"]
    page.go(15)
    page.press("i")
    page.go(20)
    page.press("o")
    page.follow("r")
    page.go(16)
    page.wait(lambda: page.states() != ["not visited"] and page.mask().any(), "the way back")
    page.go(14)
    assert page.states() == ["not visited"]


def test_a_number_that_is_being_typed_stays_while_frames_go_by(marked: StudioPage) -> None:
    marked.press("f")
    marked.running()
    field = marked.tab.get_by_label("Frame", exact=True).and_(marked.tab.locator("input"))
    field.fill("3")
    at = marked.frame()
    marked.wait(lambda: marked.frame() != at, "the next frame")
    assert field.input_value() == "3"
    marked.press("Escape")
    assert field.input_value() != "3"
    marked.press("s")
    marked.done()
    marked.go(3)
    assert field.input_value() == "3"


def test_export_writes_what_track_writes(marked: StudioPage, tmp_path: Path) -> None:
    marked.follow()
    marked.press("x")
    dialog = marked.tab.get_by_role("dialog")
    dialog.get_by_label("npz").check()
    shown = dialog.locator(".command code")
    marked.wait(lambda: "--save png,npz" in shown.inner_text(), "the command line, before anything is written")
    before = shown.inner_text()
    dialog.get_by_role("button", name="Export").click()
    folder = Path(dialog.locator(".folder").inner_text())
    assert shown.inner_text() == before and str(folder) in before
    command = shlex.split(before)
    assert command[:2] == ["sam2long", "track"]
    again = tmp_path / "again"
    command[command.index("--out") + 1] = str(again)
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    written = sorted(path.relative_to(folder) for path in folder.rglob("*.png"))
    assert len(written) == FRAMES
    for name in written:
        assert np.array_equal(np.asarray(Image.open(folder / name)), np.asarray(Image.open(again / name)))
    assert _trace(folder) == _trace(again)


def _trace(folder: Path) -> list[dict[str, str]]:
    with (folder / "trace.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_follow_can_be_watched_by_a_second_tab(marked: StudioPage, open_page: Callable[..., StudioPage]) -> None:
    other = open_page(beside=marked)
    other.tab.get_by_text("Another tab is editing").wait_for()
    assert other.objects() == marked.objects()
    assert other.tab.get_by_role("button", name="Delete ").first.is_disabled()
    marked.press("f")
    other.running()
    other.done()
    other.wait(lambda: "not visited" not in other.states(), "what was followed")
    other.tab.get_by_role("button", name="Edit here instead").click()
    marked.tab.get_by_text("Another tab is editing").wait_for()
    other.tab.get_by_role("button", name="Delete ").first.click()
    marked.wait(lambda: len(marked.objects()) == 1, "the other tab's edit")
