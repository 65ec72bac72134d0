"""`sam2long.toml`: what it changes, where it is looked for, and what is said of a bad one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sam2long.cli.app import app
from sam2long.cli.settings import options_of

from .conftest import CLIP_FRAMES, Command


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The current folder, inside one that may hold settings too; the user's own are in `user`."""
    inside = tmp_path / "project" / "inside"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    monkeypatch.setattr("typer.get_app_dir", lambda name: str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    return inside


def write(folder: Path, text: str) -> Path:
    file = folder / "sam2long.toml"
    file.write_text(text, encoding="utf-8")
    return file


def settings_of(sam2long: Command) -> dict:
    return json.loads(sam2long("info", "--json").out)["defaults"]


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_a_run_takes_its_defaults_from_the_file(
    sam2long: Command, folder: Path, clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    write(
        folder.parent,
        f"[defaults]\nmodel = '{tiny_model}'\nquiet = true\n"
        "[track]\nbox = ['4,16,20,32']\nsave = ['coco', 'npz']\nend = 5\npathways = 2\nout = 'results'\n",
    )
    ended = sam2long("track", clip)
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    out = folder.parent / "results"  # relative to the file
    assert {path.name for path in out.iterdir()} >= {"coco.json", "masks.npz"}
    assert (summary(out)["frames_written"], summary(out)["settings"]["tree"]["pathways"]) == (6, 2)
    # The command line wins.
    words = ("--save", "png", "--end", "3", "--pathways", "1", "--out", tmp_path / "b")
    assert sam2long("track", clip, *words).status == 0
    assert (summary(tmp_path / "b")["frames_written"], summary(tmp_path / "b")["files"]) == (4, ["masks", "trace.csv"])
    assert summary(tmp_path / "b")["settings"]["tree"]["pathways"] == 1
    # And so does whoever wants none of it.
    ended = sam2long("--no-settings", "track", clip)
    assert ended.status == 2 and "Missing option '--out'" in ended.err


def test_what_a_file_says_counts_when_a_run_is_resumed(
    sam2long: Command, folder: Path, clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    words = ("track", clip, "--box", "4,16,20,32", "--model", tiny_model, "--session", tmp_path / "a.s2l")
    write(folder, "[track]\nsave = 'png'\npathways = 2")
    assert sam2long(*words, "--out", tmp_path / "a", "--end", "5").status == 0
    assert sam2long(*words, "--out", tmp_path / "b").status == 0
    assert summary(tmp_path / "b")["frames_written"] == CLIP_FRAMES
    file = write(folder, "[track]\nsave = 'png'\npathways = 4")
    ended = sam2long(*words, "--out", tmp_path / "c")
    assert ended.status == 2 and "other memory-tree settings; omit these options, also from sam2long.toml" in ended.err
    assert file.name in ended.err and not (tmp_path / "c").exists()


def test_the_nearest_file_counts_most(sam2long: Command, folder: Path, tmp_path: Path) -> None:
    user = write(
        tmp_path / "user", "[track]\nmodel = 'user'\nend = 3\n[batch]\nworkers = 2\n[defaults]\ndevice = 'mps'"
    )
    far = write(tmp_path, "[track]\nstride = 9")
    near = write(folder.parent, "[defaults]\nmodel = 'near'\ndevice = 'cpu'\n[track]\ndevice = 'cuda'\n")
    found = settings_of(sam2long)
    assert found["track"]["model"] == {"value": "near", "origin": str(near)}
    assert found["track"]["device"] == {"value": "cuda", "origin": str(near)}
    assert found["eval"]["device"] == {"value": "cpu", "origin": str(near)}
    assert found["track"]["end"] == {"value": 3, "origin": str(user)}
    assert found["batch"]["workers"] == {"value": 2, "origin": str(user)}
    assert found["track"]["stride"] == {"value": 1, "origin": "built in"}
    text = sam2long("info").out
    assert any(line.split() == ["track", "--model", "near", str(near)] for line in text.splitlines())
    assert str(far) not in text
    assert "All other defaults are built in" in text
    assert "All defaults are built in" in sam2long("--no-settings", "info").out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[track]\nmodle = 'nano'", "unknown option 'modle' in [track]; did you mean 'model'?"),
        ("[trak]\nmodel = 'nano'", "unknown section [trak]; did you mean 'track'?"),
        ("[defaults]\nzzz = 1", "unknown option 'zzz' in [defaults]; known: "),
        ("model = 'nano'", "'model' is in no section; put it under [defaults]"),
        ("[track]\nvideo = 'a.mp4'", "unknown option 'video' in [track]"),
        ("[track]\npathways = 'three'", "pathways = 'three' in [track]: expected a whole number for track --pathways"),
        ("[track]\npathways = true", "pathways = True in [track]: expected a whole number"),
        ("[track]\nquiet = 'yes'", "quiet = 'yes' in [track]: expected true or false"),
        ("[track]\nmodel = 3", "model = 3 in [track]: expected a text in quotes"),
        ("[track]\npoint = [1, 2]", "point = [1, 2] in [track]: expected a list of texts"),
        ("[batch]\nretries = -1", "retries = -1 in [batch]: must be 0 or more for batch --retries"),
        ("[synth]\nformat = 'vhs'", "format = 'vhs' in [synth]: expected 'davis' or 'mp4'"),
        ("[track\n", "is not valid TOML"),
    ],
)
def test_bad_files_are_told_in_one_line(sam2long: Command, folder: Path, text: str, message: str) -> None:
    file = write(folder, text)
    ended = sam2long("track", "a.mp4", "--out", "b")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {file}") and ended.err.count("\n") == 1
    assert message in ended.err


def test_what_a_command_says_of_a_bad_value_names_the_file(sam2long: Command, folder: Path, clip: Path) -> None:
    file = write(folder, "[track]\nprecision = 'float3'\nmax-delay = -1\n")
    words = ("track", clip, "--box", "4,16,20,32", "--out", "b")
    ended = sam2long(*words, "--max-delay", "2")
    assert ended.err.startswith("error: unknown precision 'float3'; known: ")
    assert ended.err.endswith(f" (--precision is set in {file})\n") and "--max-delay is" not in ended.err
    assert f"(--max-delay is set in {file})" in sam2long(*words, "--precision", "auto").err
    assert "is set in" not in sam2long(*words, "--precision", "float4", "--max-delay=0").err


def test_a_file_that_cannot_be_read(sam2long: Command, folder: Path) -> None:
    (folder / "sam2long.toml").mkdir()
    ended = sam2long("info")
    assert ended.status == 2 and "cannot be read" in ended.err
    (folder / "sam2long.toml").rmdir()
    (folder / "sam2long.toml").write_bytes(b"[track]\nmodel = '\xff'")
    assert "is not valid TOML" in sam2long("info").err
    assert sam2long("--help").status == sam2long("--version").status == 0


def test_every_option_can_be_set(sam2long: Command, folder: Path) -> None:
    """The names in the file are those that the help shows."""
    for info in app.registered_commands:
        assert info.name and info.callback
        shown = sam2long(info.name, "--help").out
        for name, option in options_of(info.callback).items():
            assert f"--{name}" in shown
            assert option.kind in (bool, int, float, str, Path, list) or issubclass(option.kind, str)
