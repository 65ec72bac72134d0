"""`sam2long track --save` for annotation tools and science, from end to end."""

from __future__ import annotations

import csv
import json
import signal
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from sam2long import Session, load_model
from sam2long.batch.job import Job, Settings
from sam2long.errors import JobError
from sam2long.results.scale import Scale
from sam2long.results.writers.annotation.annotation_files import ANNOTATION_FILES

from .conftest import CLIP_FRAMES, Command
from .dying import contents, dies

FORMATS = ",".join(ANNOTATION_FILES)
BOX = ("--box", "4,16,20,32")


def test_every_format_at_once(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--save", FORMATS, "--scale", "0.325um", "--end", "2")
    ended = sam2long("track", clip, *BOX, "--out", out, "--model", tiny_model, *words)
    assert (ended.status, ended.err) == (0, "")
    names = "ytvis.json, yolo/, labelme/, cvat.xml, cvat-masks.xml, measurements.csv, contours/, contours.geojson"
    assert f"in {out}: {names}, trace.csv, summary.json" in ended.out
    with (out / "measurements.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    areas = [frame["objects"]["1"]["area"] for frame in summary(out)["frames"]]
    assert [int(row["area_px2"]) for row in rows] == areas
    for row in rows:
        assert float(row["area_um2"]) == pytest.approx(int(row["area_px2"]) * 0.325**2, rel=1e-6)
    assert [float(row["time_s"]) for row in rows] == pytest.approx([0, 1 / 24, 2 / 24], abs=1e-6)


def test_a_job_of_a_batch_has_a_scale_of_its_own() -> None:
    everyone = Settings(("csv",), scale=Scale(1.0, "mm"))
    assert everyone.of(Job("a", "a.mp4", box=BOX[1:])).scale == Scale(1.0, "mm")
    assert everyone.of(Job("b", "b.mp4", box=BOX[1:], settings={"scale": "2um"})).scale == Scale(2.0, "um")
    assert everyone.described()["scale"] == {"size": 1.0, "unit": "mm"}
    with pytest.raises(JobError, match="job c: 7 is not a valid scale"):
        Job("c", "c.mp4", box=BOX[1:], settings={"scale": 7})


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scale", "3 cats"), "error: unknown unit 'cats' of the scale; known: nm, um, mm, cm, m, km, in, ft"),
        (("--scale", "wide"), "error: --scale wide: expected the size of a pixel and its unit, such as 0.325um"),
        (("--scale", "1um", "--save", "cvat"), "error: a scale is only used by the format csv; add csv to the formats"),
        (("--save", "csw"), "error: unknown output format 'csw'; known: "),
    ],
)
def test_mistakes_are_told_before_the_run(
    sam2long: Command, clip: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    # The network does not exist, and is not asked for.
    ended = sam2long("track", clip, *BOX, "--out", tmp_path / "out", "--model", "no-such-model", *words)
    assert ended.status == 2 and ended.err.startswith(message) and ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_names_of_a_session_are_classes(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    with Session(load_model(str(tiny_model), device="cpu"), str(clip)) as session:
        session.add_box(frame=0, object_id=1, box=(4, 16, 20, 32))
        session.add_points(frame=0, object_id=2, points=[(50, 30)], labels=[1])
        session.set_style(1, name="left paw")
        session.save(tmp_path / "named.s2l")
    words = ("--session", tmp_path / "named.s2l", "--out", tmp_path / "out", "--save", "yolo,cvat", "--end", "1")
    assert sam2long("track", clip, "--model", tiny_model, *words).status == 0
    yaml = (tmp_path / "out" / "yolo" / "data.yaml").read_text(encoding="utf-8")
    assert yaml.endswith('names:\n  0: "left paw"\n  1: "object"\n')
    root = ElementTree.parse(tmp_path / "out" / "cvat.xml").getroot()
    assert [label.text for label in root.findall("meta/task/labels/label/name")] == ["left paw", "object"]
    assert {(track.get("group_id"), track.get("label")) for track in root.findall("track")} <= {
        ("1", "left paw"),
        ("2", "object"),
    }


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_same_command_resumes_after_a_kill(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    def command(name: str) -> list[object]:
        words = ("track", clip, *BOX, "--point", "50,30#2", "--model", tiny_model, "--save", FORMATS)
        return [*words, "--session", tmp_path / f"{name}.s2l", "--out", tmp_path / name]

    assert sam2long(*command("whole")).status == 0
    assert dies(signal.SIGKILL, 6, *command("cut")) == -signal.SIGKILL
    assert not [path for path in (tmp_path / "cut").iterdir() if not path.name.startswith(".")]
    assert sam2long(*command("cut")).status == 0
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert len(list((tmp_path / "cut" / "yolo" / "images").iterdir())) == CLIP_FRAMES
