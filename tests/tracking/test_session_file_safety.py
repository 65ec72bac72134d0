"""Session files from elsewhere, and writers that are interrupted or meet."""

import json
import os
import zipfile
import zlib

import numpy as np
import pytest
import torch

from sam2long import Session
from sam2long.errors import SessionError
from sam2long.tracking.prompting.prompts import FrameSize
from sam2long.tracking.saving import archive
from sam2long.tracking.saving.archive import read_header
from sam2long.tracking.storage.packing import pack, unpack_logits, unpack_mask
from tests.tracking.blob import start


@pytest.fixture
def session(small_model, clip):
    return start(small_model, clip)


def replaced(path, member, content, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, old in members.items():
            file.writestr(name, content(old) if name == member else old, compression)


@pytest.mark.parametrize("member", ["session.json", "memory.safetensors", "traces.jsonl"])
def test_a_member_that_inflates_a_lot_is_refused_unread(session, tmp_path, member):
    session.save(tmp_path / "bomb.s2l")
    replaced(tmp_path / "bomb.s2l", member, lambda old: old + b" " * (1 << 25), zipfile.ZIP_DEFLATED)
    with pytest.raises(SessionError, match=rf"refused: its member {member} would inflate from \d+ to \d+ bytes"):
        read_header(tmp_path / "bomb.s2l")


def test_masks_that_inflate_to_more_than_a_mask():
    size = FrameSize(height=30, width=50)
    packed = pack(np.ones((30, 50), bool), torch.ones(8, 8), exact=True)
    assert unpack_mask(packed.mask, size).all() and unpack_logits(packed.logits).shape == (8, 8)
    bomb = zlib.compress(bytes(1 << 25))
    with pytest.raises(SessionError, match="inflates to more than 188 bytes"):
        unpack_mask(bomb, size)
    with pytest.raises(SessionError, match="inflates to more than"):
        unpack_logits(b"F" + bomb)
    with pytest.raises(SessionError, match="cannot be unpacked"):
        unpack_mask(b"garbage", size)


@pytest.mark.parametrize(
    ("name", "value"), [("max_delay", [3]), ("max_delay", -1), ("max_delay", True), ("trace", "yes"), ("trace", None)]
)
def test_options_of_the_wrong_kind(session, tmp_path, name, value):
    path = tmp_path / "options.s2l"
    session.save(path)

    def damaged(old):
        data = json.loads(old)
        return json.dumps({**data, "options": {**data["options"], name: value}}).encode()

    replaced(path, "session.json", damaged)
    with pytest.raises(SessionError, match=f"its option '{name}' is"):
        read_header(path)


def test_unknown_and_repeated_options(session, small_model, clip, tmp_path):
    path = tmp_path / "options.s2l"
    session.save(path)
    replaced(path, "session.json", lambda old: old.replace(b'"options": {', b'"options": {"tree": 1,'))
    with pytest.raises(SessionError, match=r"an option that sam2long .* does not know: 'tree'"):
        Session.open(path, small_model, clip)
    session.save(path)
    replaced(path, "session.json", lambda old: old.replace(b'"options": {', b'"options": {"trace": true,'))
    with pytest.raises(SessionError, match=r"'trace' occurs twice in session.json"):
        Session.open(path, small_model, clip)
    session.save(path)
    replaced(path, "session.json", lambda old: json.dumps({**json.loads(old), "options": {}}).encode())
    with pytest.raises(SessionError, match="'max_delay' is missing"):
        Session.open(path, small_model, clip)


def test_an_interrupted_save_leaves_the_old_file_alone(session, tmp_path, monkeypatch):
    session.save(tmp_path / "a.s2l")
    before = (tmp_path / "a.s2l").read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "_traces", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.save(tmp_path / "a.s2l")
    assert [file.name for file in tmp_path.iterdir()] == ["a.s2l"] and (tmp_path / "a.s2l").read_bytes() == before


def test_two_writers_that_meet_both_write_whole_files(session, tmp_path, monkeypatch):
    path, real = tmp_path / "a.s2l", archive._traces
    monkeypatch.setattr(archive, "_traces", lambda state: (monkeypatch.undo(), session.save(path), real(state))[2])
    session.save(path)
    assert read_header(path).data["objects"] and [file.name for file in tmp_path.iterdir()] == ["a.s2l"]


def test_a_save_is_on_disk_before_it_takes_the_place_of_another(session, tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(archive.os, "fsync", lambda number: (done.append("fsync"), sync(number))[1])
    monkeypatch.setattr(type(tmp_path), "replace", lambda old, new: (done.append("replace"), replace(old, new))[1])
    session.save(tmp_path / "a.s2l")
    assert done[:2] == ["fsync", "replace"]
    assert done[2:] == (["fsync"] if os.name == "posix" else [])  # of the folder, for the new name


@pytest.mark.skipif(os.name != "posix", reason="folders have no such permissions")
def test_a_folder_that_may_only_be_written_to_takes_a_session(session, tmp_path, monkeypatch):
    opened = os.open

    def refused(path, *more):
        if path == tmp_path:
            raise PermissionError(13, "Permission denied")
        return opened(path, *more)

    monkeypatch.setattr(archive.os, "open", refused)
    session.save(tmp_path / "a.s2l")
    assert (tmp_path / "a.s2l").exists()
