"""`sam2long export`: files made later equal those that tracking writes, from every kind of run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sam2long.cli.app import app
from sam2long.model import SAM2, load_model
from sam2long.model.checkpoints.loading import save_model
from sam2long.results import FrameResult
from sam2long.results.trace_file import TRACE_FILE
from sam2long.results.writers import FILES, WriterSet
from sam2long.tracking import Session

from .conftest import CLIP_FRAMES, CLIP_HEIGHT, CLIP_WIDTH, Command

# pycocotools' own, which only pytest shows.
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

ALL = ",".join(FILES)
EXACT = ("npz", "png-per-object", "coco")
TWO = ("--box", "4,16,20,32", "--point", "30,20@3#7")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the summary."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "summary.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def summary(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory, small_model: SAM2) -> Path:
    """A checkpoint whose masks are worth exporting."""
    path = tmp_path_factory.mktemp("model") / "lively.safetensors"
    save_model(small_model, path)
    return path


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, clip: Path, lively: Path) -> Path:
    """A folder with `all`, tracked into every format at once, and the same run as a session."""
    folder = tmp_path_factory.mktemp("tracked")
    words = ["track", clip, *TWO, "--out", folder / "all", "--save", ALL, "--model", lively, "--quiet"]
    app([*map(str, words), "--session", str(folder / "run.s2l")], standalone_mode=False)
    return folder


def only(run: Path, formats: tuple[str, ...], out: Path) -> Path:
    """A copy of a run that was saved in these formats only."""
    names = {name for form in formats for name in FILES[form]} | {TRACE_FILE, "summary.json"}
    shutil.copytree(run, out, ignore=lambda at, all_: set(all_) - names if Path(at) == run else set())
    return out


def test_the_masks_of_the_run_are_worth_exporting(tracked: Path) -> None:
    with np.load(tracked / "all" / "masks.npz") as data:
        masks = np.stack([data[f"frame_{frame:06d}"] for frame in data["frames"]])
    assert masks.shape == (CLIP_FRAMES, 2, CLIP_HEIGHT, CLIP_WIDTH)
    assert masks.any() and not masks.all()


@pytest.mark.parametrize("kept", EXACT)
def test_every_format_from_every_kind_of_mask(sam2long: Command, tracked: Path, tmp_path: Path, kept: str) -> None:
    run = only(tracked / "all", (kept,), tmp_path / "run")
    ended = sam2long("export", run, "--save", ALL, "--out", tmp_path / "out")
    assert (ended.status, ended.err) == (0, "")
    assert f"{CLIP_FRAMES} frames of {run}" in ended.out
    assert contents(tmp_path / "out") == contents(tracked / "all")
    first, second = summary(tracked / "all"), summary(tmp_path / "out")
    assert second["settings"].pop("exported_from") == str(run)
    assert second == first


def test_every_format_from_a_session(sam2long: Command, tracked: Path, tmp_path: Path) -> None:
    ended = sam2long("export", tracked / "run.s2l", "--save", ALL, "--out", tmp_path / "out")
    assert (ended.status, ended.err) == (0, "")
    assert contents(tmp_path / "out") == contents(tracked / "all")
    assert summary(tmp_path / "out")["frames"] == summary(tracked / "all")["frames"]
    assert json.loads(sam2long("info", tmp_path / "out", "--json").out)["complete"] is True


def test_palette_pngs_hide_what_lies_below(sam2long: Command, tracked: Path, tmp_path: Path) -> None:
    run = only(tracked / "all", ("png",), tmp_path / "run")
    ended = sam2long("export", run, "--save", "png,npz", "--out", tmp_path / "out")
    assert ended.status == 0
    assert contents(run / "masks") == contents(tmp_path / "out" / "masks")
    with np.load(tracked / "all" / "masks.npz") as before, np.load(tmp_path / "out" / "masks.npz") as after:
        pairs = [(before[name], after[name]) for name in before.files if name.startswith("frame_")]
    hidden = 0
    for was, now in pairs:
        np.testing.assert_array_equal(now[0], was[0])
        np.testing.assert_array_equal(now[1], was[1] & ~was[0])
        hidden += bool((was[1] & was[0]).any())
    assert hidden
    assert ended.err.startswith(f"warning: {hidden} masks of ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--box", "4,16,20,32@9", "--point", "30,20@3#2", "--reverse"),
        ("--box", "4,16,20,32@4", "--stride", "3"),
        ("--box", "4,16,20,32@5", "--start", "2", "--end", "9"),
    ],
    ids=["reverse", "stride", "before the prompt"],
)
def test_other_ways_through_the_video(
    sam2long: Command, clip: Path, lively: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    track = ("track", clip, *words, "--model", lively, "--quiet")
    assert sam2long(*track, "--out", tmp_path / "all", "--save", ALL).status == 0
    assert sam2long(*track, "--out", tmp_path / "run", "--save", "npz").status == 0
    assert sam2long("export", tmp_path / "run", "--save", ALL, "--out", tmp_path / "out", "--quiet").err == ""
    assert contents(tmp_path / "out") == contents(tmp_path / "all")


def test_images_keep_their_names_and_their_rate(sam2long: Command, lively: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(9, 12):
        Image.fromarray(np.full((20, 30, 3), 20 * number, np.uint8)).save(folder / f"shot{number}.png")
    track = ("track", folder, "--point", "5,5", "--fps", "10", "--model", lively, "--quiet")
    session = tmp_path / "run.s2l"
    assert sam2long(*track, "--out", tmp_path / "all", "--save", ALL, "--session", session).status == 0
    run = only(tmp_path / "all", ("png-per-object",), tmp_path / "run")
    for number, kept in enumerate((run, session)):
        assert sam2long("export", kept, "--save", ALL, "--out", tmp_path / f"out{number}", "--quiet").err == ""
        assert contents(tmp_path / f"out{number}") == contents(tmp_path / "all")
    # Without the images the summary still knows their names.
    shutil.rmtree(folder)
    assert sam2long("export", run, "--save", "png,coco", "--out", tmp_path / "later").status == 0
    assert contents(tmp_path / "later").items() <= contents(tmp_path / "all").items()


def test_names_of_objects_come_along(
    sam2long: Command, clip: Path, lively: Path, tracked: Path, tmp_path: Path
) -> None:
    session = tmp_path / "named.s2l"
    with Session.open(tracked / "run.s2l", load_model(str(lively)), clip) as opened:
        opened.set_style(7, name="left hand")
        opened.save(session)
    words = ("track", clip, "--model", lively, "--session", session, "--save", "cvat,npz,csv", "--scale", "2mm")
    assert sam2long(*words, "--out", tmp_path / "all").status == 0
    assert "left hand" in (tmp_path / "all" / "cvat.xml").read_text(encoding="utf-8")
    for kept in (tmp_path / "all", session):
        out = tmp_path / f"out-{kept.name}"
        assert sam2long("export", kept, "--save", "cvat,npz,csv", "--scale", "2mm", "--out", out).status == 0
        assert contents(out) == contents(tmp_path / "all")


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Sends this process a signal after a number of results, once."""

    def prepare(number: int, after: int) -> None:
        write, left = WriterSet.write, [after]

        def counted(self: WriterSet, result: FrameResult) -> None:
            write(self, result)
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(WriterSet, "write", counted)

    return prepare


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_run_is_exported_as_far_as_it_went(
    sam2long: Command, signalled: Callable[[int, int], None], clip: Path, lively: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ("track", clip, *TWO, "--model", lively, "--save", "npz", "--session", tmp_path / "a.s2l")
    signalled(signal.SIGINT, 5)
    assert sam2long(*words, "--out", run).status == 130
    for kept in (run, tmp_path / "a.s2l"):
        out = tmp_path / f"out-{kept.name}"
        ended = sam2long("export", kept, "--save", "png,overlay", "--out", out)
        assert ended.status == 0
        frames = [entry["frame"] for entry in summary(out)["frames"]]
        assert 5 <= len(frames) < CLIP_FRAMES and frames == list(range(len(frames)))
        with av.open(str(out / "overlay.mp4")) as film:
            assert sum(1 for _ in film.decode(video=0)) == len(frames)
    again = sam2long("export", run, "--save", "png", "--out", tmp_path / "again")
    assert "is not complete: stopped by the user after frame" in again.err
    assert not summary(tmp_path / "again")["complete"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_export_that_is_stopped_leaves_nothing(
    sam2long: Command, signalled: Callable[[int, int], None], tracked: Path, tmp_path: Path, number: int, status: int
) -> None:
    words = ("export", tracked / "all", "--save", "png,coco", "--out", tmp_path / "out")
    signalled(number, 5)
    ended = sam2long(*words)
    assert ended.status == status
    assert "nothing was written" in ended.err and not (tmp_path / "out").exists()
    assert sam2long(*words).status == 0
    assert contents(tmp_path / "out").items() <= contents(tracked / "all").items()


KILLED = """
import os, signal
from sam2long.results.writers import WriterSet
write, calls = WriterSet.write, []
def counted(self, result):
    write(self, result)
    calls.append(result.frame)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
WriterSet.write = counted
from sam2long.cli.app import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_export_that_is_killed_is_done_again(sam2long: Command, tracked: Path, tmp_path: Path) -> None:
    words = ("export", tracked / "all", "--save", "png,coco", "--out", tmp_path / "out")
    command = [sys.executable, "-c", KILLED, *map(str, words)]
    assert subprocess.run(command, capture_output=True, check=False, timeout=200).returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / "masks").exists()
    assert sam2long(*words).status == 0
    assert contents(tmp_path / "out").items() <= contents(tracked / "all").items()
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_overwriting(sam2long: Command, tracked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("export", tracked / "all", "--out", out)
    assert sam2long(*words, "--save", "png").status == 0
    assert sam2long(*words, "--save", "coco").status == 0  # the same run: that is no loss
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    other = ("export", tracked / "run.s2l", "--save", "png", "--out", out)
    ended = sam2long(*other)
    assert ended.status == 2 and "--overwrite" in ended.err
    assert sam2long(*other, "--overwrite").status == 0
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_moved_video(sam2long: Command, clip: Path, tracked: Path, tmp_path: Path) -> None:
    run = only(tracked / "all", ("npz",), tmp_path / "run")
    edited = summary(run)
    path = edited["video"]["path"]
    assert path == str(clip)
    text = (run / "summary.json").read_text(encoding="utf-8")
    (run / "summary.json").write_text(text.replace(path, str(tmp_path / "gone.mp4")), encoding="utf-8")
    ended = sam2long("export", run, "--save", "png,overlay", "--out", tmp_path / "out")
    assert ended.status == 2 and not (tmp_path / "out").exists()
    assert "overlay needs the frames of the video, but" in ended.err and "pass --video FILE" in ended.err
    assert sam2long("export", run, "--save", "png", "--out", tmp_path / "plain").status == 0
    assert contents(tmp_path / "plain").items() <= contents(tracked / "all").items()
    assert sam2long("export", run, "--save", "overlay", "--video", clip, "--out", tmp_path / "out").status == 0
    assert contents(tmp_path / "out").items() <= contents(tracked / "all").items()


@pytest.mark.parametrize("name", list(FILES))
def test_what_needs_the_video_is_told_before_anything_is_written(
    sam2long: Command, tracked: Path, tmp_path: Path, name: str
) -> None:
    run = only(tracked / "all", ("npz",), tmp_path / "run")
    text = (run / "summary.json").read_text(encoding="utf-8")
    (run / "summary.json").write_text(text.replace('"path":', '"was":'), encoding="utf-8")
    ended = sam2long("export", run, "--save", name, "--out", tmp_path / "out")
    if ended.status:
        assert "does not say where its video is; pass --video FILE" in ended.err and ended.err.count("\n") == 1
        assert not (tmp_path / "out").exists()
    else:
        assert contents(tmp_path / "out").items() <= contents(tracked / "all").items()


def _without_masks(run: Path) -> None:
    shutil.rmtree(run / "masks")


def _without_summary(run: Path) -> None:
    (run / "summary.json").unlink()


def _with_half_a_summary(run: Path) -> None:
    text = (run / "summary.json").read_text(encoding="utf-8")
    (run / "summary.json").write_text(text[: len(text) // 2], encoding="utf-8")


def _with_one_png_missing(run: Path) -> None:
    (run / "masks" / "00005.png").unlink()


def _with_a_small_png(run: Path) -> None:
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(run / "masks" / "00005.png")


def _with_a_damaged_png(run: Path) -> None:
    (run / "masks" / "00005.png").write_bytes(b"no picture")


def _with_a_coloured_png(run: Path) -> None:
    Image.fromarray(np.zeros((CLIP_HEIGHT, CLIP_WIDTH, 3), np.uint8)).save(run / "masks" / "00005.png")


def _with_a_foreign_trace(run: Path) -> None:
    lines = (run / TRACE_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    (run / TRACE_FILE).write_text("".join(lines[:-3]), encoding="utf-8")


def _with_a_damaged_npz(run: Path) -> None:
    (run / "masks.npz").write_bytes(b"no zip")


def _with_an_npz_of_others(run: Path) -> None:
    with zipfile.ZipFile(run / "masks.npz", "w") as file, file.open("object_ids.npy", "w") as entry:
        np.save(entry, np.array([1, 7]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_masks, "holds no masks that can be read back"),
        (_without_summary, "has no summary.json"),
        (_with_half_a_summary, "cannot be read as the summary of a run"),
        (_with_one_png_missing, "00005.png is missing"),
        (_with_a_small_png, "is 4x3 pixels, but the video is 64x48"),
        (_with_a_damaged_png, "cannot be read as an image"),
        (_with_a_coloured_png, "is an image of kind RGB"),
        (_with_a_foreign_trace, "do not belong together"),
        (_with_a_damaged_npz, "masks.npz cannot be read"),
        (_with_an_npz_of_others, "masks.npz is damaged"),
    ],
)
def test_damaged_runs_are_told_in_one_line(sam2long: Command, tracked: Path, tmp_path: Path, damage, message) -> None:
    run = only(tracked / "all", ("png",), tmp_path / "run")
    damage(run)
    ended = sam2long("export", run, "--save", "coco", "--out", tmp_path / "out")
    assert ended.status == 2 and ended.out == ""
    assert message in ended.err
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_makes_no_sense(sam2long: Command, tracked: Path, clip: Path, tmp_path: Path) -> None:
    export = ("export", tracked / "all", "--save")
    for words, message in (
        ((*export, "gif", "--out", tmp_path / "out"), "unknown output format 'gif'"),
        ((*export, "png", "--out", tracked / "all"), "is the folder that is exported"),
        (("export", tmp_path / "no", "--save", "png", "--out", tmp_path / "out"), "does not exist"),
        (("export", clip, "--save", "png", "--out", tmp_path / "out"), "neither an output folder nor a session"),
        ((*export, "png", "--video", tmp_path / "no.mp4", "--out", tmp_path / "out"), "does not exist"),
    ):
        ended = sam2long(*words)
        assert ended.status == 2 and message in ended.err and ended.err.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_another_video_is_refused(sam2long: Command, tracked: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(np.zeros((CLIP_HEIGHT, CLIP_WIDTH), np.uint8)).save(other / "0.png")
    for kept in (tracked / "all", tracked / "run.s2l"):
        ended = sam2long("export", kept, "--save", "overlay", "--video", other, "--out", tmp_path / "out")
        assert ended.status == 2 and "is not the video of" in ended.err
        assert not (tmp_path / "out").exists()
