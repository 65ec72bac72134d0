"""A session saved and opened again is the session: same marks, same results, and it ends as if never interrupted."""

import json
import os
import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sam2long import Session
from sam2long.errors import ConfigError, OutputError, SessionError
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.tracking import session as session_module
from tests.networks import SMALL
from tests.tracking.blob import FRAMES, RESTLESS, TREES, same_results, start  # noqa: F401


@TREES
@pytest.mark.parametrize("stop", [3, 9])
def test_save_open_and_go_on_equals_one_run(small_model, clip, tree, stop, tmp_path):
    whole = start(small_model, clip, tree, trace=True)
    expected = list(whole.propagate())
    session = start(small_model, clip, tree, trace=True)
    for result in session.propagate():
        if result.frame == stop:
            break
    session.save(tmp_path / "match.s2l")
    opened = Session.open(tmp_path / "match.s2l", small_model, clip)
    assert opened.prompts == session.prompts
    same_results(list(opened.propagate()), expected)
    assert opened.traces == whole.traces


def test_everything_a_session_knows(small_model, clip, tmp_path):
    session = start(small_model, clip, trace=True, keep_logits=True, max_delay=3)
    list(session.propagate())
    mask = np.zeros(clip.shape[1:3], bool)
    mask[10:30, 40:70] = True
    session.add_mask(8, 4, mask)
    session.add_points(5, 1, [(80, 10)])
    session.add_points(5, 1, [(70, 50)], [0])
    session.add_points(12, 2, [(70, 50)])
    list(session.propagate(end=10))
    list(session.propagate(start=8, reverse=True))
    session.save(tmp_path / "a.s2l")
    opened = Session.open(tmp_path / "a.s2l", small_model, clip)
    same_results(list(opened.results()), list(session.results()))
    assert opened.traces == session.traces and opened.tree == session.tree
    assert opened.review(5) == session.review(5)
    same_results(list(opened.propagate()), list(session.propagate()))
    for one in (opened, session):
        one.add_points(5, 1, [(60, 50)])
    assert np.array_equal(opened.preview(5, 1).mask, session.preview(5, 1).mask)
    opened.save(tmp_path / "b.s2l")
    again = Session.open(tmp_path / "b.s2l", small_model, clip)
    same_results(list(again.results()), list(opened.results()))


def test_the_file_is_plain_json_and_safetensors(small_model, clip, tmp_path):
    session = start(small_model, clip)
    list(session.propagate())
    session.save(tmp_path / "a.s2l")
    with zipfile.ZipFile(tmp_path / "a.s2l") as file:
        data = json.loads(file.read("session.json"))
        assert {Path(name).suffix for name in file.namelist()} == {".json", ".jsonl", ".safetensors"}
    assert (data["format"], data["version"]) == ("sam2long session", 2)
    assert data["objects"][0]["prompts"][0]["rounds"][0]["box"] == [10, 20, 30, 40]
    assert [path.name for path in tmp_path.iterdir()] == ["a.s2l"]


def test_a_saved_session_finds_its_video(small_model, clip, tmp_path):
    from PIL import Image

    for number, frame in enumerate(clip):
        Image.fromarray(frame).save(tmp_path / f"{number:02d}.png")
    session = Session(small_model, tmp_path, tree=RESTLESS)
    session.add_box(0, 1, (10, 20, 30, 40))
    results = list(session.propagate(end=4))
    session.save(tmp_path / "a.s2l")
    opened = Session.open(str(tmp_path / "a.s2l"), small_model)
    same_results(list(opened.propagate(end=4)), results)
    Image.fromarray(255 - clip[0]).save(tmp_path / "00.png")
    with pytest.raises(SessionError, match=r"is not the video .* or has changed"):
        Session.open(tmp_path / "a.s2l", small_model)


@pytest.fixture
def saved(small_model, clip, tmp_path):
    session = start(small_model, clip)
    list(session.propagate())
    session.save(tmp_path / "a.s2l")
    return tmp_path / "a.s2l"


def rewrite(path, change):
    """Change session.json in a session file."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    data = json.loads(members["session.json"])
    change(data)
    members["session.json"] = json.dumps(data).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(version=4, made_by="9.0"), "format version 4.* written by sam2long 9.0"),
        (lambda data: data.update(format="something"), "not a sam2long session file"),
        (lambda data: data.pop("tree"), "is damaged"),
        (lambda data: data["objects"][0]["prompts"][0].pop("rounds"), "is damaged"),
        (lambda data: data["video"].update(digest="0"), "is not the video"),
        (lambda data: data["model"].update(weights="0"), "other weights"),
    ],
)
def test_files_that_cannot_be_opened(small_model, clip, saved, change, message):
    rewrite(saved, change)
    with pytest.raises(SessionError, match=message):
        Session.open(saved, small_model, clip)


def test_other_videos_models_and_broken_files(small_model, clip, saved, tmp_path):
    with pytest.raises(SessionError, match="it had 16 frames of 100x60, now it has 15 frames of 100x60"):
        Session.open(saved, small_model, clip[1:])
    with pytest.raises(SessionError, match="other weights"):
        Session.open(saved, fresh_model(SMALL, seed=5), clip)
    with pytest.raises(SessionError, match="made from frames in memory"):
        Session.open(saved, small_model)
    with pytest.raises(SessionError, match="there is no session file"):
        Session.open(tmp_path / "none.s2l", small_model)
    content = saved.read_bytes()
    for broken in (
        content[: len(content) // 2],
        b"",
        b"PK" + content[100:],
        content[:3000] + b"x" * 64 + content[3064:],
    ):
        saved.write_bytes(broken)
        with pytest.raises(SessionError):
            Session.open(saved, small_model, clip)


def test_what_cannot_be_saved(small_model, clip, tmp_path):
    session = start(small_model, clip)
    with pytest.raises(OutputError, match="cannot save the session"):
        session.save(tmp_path / "no" / "a.s2l")
    with pytest.raises(ConfigError, match="keeps no results"):
        start(small_model, clip, keep_results=False).save(tmp_path / "a.s2l")
    with pytest.raises(ConfigError, match="autosave needs stored results"):
        Session(small_model, iter(clip), autosave=tmp_path / "a.s2l")
    assert list(tmp_path.iterdir()) == []


SERVER = """
import os, signal, sys, time, numpy as np, torch
torch.set_num_threads(1)
from pathlib import Path
from sam2long import Session
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.tracking import session as session_module
from tests.networks import SMALL
from tests.tracking.blob import RESTLESS

folder = Path(sys.argv[1])
model, clip, path = fresh_model(SMALL, seed=3), np.load(folder / "clip.npy"), folder / "a.s2l"

def run():
    if path.exists():
        session = Session.open(path, model, clip, autosave=path, autosave_every=0.0)
    else:
        session = Session(model, clip, tree=RESTLESS, autosave=path, autosave_every=0.0)
        session.add_box(0, 1, (10, 20, 30, 40))
        session.add_points(0, 2, [(50, 30)])
    masks = np.stack([np.stack([result.masks[1], result.masks[2]]) for result in session.propagate()])
    np.save(folder / "masks.npy", masks)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run()
        os._exit(0)
    if line.strip():
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Runs the same job in a new process for every line it reads, without importing everything again.

A number in the line is the seconds after which the process is killed. Its parent kills it before waiting for it, so a
process that was done sooner is still there to be killed.
"""


class Runs:
    """Starts runs of `SERVER`, and kills them."""

    def __init__(self, folder):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", SERVER, str(folder)]
        pipe = subprocess.PIPE
        self.server = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)

    def run(self, kill_after=None):
        """Returns the seconds it took."""
        began = time.monotonic()
        self.server.stdin.write("\n" if kill_after is None else f"{kill_after}\n")
        self.server.stdin.flush()
        status = int(self.server.stdout.readline())
        assert status == 0 or kill_after is not None
        return time.monotonic() - began

    def close(self):
        self.server.stdin.close()
        self.server.wait()


def test_killed_at_random_moments(clip, tmp_path):
    """SIGKILL, 20 times; a run that is let through ends with the masks of one that never stopped."""
    np.save(tmp_path / "clip.npy", clip)
    runs = Runs(tmp_path)
    seconds = runs.run()
    expected = np.load(tmp_path / "masks.npy")
    (tmp_path / "a.s2l").unlink()
    rng = random.Random(7)
    for kill in range(1, 21):
        runs.run(kill_after=rng.uniform(0.0, 0.6 * seconds))
        if kill % 4 == 0:
            (tmp_path / "masks.npy").unlink(missing_ok=True)
            runs.run()
            np.testing.assert_array_equal(np.load(tmp_path / "masks.npy"), expected)
            (tmp_path / "a.s2l").unlink()
    runs.close()


def test_a_disk_too_full_to_save_stops_no_tracking(small_model, clip, tmp_path, monkeypatch):
    path, full = tmp_path / "a.s2l", [True]
    write = session_module.write_session

    def write_session(*words):
        if full[0]:
            raise OutputError("no space left")
        write(*words)

    monkeypatch.setattr(session_module, "write_session", write_session)
    expected = list(start(small_model, clip[:6]).propagate())
    session = start(small_model, clip[:6], autosave=path, autosave_every=0.0)
    results = session.propagate()
    with pytest.warns(UserWarning, match="could not be saved: no space left"):
        first = [next(results), next(results)]
        results.close()  # as Ctrl-C does
    full[0] = False
    same_results(list(session.propagate()), expected)
    same_results(first, expected[:2])
    assert path.exists()
    full[0] = True
    with pytest.raises(OutputError, match="no space left"):
        list(session.propagate())


def test_a_session_knows_whether_it_is_saved(small_model, clip, tmp_path):
    session = Session(small_model, clip)
    assert not session.unsaved
    session.add_points(0, 1, [(30, 30)])
    assert session.unsaved
    session.save(tmp_path / "a.s2l")
    assert not session.unsaved
    results = session.propagate()
    next(results)
    assert session.unsaved
    session.save(tmp_path / "a.s2l")
    opened = Session.open(tmp_path / "a.s2l", small_model, clip)
    assert not session.unsaved and not opened.unsaved
    opened.set_style(1, name="goose")
    assert opened.unsaved
    opened.save(tmp_path / "a.s2l")
    opened.undo()
    assert opened.unsaved
    with pytest.raises(OutputError):
        opened.save(tmp_path / "missing" / "a.s2l")
    assert opened.unsaved
