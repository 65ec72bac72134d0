"""`track --cuts`: what is said and written at a scene cut."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.synthetic.scene import Scene, SceneConfig

from .conftest import Command

CUT = 5


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of each of two scenes, 64 x 64."""
    folder = tmp_path_factory.mktemp("joined")
    for scene in range(2):
        images = Scene(SceneConfig("easy", 10), 92_010 + scene)
        for time in range(CUT):
            image = Image.fromarray(images.render(time)[0]).resize((64, 64))
            image.save(folder / f"{scene * CUT + time:02d}.png")
    return folder


def rows(out: Path) -> list[dict[str, str]]:
    head, *lines = (out / "trace.csv").read_text(encoding="utf-8").splitlines()
    return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]


def test_stop_says_so_and_the_same_command_does_not_go_on(
    sam2long: Command, joined: Path, tiny_model: Path, tmp_path: Path
) -> None:
    common = ("track", joined, "--model", tiny_model, "--save", "png")
    stopping = (*common, "--box", "20,20,40,40", "--cuts", "stop", "--session", tmp_path / "run.s2l")
    for out in ("a", "b"):
        ended = sam2long(*stopping, "--out", tmp_path / out)
        assert ended.status == 0
        assert "stopped at the scene cut before frame 5; go on from there with --start 5 and new prompts" in ended.err
        summary = json.loads((tmp_path / out / "summary.json").read_text(encoding="utf-8"))
        assert (summary["complete"], summary["stopped"]) == (True, "stopped at the scene cut before frame 5")
        assert len(list((tmp_path / out / "masks").iterdir())) == len(rows(tmp_path / out)) == CUT
    changed = sam2long(*common, "--cuts", "pause", "--session", tmp_path / "run.s2l", "--out", tmp_path / "c")
    assert changed.status == 2 and "was saved with --cuts stop; omit the option" in changed.err
    on = (*common, "--session", tmp_path / "run.s2l", "--start", "5", "--box", "20,20,40,40@5", "--out", tmp_path / "d")
    assert sam2long(*on).status == 0 and len(rows(tmp_path / "d")) == CUT


def test_keep_and_pause_write_every_frame_and_the_cut(
    sam2long: Command, joined: Path, tiny_model: Path, tmp_path: Path
) -> None:
    common = ("track", joined, "--model", tiny_model, "--save", "png", "--box", "20,20,40,40")
    for cuts in ("keep", "pause"):
        assert sam2long(*common, "--cuts", cuts, "--out", tmp_path / cuts).status == 0
        assert [row["frame"] for row in rows(tmp_path / cuts) if row["new_scene"] == "1"] == ["5"]
    plain = sam2long(*common, "--out", tmp_path / "plain")
    assert plain.status == 0
    for mask in (tmp_path / "plain" / "masks").iterdir():
        np.testing.assert_array_equal(Image.open(mask), Image.open(tmp_path / "keep" / "masks" / mask.name))
    reviewed = json.loads(sam2long("review", tmp_path / "keep", "--json").out)
    assert isinstance(reviewed, list)


def test_an_unknown_word(sam2long: Command, joined: Path, tiny_model: Path, tmp_path: Path) -> None:
    ended = sam2long("track", joined, "--box", "2,2,9,9", "--cuts", "halt", "--out", tmp_path / "out")
    assert ended.status == 2 and "--cuts halt: must be one of keep, pause, stop" in ended.err
