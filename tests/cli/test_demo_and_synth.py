"""`sam2long demo` and `sam2long synth`: what they write can be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.synthetic import Scene, SceneConfig
from sam2long.video import open_video

from .conftest import Command

SMALL = ["--frames", "4", "--size", "48", "--seed", "7", "--kind", "easy"]


def test_the_demo_tracks_twice_and_scores_both(sam2long: Command, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    ended = sam2long("demo", "--out", out)
    assert (ended.status, ended.err) == (0, "")
    written = {"clip.mp4", "greedy", "tree", "side-by-side.mp4"}
    assert {path.name for path in out.iterdir()} == {*written, "photos"}
    assert {path.name for path in (out / "photos").iterdir()} == written
    for folder in (out, out / "photos"):
        with open_video(folder / "clip.mp4") as clip, open_video(folder / "side-by-side.mp4") as both:
            assert both.frame_count == clip.frame_count
            assert both.width == 2 * clip.width
            frames = clip.frame_count
        for run in ("greedy", "tree"):
            assert json.loads((folder / run / "summary.json").read_text(encoding="utf-8"))["frames_written"] == frames
            assert len(list((folder / run / "masks").iterdir())) == frames
    table = [line.split() for line in ended.out.splitlines() if line.startswith(("artificial", "photos"))]
    assert len(table) == 4
    for row in table:
        j_and_f, j, f = map(float, row[-3:])
        assert 0 <= j_and_f <= 100 and abs(j_and_f - (j + f) / 2) < 0.11
    refused = sam2long("demo", "--out", out)
    assert refused.status == 2 and "--overwrite" in refused.err


def test_davis_folders_hold_pictures_and_truth(sam2long: Command, tmp_path: Path) -> None:
    assert sam2long("synth", "--out", tmp_path, *SMALL, "--objects", "2").status == 0
    scene = Scene(SceneConfig("easy", 4, height=48, width=48, objects=2), 7)
    with open_video(tmp_path / "JPEGImages" / "easy-7") as video:
        assert (video.frame_count, video.height, video.width) == (4, 48, 48)
    for number in range(4):
        written = np.asarray(Image.open(tmp_path / "Annotations" / "easy-7" / f"{number:05d}.png"))
        np.testing.assert_array_equal(written, scene.render(number)[1])


@pytest.mark.parametrize("form", ["davis", "mp4"])
def test_the_line_it_suggests_works(sam2long: Command, tiny_model: Path, tmp_path: Path, form: str) -> None:
    ended = sam2long("synth", "--out", tmp_path / "data", *SMALL, "--format", form)
    words = ended.out.splitlines()[-1].split()
    assert words[:2] == ["sam2long", "track"]
    assert sam2long(*words[1:], "--model", tiny_model, "--save", "png").status == 0


@pytest.mark.parametrize("form", ["davis", "mp4"])
def test_a_scene_is_replaced_only_on_request(sam2long: Command, tmp_path: Path, form: str) -> None:
    words = ["synth", "--out", tmp_path, *SMALL, "--format", form]
    assert sam2long(*words).status == 0
    written = sorted(tmp_path.rglob("*"))
    refused = sam2long(*words)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "--overwrite" in refused.err
    assert sam2long(*words, "--frames", "3", "--overwrite").status == 0
    shorter = sorted(tmp_path.rglob("*"))
    assert set(shorter) <= set(written)
    assert len(written) - len(shorter) == (2 if form == "davis" else 0)
    assert sam2long(*words, "--seed", "8").status == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--kind", "boring"], "boring"),
        (["--frames", "0"], "frame"),
        (["--size", "4"], "too small"),
        (["--seed", "-1"], "seed"),
        (["--objects", "0"], "objects"),
    ],
)
def test_bad_scenes(sam2long: Command, tmp_path: Path, words: list[str], complaint: str) -> None:
    ended = sam2long("synth", "--out", tmp_path / "data", *words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert complaint in ended.err
    assert not (tmp_path / "data").exists()


def test_a_file_in_place_of_the_folder(sam2long: Command, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine", encoding="utf-8")
    ended = sam2long("synth", "--out", tmp_path / "data", *SMALL)
    assert ended.status == 2
    assert (tmp_path / "data").read_text(encoding="utf-8") == "mine"
