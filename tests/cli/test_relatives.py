"""Whole commands on one of each kind of relative, with random weights in a reduced configuration."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import sam2long.bench  # noqa: F401
from sam2long.model import PRESETS, SAM2Config
from sam2long.model.checkpoints.loading import fresh_model, save_model
from tests.evaluation import layouts
from tests.networks import RELATIVES

from .conftest import Command

kinds = pytest.mark.parametrize("config", RELATIVES, ids=lambda config: config.name)


@kinds
def test_eval(sam2long: Command, tmp_path: Path, config: SAM2Config) -> None:
    layouts.pumavos(tmp_path / "data")
    save_model(fresh_model(config), tmp_path / "model.safetensors")
    folders = ("--root", tmp_path / "data", "--out", tmp_path / "out", "--model", tmp_path / "model.safetensors")
    ended = sam2long("eval", "pumavos", *folders, "--baseline", "--device", "cpu")
    assert ended.status == 0, ended.err
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert len(results["variants"]) == 2
    for variant in results["variants"]:
        assert 0 <= variant["measured"][0]["figures"]["J&F"] <= 100


@kinds
def test_bench(sam2long: Command, monkeypatch: pytest.MonkeyPatch, config: SAM2Config) -> None:
    monkeypatch.setitem(PRESETS, config.name, config)
    monkeypatch.setitem(sys.modules["sam2long.bench.roofline"]._SIDE, "cpu", 128)  # products that take no time
    words = ("--model", config.name, "--device", "cpu", "--frames", "1", "--pathways", "1,3", "--objects", "2")
    ended = sam2long("bench", *words)
    assert ended.status == 0, ended.err
    record = json.loads(ended.out.splitlines()[-1])
    assert record["image_size"] == config.image_size and len(record["timings"]) == 5


@kinds
def test_track(sam2long: Command, clip: Path, tmp_path: Path, config: SAM2Config) -> None:
    save_model(fresh_model(config), tmp_path / "model.safetensors")
    words = ("--box", "4,16,20,32", "--model", tmp_path / "model.safetensors", "--out", tmp_path / "out")
    ended = sam2long("track", clip, *words, "--device", "cpu")
    assert ended.status == 0, ended.err
    assert len(list((tmp_path / "out").rglob("*.png"))) == 12
