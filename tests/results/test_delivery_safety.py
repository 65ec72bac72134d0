"""Formats for other programs when a run is killed or out of room: as safe as the masks themselves."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from sam2long.errors import OutputError, VideoError
from sam2long.results.writers import open_writers
from sam2long.results.writers.annotation.annotation_files import ANNOTATION_FILES
from sam2long.results.writers.spool import Spool
from sam2long.video import open_video
from tests.results.delivered import COUNT, deliver, pictures, result

FORMATS = list(ANNOTATION_FILES)
FILES = {file for files in ANNOTATION_FILES.values() for file in files}

KILLED = """
import os, sys
from pathlib import Path
from sam2long.video import open_video
from sam2long.results.writers import open_writers
from tests.results.delivered import COUNT, pictures, result
from sam2long.results.writers.annotation.annotation_files import ANNOTATION_FILES

moves, replace = int(sys.argv[2]), Path.replace

def counted(self, target):
    global moves
    if moves == 0:
        os._exit(9)
    moves -= 1
    return replace(self, target)

Path.replace = counted
writers = open_writers(
    sys.argv[1], list(ANNOTATION_FILES), open_video(pictures(), fps=10), object_ids=[1, 2], settings={}, overwrite=True
)
for frame in range(COUNT):
    writers.write(result(frame))
if moves > 90:
    os._exit(9)
writers.finish()
"""


@pytest.fixture
def source():
    return open_video(pictures(), fps=10)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("moves", [99, 0, 4])
def test_killed(tmp_path, source, moves):
    """While frames are written, and before and while the files move to their place over those of an earlier run."""
    whole = deliver(tmp_path / "whole", source, FORMATS)
    folder = deliver(tmp_path / "out", source, FORMATS, [0], names={1: "earlier"})
    earlier = contents(folder)
    words = [sys.executable, "-c", KILLED, folder, str(moves)]
    assert subprocess.run(words, check=False, timeout=100).returncode == 9
    with pytest.raises(OutputError, match="not empty"):  # yet it settles what the killed one has left
        open_writers(folder, FORMATS, source, object_ids=[1, 2], settings={})
    assert contents(folder) == (earlier if moves == 99 else contents(whole))


def test_the_same_files_after_a_resume(tmp_path, source):
    whole = deliver(tmp_path / "whole", source, FORMATS)
    folder = deliver(tmp_path / "out", source, FORMATS, [0, 1])
    deliver(folder, source, FORMATS, resume=True)
    assert contents(folder) == contents(whole)


def test_no_half_image_stays(tmp_path, source, monkeypatch):
    save, room = Image.Image.save, [3]

    def limited(self, path, *words, **settings):
        room[0] -= 1
        if room[0] < 0:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(self, path, *words, **settings)

    monkeypatch.setattr(Image.Image, "save", limited)
    with pytest.raises(OutputError, match=r"^labelme could not be written: there is no space left; .*everything else"):
        deliver(tmp_path / "out", source, ["labelme", "csv"])
    kept = sorted(path.name for path in (tmp_path / "out" / "labelme").iterdir())
    assert kept == ["00000.jpg", "00000.json", "00001.jpg", "00001.json", "00002.jpg", "00002.json", "00003.json"]
    assert (tmp_path / "out" / "measurements.csv").exists()


def test_no_room_for_the_pieces_of_a_file(tmp_path, source, monkeypatch):
    keep = Spool.keep_text

    def limited(self, file, key, text):
        if file == "cvat.xml" and key[2] > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        keep(self, file, key, text)

    monkeypatch.setattr(Spool, "keep_text", limited)
    with pytest.raises(OutputError, match=r"^cvat.xml could not be written: there is no space left"):
        deliver(tmp_path / "out", source, FORMATS)
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == FILES - {"cvat.xml"} | {"summary.json"}


def test_a_frame_that_cannot_be_decoded_again(tmp_path, source, monkeypatch):
    def broken(*_, **__):
        raise VideoError("picture 2 cannot be read")

    monkeypatch.setattr(type(source), "frames", broken)
    with pytest.raises(OutputError, match=r"^yolo could not be written: picture 2"):
        deliver(tmp_path / "out", source, ["yolo", "cvat"])
    assert (tmp_path / "out" / "cvat.xml").exists()


def test_nothing_written_is_valid_too(tmp_path, source):
    folder = deliver(tmp_path / "out", source, FORMATS, [])
    assert Path(folder / "contours.geojson").read_text(encoding="utf-8").replace("\n", "") == (
        '{"type":"FeatureCollection","features":[]}'
    )
    assert len((folder / "measurements.csv").read_text(encoding="utf-8").splitlines()) == 1
    assert "<track" not in (folder / "cvat.xml").read_text(encoding="utf-8")
    assert "names:\n  0: " in (folder / "yolo" / "data.yaml").read_text(encoding="utf-8")


def test_results_in_any_order_give_the_same_files(tmp_path, source):
    forwards = deliver(tmp_path / "forwards", source, FORMATS)
    mixed = tmp_path / "mixed"
    with open_writers(mixed, FORMATS, source, object_ids=[1, 2], settings={}) as writers:
        for frame in (2, 3, 4, 3, 1, 0):
            writers.write(result(frame))
        writers.finish()
    skip = ("cvat.xml",)  # numbers parts in the order in which they come
    assert COUNT == 5 and {name: data for name, data in contents(mixed).items() if name not in skip} == {
        name: data for name, data in contents(forwards).items() if name not in skip
    }
