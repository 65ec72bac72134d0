"""What is in the output folder when something goes wrong: what was finished, and never half of anything."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.errors import OutputError, VideoError
from sam2long.results import FrameResult
from sam2long.results.writers import WriterSet, open_writers
from sam2long.results.writers.annotation.coco import CocoWriter
from sam2long.results.writers.annotation.contours import GeojsonWriter, SvgWriter
from sam2long.results.writers.annotation.cvat import CvatMasksWriter, CvatWriter
from sam2long.results.writers.annotation.labelme import LabelmeWriter
from sam2long.results.writers.annotation.table import TableWriter
from sam2long.results.writers.annotation.yolo import YoloWriter
from sam2long.results.writers.images.npz import NpzWriter
from sam2long.results.writers.images.overlay import OverlayWriter
from sam2long.results.writers.images.png import PngPerObjectWriter, PngWriter
from sam2long.results.writers.spool import Spool
from sam2long.results.writers.trace import TraceWriter
from tests.results.squares import ALL, COUNT, result, write

WRITERS = {
    "masks": PngWriter,
    "objects": PngPerObjectWriter,
    "coco.json": CocoWriter,
    "overlay.mp4": OverlayWriter,
    "masks.npz": NpzWriter,
    "trace.csv": TraceWriter,
    "yolo": YoloWriter,
    "labelme": LabelmeWriter,
    "cvat.xml": CvatWriter,
    "cvat-masks.xml": CvatMasksWriter,
    "measurements.csv": TableWriter,
    "contours": SvgWriter,
    "contours.geojson": GeojsonWriter,
}
FOLDERS = {"masks", "objects", "yolo", "labelme", "contours"}
EVERYTHING = {*WRITERS, "ytvis.json", "summary.json"}


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def writers(folder, source, formats=("png",), settings=None, **options) -> WriterSet:
    return open_writers(folder, list(formats), source, object_ids=[1, 2], settings=settings or {}, **options)


def test_overwrite_replaces_only_results(tmp_path, source):
    folder = tmp_path / "out"
    write(folder, source, range(COUNT), ["png", "coco"])
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with open_writers(folder, ["png"], source, object_ids=[1], settings={}, overwrite=True) as later:
        later.write(result(1, (1,)))
        assert len(list((folder / "masks").iterdir())) == COUNT  # until the end the old ones stay
        later.finish()
    assert [path.name for path in (folder / "masks").iterdir()] == ["00001.png"]
    assert names(folder) == {"masks", "coco.json", "ytvis.json", "summary.json", "notes.txt"}


def test_overwrite_spares_folders_that_are_no_results(tmp_path, source):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "drawn.png").write_text("by hand", encoding="utf-8")
    with pytest.raises(OutputError, match="not a result of an earlier run"):
        writers(tmp_path, source, overwrite=True)
    assert (tmp_path / "masks" / "drawn.png").exists()


def test_resume_replaces_results_of_the_same_run_only(tmp_path, source):
    folder = tmp_path / "out"
    settings = {"tree": {"pathways": 3}, "prompts": [(0, 1)]}
    with writers(folder, source, settings=settings) as first:
        first.write(result(0))
        first.finish(complete=False, reason="stopped")
    with pytest.raises(OutputError, match="not empty"):
        writers(folder, source, settings=settings)
    with pytest.raises(OutputError, match="not empty"):
        writers(folder, source, settings={"tree": {"pathways": 2}}, resume=True)
    with writers(folder, source, settings=settings, resume=True) as second:
        assert len(list((folder / "masks").iterdir())) == 1
        for frame in range(COUNT):
            second.write(result(frame))
        second.finish()
    assert names(folder) == {"masks", "summary.json"}
    assert len(list((folder / "masks").iterdir())) == COUNT
    (folder / "summary.json").write_text("{", encoding="utf-8")
    with pytest.raises(OutputError, match="not empty"):
        writers(folder, source, settings=settings, resume=True)


def test_resume_takes_no_foreign_folder(tmp_path, source):
    (tmp_path / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="not empty"):
        writers(tmp_path, source, resume=True)
    assert names(tmp_path) == {"thesis.tex"}


KILLED = """
import os, sys
import numpy as np
from pathlib import Path
from sam2long.video import open_video
from sam2long.results.writers import open_writers, folder
from tests.results.squares import result

source = open_video(np.zeros((3, 30, 40, 3), np.uint8))
moves = int(sys.argv[2])
replace = Path.replace

def counted(self, target):
    global moves
    if moves == 0:
        os._exit(9)
    moves -= 1
    return replace(self, target)

Path.replace = counted
writers = open_writers(sys.argv[1], ["png", "coco"], source, object_ids=[1, 2], settings={}, overwrite=True)
for frame in range(3):
    writers.write(result(frame))
if sys.argv[3] == "early":
    os._exit(9)
writers.finish()
"""


def kill(folder, moves: int, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, folder, str(moves), when], check=False, timeout=100)
    assert done.returncode == 9


def test_a_killed_run_blocks_nobody(tmp_path, source):
    folder = tmp_path / "out"
    kill(folder, 99, "early")
    assert names(folder) == {".sam2long-lock", ".sam2long-unfinished"}
    with writers(folder, source) as later:
        later.write(result(0))
        later.finish()
    assert names(folder) == {"masks", "summary.json"}


@pytest.mark.parametrize("moves", [0, 1, 3])
def test_killed_while_results_move_to_their_place(tmp_path, source, moves):
    folder = tmp_path / "out"
    write(folder, source, [0], ["png", "coco"])
    kill(folder, moves, "late")
    with pytest.raises(OutputError, match="not empty"):
        writers(folder, source)  # yet it settles what the killed one has left
    assert names(folder) == {"masks", "coco.json", "ytvis.json", "summary.json"}
    assert len(list((folder / "masks").iterdir())) == 3
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["frames_written"] == 3


def test_two_runs_never_share_a_folder(tmp_path, source):
    folder = tmp_path / "out"
    first = writers(folder, source)
    with pytest.raises(OutputError, match="another run is writing"):
        writers(folder, source, overwrite=True)
    first.write(result(0))
    first.finish()
    assert names(folder) == {"masks", "summary.json"}
    with writers(folder, source, overwrite=True) as second:
        second.finish()


def test_giving_up_leaves_nothing(tmp_path, source):
    with writers(tmp_path / "a" / "b", source, ALL) as given_up:
        given_up.write(result(1))
        given_up.abort()
    with pytest.raises(RuntimeError), writers(tmp_path / "a" / "b", source, ALL):
        raise RuntimeError("no network")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt()])
def test_what_was_written_stays_whatever_happens(tmp_path, source, error):
    with pytest.raises(type(error)), writers(tmp_path / "out", source, ALL) as interrupted:
        for frame in range(3):
            interrupted.write(result(frame))
        raise error
    assert names(tmp_path / "out") == EVERYTHING
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert not summary["complete"] and type(error).__name__ in summary["stopped"] and summary["frames_written"] == 3


def test_leaving_without_finish_finishes(tmp_path, source):
    with writers(tmp_path / "out", source) as forgotten:
        forgotten.write(result(0))
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["complete"]


@pytest.mark.parametrize("step", ["write", "finish"])
@pytest.mark.parametrize("file", list(WRITERS))
def test_a_writer_fails_alone(tmp_path, source, monkeypatch, file, step):
    monkeypatch.setattr(WRITERS[file], step, full)
    folder = tmp_path / "out"
    with (
        pytest.raises(OutputError, match=rf"^{file} could not be written: there is no space left.*; everything else"),
        writers(folder, source, ALL) as failing,
    ):
        for frame in range(100):  # more than the queue holds: nobody may wait for a writer that has failed
            failing.write(result(frame % COUNT))
        failing.finish()
    left = names(folder)
    assert left - {file} == EVERYTHING - {file}
    assert (file in left) == (file in FOLDERS)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert not summary["complete"] and file in summary["stopped"] and summary["frames_written"] == COUNT
    assert set(summary["files"]) == left - {"summary.json"}
    if step == "finish" or file != "masks":
        assert len(list((folder / "masks").iterdir())) == COUNT


def test_pictures_that_were_written_before_the_disk_was_full_stay(tmp_path, source, monkeypatch):
    save, room = Image.Image.save, [3]

    def limited(self, path, *words, **settings):
        room[0] -= 1
        if room[0] < 0:
            path.write_bytes(b"half")
            full()
        save(self, path, *words, **settings)

    monkeypatch.setattr(Image.Image, "save", limited)
    with pytest.raises(OutputError, match="no space left"), writers(tmp_path / "out", source) as failing:
        for frame in range(COUNT):
            failing.write(result(frame))
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == [f"0000{i}.png" for i in range(3)]


def test_without_a_single_mask_nothing_is_left(tmp_path, source, monkeypatch):
    monkeypatch.setattr(PngWriter, "write", full)
    with (
        pytest.raises(OutputError, match=r"no space left; free some"),
        writers(tmp_path / "out", source, ["png", "trace"]) as failing,
    ):
        for frame in range(100):
            failing.write(result(frame))
        failing.finish()
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_the_summary(tmp_path, source, monkeypatch):
    monkeypatch.setattr("sam2long.results.writers.writer_set.write_summary", full)
    with pytest.raises(OutputError, match="no space left"):
        write(tmp_path / "out", source, range(COUNT))
    assert names(tmp_path / "out") == EVERYTHING - {"summary.json"}


def test_no_room_for_the_spool(tmp_path, source, monkeypatch):
    add, room = Spool.add, [3]

    def limited(self, item):
        room[0] -= 1
        return full() if room[0] < 0 else add(self, item)

    monkeypatch.setattr(Spool, "add", limited)
    failing = writers(tmp_path / "out", source, ["png", "coco"])
    with pytest.raises(OutputError, match="no space left"):
        for frame in range(100):
            failing.write(result(frame))
    with pytest.raises(OutputError, match=r"no space left.*everything else is in"):
        failing.finish(complete=False)
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 3
    assert len(json.loads((tmp_path / "out" / "coco.json").read_text(encoding="utf-8"))["images"]) == 3


def test_a_picture_that_cannot_be_decoded_again_costs_the_overlay_only(tmp_path, source, monkeypatch):
    def broken(*_, **__):
        raise VideoError("picture 2 cannot be read")

    monkeypatch.setattr(type(source), "frames", broken)
    with pytest.raises(OutputError, match=r"overlay.mp4 could not be written: picture 2"):
        write(tmp_path / "out", source, range(COUNT), ["png", "overlay"])
    assert names(tmp_path / "out") == {"masks", "summary.json"}


def test_a_folder_that_vanishes(tmp_path, source):
    failing = writers(tmp_path / "out", source)
    shutil.rmtree(tmp_path / "out")
    failing.write(result(0))
    with pytest.raises(OutputError, match="cannot be written"):
        failing.finish()
    assert not (tmp_path / "out").exists()


def test_a_bug_stays_a_bug(tmp_path, source):
    wrong = FrameResult(0, 0.0, {1: np.zeros((3, 3), bool)}, {1: 1.0}, {1: 1.0}, {1: 0.0})
    with pytest.raises(IndexError), writers(tmp_path / "out", source) as failing:
        failing.write(wrong)
        failing.finish()


def test_whole_results_that_cannot_be_moved_stay(tmp_path, source, monkeypatch):
    folder = tmp_path / "out"
    replace, blocked = Path.replace, [True]

    def stubborn(self, target):
        if blocked[0] and Path(target).name == "coco.json":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stubborn)
    with pytest.raises(OutputError, match=r"results are whole, but could not be moved .*Permission denied"):
        write(folder, source, range(3), ["png", "coco"])
    assert (folder / ".sam2long-unfinished" / "coco.json").exists()
    blocked[0] = False
    with pytest.raises(OutputError, match="not empty"):
        writers(folder, source)  # which moves them first
    assert names(folder) == {"masks", "coco.json", "ytvis.json", "summary.json"}
    assert len(list((folder / "masks").iterdir())) == 3
