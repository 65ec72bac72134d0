"""Cut-outs and mattes from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from sam2long.cli.options.edges import EdgeOptions
from sam2long.synthetic.photo_clip import VIDEO

from .conftest import Command

BOX = ["--box", "4,16,20,32", "--quiet"]
ELEPHANT = ["track", VIDEO, "--model", "nano", "--box", "7,130,101,208", "--end", "3", "--quiet"]


def grey(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray() for frame in container.decode(video=0)])


def test_from_a_session_as_from_the_run(sam2long: Command, tmp_path: Path) -> None:
    """A session that was made without soft edges gives the same films as one run with them."""
    saved = tmp_path / "a.s2l"
    files = ["--save", "matte,alpha", "--soft", "--largest"]
    assert sam2long(*ELEPHANT, "--out", tmp_path / "one", *files).status == 0
    words = [*ELEPHANT, "--session", saved]
    assert sam2long(*words, "--out", tmp_path / "first", "--save", "png").status == 0
    assert sam2long(*words, "--out", tmp_path / "second", *files).status == 0
    assert sam2long("export", saved, "--out", tmp_path / "third", *files).status == 0
    for name in ("mattes/001.mkv", "alpha.mov"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "third" / name).read_bytes()
    matte = grey(tmp_path / "one" / "mattes" / "001.mkv")
    assert matte.dtype == np.uint16 and len(np.unique(matte)) > 100 and (matte == 65535).any(axis=(1, 2)).all()
    settings = json.loads((tmp_path / "one" / "summary.json").read_text(encoding="utf-8"))["settings"]
    assert settings["postprocessing"] == {
        "soft": True,
        "largest": True,
        "fill_holes": False,
        "grow": 0,
        "feather": 0.0,
    }
    first = json.loads((tmp_path / "first" / "summary.json").read_text(encoding="utf-8"))["settings"]
    assert "postprocessing" not in first


def test_an_output_folder_has_hard_edges_only(sam2long: Command, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    assert sam2long(*ELEPHANT, "--out", run, "--save", "png").status == 0
    ended = sam2long("export", run, "--out", out, "--save", "matte", "--soft")
    assert ended.status == 2 and ended.err.startswith("error: soft edges are made from mask logits")
    assert ended.err.count("\n") == 1 and not out.exists()
    assert sam2long("export", run, "--out", out, "--save", "matte,alpha", "--feather", "1.5", "--quiet").status == 0
    assert len(np.unique(grey(out / "mattes" / "001.mkv"))) > 100


def test_backward(sam2long: Command, tmp_path: Path) -> None:
    words = ["track", VIDEO, "--model", "nano", "--box", "10,130,105,208@3", "--reverse", "--quiet", "--soft"]
    assert sam2long(*words, "--out", tmp_path / "out", "--save", "matte,alpha-webm").status == 0
    matte = grey(tmp_path / "out" / "mattes" / "001.mkv")
    assert len(matte) == 4 and (matte == 65535).any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--save", "png", "--soft"], "soft edges need a format with an opacity"),
        (["--save", "png", "--feather", "2"], "feathered edges need a format with an opacity"),
        (["--save", "alpha", "--feather", "-1"], "feather is -1; it must be 0 to 200 pixels"),
        (["--save", "alpha", "--feather", "nan"], "feather is nan; it must be 0 to 200 pixels"),
        (["--save", "alpha", "--grow", "1000"], "grow is 1000; it must be -200 to 200 pixels"),
        (["--save", "mattes"], "unknown output format 'mattes'"),
    ],
)
def test_told_in_one_line_before_the_run(
    sam2long: Command, clip: Path, tmp_path: Path, words: list[str], text: str
) -> None:
    ended = sam2long("track", clip, *BOX, "--model", tmp_path / "not-loaded", "--out", tmp_path / "out", *words)
    assert ended.status == 2 and ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert text in ended.err
    assert not (tmp_path / "out").exists()


def test_options_are_the_fields() -> None:
    made = EdgeOptions(soft=True, feather=2.5, grow=-3, fill_holes=True).postprocessing()
    assert (made.soft, made.feather, made.grow, made.fill_holes, made.largest) == (True, 2.5, -3, True, False)
