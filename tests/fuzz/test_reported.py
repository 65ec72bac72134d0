"""What fuzzing has found in the network's files, sessions and results, each by itself."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save
from safetensors.torch import load_file, save_file

from sam2long.results.films.encoder import Mp4Encoder
from sam2long.results.result import FrameResult
from sam2long.results.writers.spool import Spool
from tests.fuzz.case import Ended, run
from tests.fuzz.corpus import FRAMES, Corpus
from tests.fuzz.mutate import dump
from tests.networks import MICRO

BOX = ("--box", "4,16,20,32")


def track(video: Path | str, model: Path | str, *words: str) -> Ended:
    return run(["track", str(video), "--model", str(model), "--save", "png", *words])


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs `track` in `tmp_path`, where it must be refused and leave everything as it is; what it says."""
    monkeypatch.chdir(tmp_path)

    def ask(video: Path | str, model: Path | str, *words: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        ended = track(video, model, *words, "--out", "out")
        assert ended.status == 2 and ended.err.startswith("error: ") and ended.err.count("\n") == 1, ended
        assert sorted(tmp_path.rglob("*")) == before
        return ended.err

    return ask


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 0}, {"image_size": 2**40}, {"dim": 32.0}, {"dim": True}, {"attention_layers": -1},
        {"decoder_heads": 3}, {"decoder_mlp": "32"}, {"mean": [0.5, 0.5]}, {"std": [0.0, 0.1, 0.1]}, {"std": False},
        {"pointer_time": 1.5},
        {"max_pointers": 0}, {"trunk": {"depths": ["x", 1, 1, 1]}}, {"trunk": {"windows": [0, 4, 14, 7]}},
        {"trunk": {"heads": 0}}, {"trunk": {"depths": [1, 1, 1]}}, {"trunk": {"global_blocks": 3}},
    ],
    ids=str,
)  # fmt: skip
def test_stored_configurations_that_no_network_has(
    refused: Callable[..., str], corpus: Corpus, tmp_path: Path, change: dict[str, object]
) -> None:
    config = asdict(MICRO)
    config["trunk"] |= change.pop("trunk", {})
    state = load_file(corpus.model)
    save_file(state, tmp_path / "w.safetensors", {"sam2long_config": json.dumps(config | change)})
    assert "w.safetensors" in refused(corpus.videos["mp4"], "w.safetensors", *BOX)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(refused: Callable[..., str], corpus: Corpus, tmp_path: Path, value: float) -> None:
    state = load_file(corpus.model)
    state["slot_embeddings"][0] = value
    save_file(state, tmp_path / "w.safetensors", {"sam2long_config": json.dumps(asdict(MICRO))})
    said = refused(corpus.videos["mp4"], "w.safetensors", *BOX)
    assert "1 with NaN or infinite numbers: slot_embeddings" in said


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("traces.jsonl", lambda data: b"[" * 100_000),
        ("session.json", lambda data: dump({**json.loads(data), "layer": None})),
        ("session.json", lambda data: data.replace(b'"layer"', b'"lair"')),
        ("session.json", lambda data: data.replace(b'"max_delay": null', b'"max_delay": []')),
        ("session.json", lambda data: data.replace(b'"trace": true', b'"trace": "yes"')),
        ("memory.safetensors", lambda data: other_shapes(data)),
        ("results/000000.safetensors", lambda data: without_numbers(data)),
    ],
)
def test_sessions_with_odd_members(
    refused: Callable[..., str],
    corpus: Corpus,
    tmp_path: Path,
    member: str,
    change: Callable[[bytes], bytes],
) -> None:
    with zipfile.ZipFile(corpus.sessions[0]) as file, zipfile.ZipFile(tmp_path / "run.s2l", "w") as changed:
        for name in file.namelist():
            changed.writestr(name, change(file.read(name)) if name == member else file.read(name))
    said = refused(corpus.videos["mp4"], corpus.model, "--session", "run.s2l")
    assert "is damaged or not a session file" in said


def other_shapes(data: bytes) -> bytes:
    return save({name: value.flatten() for name, value in load(data).items()})


def without_numbers(data: bytes) -> bytes:
    arrays = load(data)
    arrays["iou"] = np.full_like(arrays["iou"], np.nan)
    return save(arrays)


@pytest.mark.parametrize("fps", ["1e-320", "1e-9", "60001", "2147483647", "9223372036854775808", "1e308"])
def test_rates_that_no_time_stamps_hold(refused: Callable[..., str], corpus: Corpus, fps: str) -> None:
    assert "fps must be" in refused(corpus.folder, corpus.model, *BOX, "--fps", fps)


def test_a_video_with_a_name_that_no_file_can_have(refused: Callable[..., str], corpus: Corpus) -> None:
    assert "cannot be opened: File name too long" in refused("x" * 300, corpus.model, *BOX)


@pytest.mark.parametrize("link", [True, False])
def test_overwriting_what_stands_where_a_folder_goes(corpus: Corpus, tmp_path: Path, link: bool) -> None:
    out, mine = tmp_path / "out", tmp_path / "mine"
    out.mkdir()
    mine.mkdir()
    (mine / "thesis.tex").write_text("mine", encoding="utf-8")
    (out / "summary.json").write_text("{}", encoding="utf-8")
    if link:
        (out / "masks").symlink_to(mine)
    else:
        (out / "masks").write_text("earlier", encoding="utf-8")
    ended = track(corpus.videos["mp4"], corpus.model, *BOX, "--out", str(out), "--overwrite")
    assert ended.status == 0, ended.err
    assert len(list((out / "masks").iterdir())) == FRAMES and not (out / "masks").is_symlink()
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_names_that_are_no_text(corpus: Corpus, tmp_path: Path) -> None:
    ended = track(corpus.videos["mp4"], corpus.model, *BOX, "--out", f"{tmp_path}/out\udcff")
    assert ended.status == 0 and ended.failure is None
    assert "out\\udcff" in ended.out


def test_scores_that_are_no_numbers(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    nan = {1: float("nan")}
    spool.add(FrameResult(0, 0.0, {1: np.ones((3, 3), bool)}, nan, nan, nan))
    assert np.isnan(spool.objects(0)[1].iou)


def test_the_same_pictures_are_the_same_film(tmp_path: Path) -> None:
    """x264's mbtree is not to be trusted: of 100 runs one differs."""
    encoder = Mp4Encoder(tmp_path / "film.mp4", 48, 64, 24.0)
    for number in range(3):
        encoder.add(np.full((48, 64, 3), 9 * number, np.uint8), number / 24)
    encoder.close()
    assert b"mbtree=0" in (tmp_path / "film.mp4").read_bytes() or b"x264" not in (tmp_path / "film.mp4").read_bytes()
