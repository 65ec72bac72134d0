"""Marking objects: what the page shows is what `Session` gives."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import sam2long
from tests.studio.browser.conftest import Clip
from tests.studio.browser.studio_page import StudioPage


@pytest.fixture(scope="module")
def session(clip: Clip) -> sam2long.Session:
    return sam2long.Session(sam2long.load_model("nano"), clip.path)


def test_a_click_gives_the_mask_of_the_session(page: StudioPage, clip: Clip, session: sam2long.Session) -> None:
    x, y = clip.inside(0, 1)
    page.click(x, y)
    session.add_points(0, 1, [(x, y)])
    page.see(session.preview(0, 1).mask, 0.95, "the mask of the click")
    assert page.objects() == ["object 1"] or page.objects() == ["Object 1"]
    page.wait(lambda: len(page.points()) == 1 and page.clicked(0, x, y), "the click in the list")


def test_clicks_left_out_moved_and_removed(page: StudioPage, clip: Clip, session: sam2long.Session) -> None:
    x, y = clip.inside(0, 1)
    page.click(x, y)
    page.wait(lambda: page.mask().any(), "a mask")
    first = page.mask()
    other = clip.inside(0, 2)
    page.click(*other, button="right")
    page.wait(lambda: len(page.points()) == 2, "the second click")
    assert page.points()[1].startswith("Left out")
    session.add_points(0, 3, [(x, y)])
    session.add_points(0, 3, [other], [0])
    page.see(session.preview(0, 3).mask, 0.9, "the mask of both clicks")
    page.drag((x, y), (x + 4, y + 3))
    page.wait(lambda: page.clicked(0, x + 4, y + 3), "the click to move")
    page.tab.get_by_role("button", name="Remove click 2").click()
    page.wait(lambda: len(page.points()) == 1, "the click to go")
    page.press("Control+z", "Control+z")
    page.wait(lambda: page.clicked(0, x, y) and len(page.points()) == 2, "the click to move back")
    page.press("Control+z")
    page.see(first, 0.99, "the first mask again")


def test_a_box(page: StudioPage, clip: Clip, session: sam2long.Session) -> None:
    x0, y0, x1, y1 = clip.box(0, 2)
    page.press("b")
    page.drag((x0, y0), (x1, y1))
    session.add_box(0, 2, (x0, y0, x1, y1))
    page.see(session.preview(0, 2).mask, 0.9, "the mask of the box")
    page.wait(lambda: page.points() and page.points()[0].startswith("Box at"), "the box in the list")


def test_brush_and_eraser(page: StudioPage) -> None:
    page.press("d")
    page.drag((60, 60), (160, 60))
    page.wait(lambda: page.mask()[60, 60:160].all(), "the stroke")
    assert page.mask()[:40].sum() == 0
    page.press("e")
    page.drag((110, 40), (110, 80))
    page.wait(lambda: not page.mask()[60, 108:112].any(), "the gap")
    assert page.mask()[60, 70] and page.mask()[60, 150]


def test_an_imported_mask(page: StudioPage, clip: Clip) -> None:
    first, second = clip.truth(0, 1), clip.truth(0, 2) & ~clip.truth(0, 1)
    colours = np.zeros((*first.shape, 3), np.uint8)
    colours[first], colours[second] = (200, 0, 0), (0, 200, 0)
    stream = io.BytesIO()
    Image.fromarray(colours).save(stream, "PNG")
    page.tab.get_by_role("button", name="Import a mask").click()
    file = {"name": "masks.png", "mimeType": "image/png", "buffer": stream.getvalue()}
    page.tab.get_by_label("Mask image").set_input_files(file)
    page.tab.get_by_role("button", name="Add 2 new objects").click()
    page.wait(lambda: len(page.objects()) == 2, "two objects")
    page.see(first | second, 0.97, "both masks")


def test_shift_previews_and_forgets(page: StudioPage, clip: Clip, session: sam2long.Session) -> None:
    page.click(*clip.inside(0, 1))
    page.wait(lambda: page.mask().any(), "a mask")
    before = page.mask()
    x, y = clip.inside(0, 2)
    page.tab.keyboard.down("Shift")
    page.tab.mouse.move(*page.place(x, y))
    session.add_points(0, 4, [clip.inside(0, 1)])
    session.add_points(0, 4, [(x, y)])
    page.see(session.preview(0, 4).mask, 0.9, "the preview with the other click")
    page.tab.keyboard.up("Shift")
    page.see(before, 0.99, "the mask as it was")
    page.wait(lambda: len(page.points()) == 1, "one click in the list")


def test_shift_previews_an_object_before_its_first_click(page: StudioPage, clip: Clip) -> None:
    page.tab.keyboard.down("Shift")
    page.tab.mouse.move(*page.place(*clip.inside(0, 1)))
    page.wait(lambda: page.mask().any(), "the preview")
    preview = page.mask()
    assert page.objects() == []
    page.tab.keyboard.up("Shift")
    page.wait(lambda: not page.mask().any(), "the preview to go")
    page.click(*clip.inside(0, 1))
    page.see(preview, 0.99, "the mask that was previewed")


def test_rename_hide_lock_recolour_delete(page: StudioPage, clip: Clip) -> None:
    page.click(*clip.inside(0, 1))
    page.wait(lambda: page.mask().any(), "a mask")
    row = page.tab.locator(".object[data-object]")
    row.locator("button.name").dblclick()
    page.tab.get_by_label("Name", exact=True).fill("goose")
    page.press("Enter")
    page.wait(lambda: page.objects() == ["goose"], "the new name")
    row.get_by_label("Colour of goose").fill("#ff8800")
    page.tab.get_by_role("button", name="Hide goose").click()
    page.wait(lambda: not page.mask().any(), "the mask to be hidden")
    page.tab.get_by_role("button", name="Hide goose").click()
    page.wait(lambda: page.mask().any(), "the mask to come back")
    page.tab.get_by_role("button", name="Lock goose").click()
    page.wait(lambda: page.tab.locator('[aria-label="Lock goose"][aria-pressed="true"]').count(), "the lock")
    page.click(*clip.inside(0, 2))
    page.tab.get_by_role("alert").get_by_text("goose is locked").wait_for()
    page.tab.get_by_role("button", name="Delete goose").click()
    page.wait(lambda: page.objects() == [] and not page.mask().any(), "nothing")
    page.press("Control+z")
    page.wait(lambda: page.objects() == ["goose"] and page.mask().any(), "goose to come back")
