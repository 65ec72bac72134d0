"""Every mistake ends in one line on standard error and status 2, before the network is loaded, and leaves nothing."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Command, Ended, write_clip

BOX = ("--box", "4,16,20,32")


def assert_refused(ended: Ended, complaint: str) -> None:
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert complaint in ended.err


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_model(*_: object, **__: object) -> None:
        raise AssertionError("the network was loaded before everything cheap was checked")

    monkeypatch.setattr("sam2long.running.models.load_model", load_model)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "nothing to follow"),
        (["--point", "nan,3"], "not a finite number"),
        (["--point", "64.1,3"], "outside the 64x48 frame"),
        (["--point", "3,3@12"], "has only frames 0 to 11"),
        (["--point", "3,3@-1"], "frame -1 does not exist"),
        (["--box", "20,16,4,32"], "the box is empty"),
        (["--box", "64,16,80,30"], "outside the 64x48 frame"),
        (["--box", "4,16,20"], "not 3 values"),
        (["--mask", "empty.png"], "empty"),
        (["--mask", "small.png"], "10x10 pixels but the video is 64x48"),
        (["--mask", "nowhere.png"], "nowhere.png"),
        (["--mask", "fits.png", "--point", "3,3"], "a mask and points"),
        (["--prompts", "broken.json"], "bad JSON in line 2"),
        ([*BOX, "--pathways", "0"], "pathways is 0"),
        ([*BOX, "--pathways", "two"], "'--pathways'"),
        ([*BOX, "--iou-threshold", "nan"], "iou_threshold is nan"),
        ([*BOX, "--iou-threshold", "1.5"], "iou_threshold is 1.5"),
        ([*BOX, "--uncertainty-threshold", "-1"], "uncertainty_threshold is -1"),
        ([*BOX, "--modulation", "1.05"], "expected LOW,HIGH"),
        ([*BOX, "--modulation", "1.05,0.95"], "modulation is"),
        ([*BOX, "--greedy", "--pathways", "3"], "cannot be combined with --pathways"),
        ([*BOX, "--max-delay", "-1"], "--max-delay -1"),
        ([*BOX, "--stride", "0"], "stride is 0"),
        ([*BOX, "--start", "12"], "start frame 12 does not exist"),
        ([*BOX, "--start", "5", "--end", "4"], "never reaches frame 4"),
        ([*BOX, "--save", "png,gif"], "'gif'"),
        ([*BOX, "--save", ""], "''"),
        (["--box", "4,16,20,32#300"], "300"),
        ([*BOX, "--random-weights", "--checkpoint", "broken.json"], "cannot be combined"),
        ([*BOX, "--fps", "10"], "has its own time stamps"),
        ([*BOX, "--no-such-option"], "--no-such-option"),
    ],
)
def test_bad_words(
    sam2long: Command,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((48, 64), np.uint8)).save("empty.png")
    Image.fromarray(np.full((10, 10), 255, np.uint8)).save("small.png")
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save("fits.png")
    Path("broken.json").write_text('{"prompts":\n nothing}', encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    assert_refused(sam2long("track", clip, *words, "--out", "deep/out"), complaint)
    assert sorted(tmp_path.rglob("*")) == before


def _missing(folder: Path) -> Path:
    return folder / "nowhere.mp4"


def _text(folder: Path) -> Path:
    path = folder / "story.mp4"
    path.write_text("once upon a time " * 99, encoding="utf-8")
    return path


def _nothing(folder: Path) -> Path:
    path = folder / "nothing.mp4"
    path.touch()
    return path


def _no_images(folder: Path) -> Path:
    path = folder / "no-images"
    path.mkdir()
    return path


def _no_frames(folder: Path) -> Path:
    return write_clip(folder / "none.mp4", 0)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("make", [_missing, _text, _nothing, _no_images, _no_frames])
def test_bad_videos(sam2long: Command, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    video = make(tmp_path)
    assert_refused(sam2long("track", video, *BOX, "--out", tmp_path / "out"), video.name)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_network")
def test_bad_output_folders(sam2long: Command, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    assert_refused(sam2long("track", clip, *BOX, "--out", tmp_path / "file"), "is a file")
    assert_refused(sam2long("track", clip, *BOX, "--out", tmp_path / "file" / "out"), "file")
    assert_refused(sam2long("track", clip, *BOX, "--out", tmp_path / "full"), "--overwrite")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "full" / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_bad_networks(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(tiny_model.read_bytes()[:5000])
    text = tmp_path / "weights.pt"
    text.write_text("these are no weights", encoding="utf-8")
    out = tmp_path / "deep" / "out"
    for words, complaint in (
        (["--model", "sam9-gigantic"], "sam9-gigantic"),
        (["--model", cut], "cut.safetensors"),
        (["--model", "sam2.1-hiera-tiny", "--checkpoint", text], "weights.pt"),
        (["--model", "sam2.1-hiera-tiny", "--checkpoint", tmp_path / "nowhere.pt"], "nowhere.pt"),
        (["--model", tiny_model, "--image-size", "70"], "70"),
        (["--model", tiny_model, "--device", "abacus"], "abacus"),
    ):
        assert_refused(sam2long("track", clip, *BOX, "--out", out, *words), complaint)
        assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize(
    ("what", "missing"),
    [
        ("images.png.PngWriter.write", "masks"),
        ("images.overlay.OverlayWriter.finish", "overlay.mp4"),
        ("annotation.coco.CocoWriter.finish", "coco.json"),
    ],
)
def test_a_full_disk(
    sam2long: Command,
    clip: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    missing: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"sam2long.results.writers.{what}", fail)
    out = tmp_path / "out"
    ended = sam2long("track", clip, *BOX, "--out", out, "--model", tiny_model)
    assert_refused(ended, f"{missing} could not be written: there is no space left")
    assert {path.name for path in out.iterdir()} >= {"masks", "overlay.mp4", "coco.json", "ytvis.json"} - {missing}
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["complete"] is False
    alone = sam2long("track", clip, *BOX, "--out", tmp_path / "b", "--model", tiny_model, "--save", "png")
    if missing == "masks":
        assert_refused(alone, "no space left")
        assert not (tmp_path / "b").exists()


def test_a_folder_that_vanishes_while_tracking(
    sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sam2long.model import load_model

    out = tmp_path / "out"

    def load_and_remove(*words: object, **settings: object) -> object:
        shutil.rmtree(out)
        return load_model(*words, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("sam2long.running.models.load_model", load_and_remove)
    ended = sam2long("track", clip, *BOX, "--out", out, "--model", tiny_model)
    assert_refused(ended, str(out))
    assert not out.exists()
