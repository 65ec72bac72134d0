from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from sam2long.model import load_model
from sam2long.model.checkpoints.loading import save_model
from training import __main__ as cli
from training.loop import STATE_FILE
from training.state import new_state

from .tiny import TINY


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *map(str, arguments)])
    cli.main()


def test_a_run_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / STATE_FILE).write_bytes(b"")
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "train", "--out", tmp_path, "--photos", tmp_path)
    assert stop.value.code == 2
    assert "--resume" in capsys.readouterr().err


def test_export_writes_half_precision_with_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "NANO", TINY)
    state = new_state(TINY, torch.device("cpu"), 0)
    state.save(tmp_path / STATE_FILE)
    weights = tmp_path / "tiny.safetensors"
    run(monkeypatch, "export", "--state", tmp_path / STATE_FILE, "--weights", weights, "--image-size", 96)
    assert weights.stat().st_size < 2.2 * sum(value.numel() for value in state.model.state_dict().values())
    model = load_model(weights, device="cpu")
    assert (model.config.image_size, model.config.dim) == (96, TINY.dim)


def test_export_takes_the_mean_of_several_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "NANO", TINY)
    states = [new_state(TINY, torch.device("cpu"), seed) for seed in (0, 1)]
    paths = [tmp_path / f"{number}.pt" for number in range(2)]
    for state, path in zip(states, paths, strict=True):
        state.save(path)
    weights = tmp_path / "mean.safetensors"
    run(monkeypatch, "export", "--state", *paths, "--weights", weights)
    found = load_model(weights, device="cpu", precision="float32").state_dict()
    for name, value in found.items():
        mean = (states[0].average[name] + states[1].average[name]) / 2
        torch.testing.assert_close(value, mean, rtol=1e-3, atol=1e-4)


def test_evaluate_writes_a_table_and_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, table = tmp_path / "tiny.safetensors", tmp_path / "table.md"
    save_model(new_state(TINY, torch.device("cpu"), 0).model, weights)
    run(
        monkeypatch, "evaluate", "--weights", weights, "--suites", "easy", "--videos", 2, "--limit", 5, "--table", table
    )
    (figures,) = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    assert (figures["suite"], figures["videos"], figures["frames"]) == ("easy", 2, 5)
    assert 0 <= figures["greedy"] <= 100
    assert figures["absent_precision"] == "none"
    assert table.read_text(encoding="utf-8").splitlines()[2].startswith("| easy | 2 x 5 |")


def test_a_later_stage_needs_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "train", "--out", tmp_path / "run", "--photos", tmp_path, "--stage", "events")
    assert stop.value.code == 2
    assert "--weights" in capsys.readouterr().err
