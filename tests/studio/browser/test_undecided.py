"""An object whose pathways never agree: a person sees every frame as it is visited."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sam2long.model.checkpoints.loading import fresh_model, save_model
from tests.networks import MICRO
from tests.parting import PROGRAM
from tests.studio.browser.conftest import FRAMES, Clip, Server
from tests.studio.browser.studio_page import StudioPage


@pytest.fixture(scope="module")
def server(clip: Clip, browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("studio")
    save_model(fresh_model(MICRO), folder / "micro.safetensors")
    options = ("--model", str(folder / "micro.safetensors"))
    running = Server(clip.path, folder / "clip.s2l", *options, program=PROGRAM).start()
    yield running
    running.kill()


def test_frames_are_shown_before_they_are_decided(page: StudioPage, clip: Clip) -> None:
    page.click(*clip.inside(0, 1))
    page.wait(lambda: page.points(), "the click")
    page.press("f")
    page.wait(lambda: page.frame() >= 10, "frames that are visited")
    page.press("s")
    page.done()
    page.wait(lambda: page.states() == ["not decided yet"], "the state of the frame")
    page.wait(lambda: page.remark("Not decided yet"), "the remark")
    assert page.mask().any()
    page.follow()
    page.go(FRAMES - 1)
    page.wait(lambda: page.states() == ["doubtful"], "the frame to be decided")
    assert page.remark("Not decided yet") is None
