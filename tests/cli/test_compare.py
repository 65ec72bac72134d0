"""`sam2long compare`: what it says of runs whose differences are known, or counted naively."""

from __future__ import annotations

import csv
import json
import signal
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sam2long.cli.app import app
from sam2long.evaluation.difference import Difference
from sam2long.results import FrameResult
from sam2long.results.writers import open_writers
from sam2long.video import open_video
from sam2long.video.array_source import ArraySource
from tests.evaluation.naive import j_and_f

from .conftest import Command

HEIGHT, WIDTH, COUNT = 40, 60, 30
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
Masks = dict[int, np.ndarray]


def square(left: int, top: int = 10, side: int = 12) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def run_a(frame: int) -> Masks:
    """Object 1 moves; object 2 is hidden on frames 10 to 14; object 3 is only here."""
    nothing = np.zeros((HEIGHT, WIDTH), bool)
    masks = {1: square(frame), 2: nothing if 10 <= frame < 15 else square(5, 25)}
    return masks | ({3: square(40, 2, 5)} if frame >= 20 else {})


def run_b(frame: int) -> Masks:
    """Object 1 is two pixels off from frame 6 on, and lost on frame 29."""
    nothing = np.zeros((HEIGHT, WIDTH), bool)
    return {1: nothing if frame == 29 else square(frame + 2 * (frame >= 6)), 2: square(5, 25)}


def write(out: Path, source, masks, frames=range(COUNT), formats=("npz",)) -> Path:
    settings = {"model": "none", "tree": {"pathways": 1}}
    with open_writers(out, [*formats, "trace"], source, object_ids=[1, 2, 3], settings=settings) as writers:
        for frame in frames:
            found = masks(frame)
            ones = dict.fromkeys(found, 1.0)
            writers.write(FrameResult(frame, frame / 25, found, ones, ones, dict.fromkeys(found, 0.0)))
    return out


@pytest.fixture
def source() -> ArraySource:
    shades = np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * 8
    return open_video(np.broadcast_to(shades, (COUNT, HEIGHT, WIDTH, 3)).copy(), fps=25)


def test_every_number_is_what_counting_gives(sam2long: Command, source: ArraySource, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", source, run_a), write(tmp_path / "b", source, run_b)
    ended = sam2long("compare", a, b, "--out", tmp_path / "out")
    assert (ended.status, ended.err) == (0, "")
    with (tmp_path / "out" / "frames.csv").open(encoding="utf-8", newline="") as file:
        rows = {(int(row["frame"]), int(row["object"])): row for row in csv.DictReader(file)}
    nothing = np.zeros((HEIGHT, WIDTH), bool)
    for frame in range(COUNT):
        for number in (1, 2, 3):
            first, second = run_a(frame).get(number, nothing), run_b(frame).get(number, nothing)
            if number == 3 and frame < 20:
                assert (frame, number) not in rows
                continue
            row = rows[frame, number]
            assert float(row["time"]) == pytest.approx(frame / 25)
            assert (int(row["area_a"]), int(row["area_b"])) == (first.sum(), second.sum())
            assert (float(row["j"]), float(row["f"])) == pytest.approx(j_and_f(first, second), abs=1e-6)
    content = json.loads((tmp_path / "out" / "compare.json").read_text(encoding="utf-8"))
    one, two, three = content["objects"]
    scores = [float(rows[frame, 1]["j"]) for frame in range(COUNT)]
    assert one["j"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert (one["first_difference"], one["frames_identical"], one["frames_only_a"]) == (6, 6, 1)
    assert (two["frames_only_b"], two["frames_both"], two["first_difference"]) == (5, 25, 10)
    assert (three["j"], three["frames_only_a"], three["frames_both"]) == (0, 10, 0)
    assert content["only_one_shows"] == [
        {"object_id": 3, "shown": "a", "first": 20, "last": 29, "frames": 10},
        {"object_id": 2, "shown": "b", "first": 10, "last": 14, "frames": 5},
        {"object_id": 1, "shown": "a", "first": 29, "last": 29, "frames": 1},
    ]
    worst = [(item["frame"], item["object"], item["j"]) for item in content["largest_differences"]]
    assert {(10, 2, 0), (20, 3, 0), (29, 1, 0)} <= set(worst)
    for line in (
        "only A shows object 3\n",
        "only A shows object 3 on frames 20 to 29\n",
        "only A shows object 1 on frame 29\n",
        "compare.json, frames.csv, side-by-side.mp4 in",
    ):
        assert line in ended.out


def test_the_film_shows_both_and_the_difference(sam2long: Command, source: ArraySource, tmp_path: Path) -> None:
    """Colours are looked at where the masks are known to be; H.264 moves them a little."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in range(COUNT):
        Image.fromarray(source.frame(frame).image).save(folder / f"{frame:03d}.png")
    images = open_video(folder, fps=25)
    a, b = write(tmp_path / "a", images, run_a), write(tmp_path / "b", images, run_b)
    assert sam2long("compare", a, b, "--out", tmp_path / "out").status == 0
    with av.open(str(tmp_path / "out" / "side-by-side.mp4")) as film:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert len(pictures) == COUNT
    scale = 320 // WIDTH
    side = round(HEIGHT * 320 / WIDTH)
    assert pictures[0].shape[:2] == (-(-(side + 24) // 2) * 2, 960)

    def at(frame: int, pane: int, x: int, y: int) -> np.ndarray:
        return pictures[frame][24 + int((y + 0.5) * 320 / WIDTH), 320 * pane + int((x + 0.5) * 320 / WIDTH)]

    assert scale == 5
    # Object 3 on frame 25: in A its colour over the frame, in B the frame, in the third pane orange.
    assert np.ptp(at(25, 0, 42, 4)) > 60
    np.testing.assert_allclose(at(25, 1, 42, 4), 25 * 8, atol=8)
    red, green, blue = at(25, 2, 42, 4)
    assert red > 200 and red > green > blue
    # Object 2 on frame 12: only B has it, so it is blue.
    red, green, blue = at(12, 2, 10, 30)
    assert blue > 200 and blue > green > red
    # The frame itself, dimmed, elsewhere.
    np.testing.assert_allclose(at(25, 2, 55, 35), 25 * 8 // 3, atol=8)


def test_a_run_and_its_session_do_not_differ(sam2long: Command, tmp_path: Path, clip: Path, tiny_model: Path) -> None:
    words = ["track", clip, "--box", "4,16,20,32", "--model", tiny_model, "--quiet", "--save", "png,npz"]
    app([*map(str, words), "--out", str(tmp_path / "a"), "--session", str(tmp_path / "a.s2l")], standalone_mode=False)
    ended = sam2long("compare", tmp_path / "a", tmp_path / "a.s2l")
    assert ended.status == 0
    assert "no object is shown in either" in ended.out or "no difference" in ended.out
    assert not list(tmp_path.glob("side*"))


def test_other_frames_and_plain_folders(sam2long: Command, source: ArraySource, tmp_path: Path) -> None:
    a = write(tmp_path / "a", source, run_a, formats=["png", "png-per-object"])
    b = write(tmp_path / "b", source, run_b, range(4, 28, 3))
    ended = sam2long("compare", a, b)
    assert "compared: the 8 frames that both have" in ended.out
    assert "A: a, 30 frames (0 to 29)" in ended.out and "B: b, 8 frames (4 to 25)" in ended.out
    # The masks alone: PNGs of ids, and a folder per object, which keeps what overlaps.
    whole = sam2long("compare", a, write(tmp_path / "whole", source, run_b)).out
    alone = sam2long("compare", a / "objects", tmp_path / "whole").out
    assert alone.splitlines()[2:] == whole.splitlines()[2:]
    assert "no difference" in sam2long("compare", a, a / "masks").out or "identical" in ended.out


def test_folders_whose_frames_are_named_like_images(sam2long: Command, source: ArraySource, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in range(COUNT):
        Image.fromarray(source.frame(frame).image).save(folder / f"shot{frame + 7}.png")
    a = write(tmp_path / "a", open_video(folder), run_b, formats=["png", "npz"])
    assert (a / "masks" / "shot7.png").exists()
    assert "no difference" in sam2long("compare", a / "masks", a).out
    Image.fromarray(square(3).astype(np.uint8) * 255).save(tmp_path / "white.png")
    plain = tmp_path / "plain"
    plain.mkdir()
    for frame in (0, 1):
        Image.fromarray(square(frame).astype(np.uint8) * 255).save(plain / f"shot{frame + 7}.png")
    ended = sam2long("compare", plain, a, "--out", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "compare.json").read_text(encoding="utf-8"))
    assert (found["frames_compared"], found["objects"][0]["j"]) == (2, 1)
    assert "only B shows object 2" in ended.out


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_nothing(
    sam2long: Command, monkeypatch: pytest.MonkeyPatch, source: ArraySource, tmp_path: Path
) -> None:
    a, b = write(tmp_path / "a", source, run_a), write(tmp_path / "b", source, run_b)
    add = Difference.add

    def stopping(self, frame, *words):
        if frame == 7:
            signal.raise_signal(signal.SIGINT)
        return add(self, frame, *words)

    monkeypatch.setattr(Difference, "add", stopping)
    ended = sam2long("compare", a, b, "--out", tmp_path / "out")
    assert ended.status == 130 and "nothing was written" in ended.err
    assert not (tmp_path / "out").exists()


def test_what_makes_no_sense(sam2long: Command, source: ArraySource, tmp_path: Path) -> None:
    a = write(tmp_path / "a", source, run_a)
    small = open_video(np.zeros((COUNT, 20, 20, 3), np.uint8))
    write(tmp_path / "small", small, lambda frame: {1: np.zeros((20, 20), bool)})
    write(tmp_path / "late", source, run_a, [29])
    write(tmp_path / "early", source, run_a, [0])
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    out = ("--out", tmp_path / "out")
    for words, message in (
        ((a, tmp_path / "small", *out), "compare runs of one video"),
        ((tmp_path / "early", tmp_path / "late", *out), "none in common"),
        ((a, tmp_path / "no", *out), "does not exist"),
        ((a, tmp_path / "empty", *out), "holds neither a run of sam2long nor PNGs with masks"),
        ((a, a, "--out", tmp_path / "full"), "is not empty"),
        ((a, a, "--video", tmp_path / "no.mp4", *out), "does not exist"),
    ):
        ended = sam2long("compare", *words)
        assert (ended.status, ended.out) == (2, "")
        assert message in ended.err and ended.err.count("\n") == 1
        assert not (tmp_path / "out").exists()
