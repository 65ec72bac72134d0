from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sam2long.model import SAM2, MaskProposals, load_model
from sam2long.model.checkpoints.loading import fresh_model, save_model
from training import __main__ as cli
from training.calibration.fitting import calibrate, fit_correction
from training.calibration.records import Records

from .tiny import TINY

ROWS = 400


def records(model: SAM2, seed: int) -> Records:
    """Twenty clips whose predicted IoUs are too high, most of all where the object is judged absent."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(ROWS, TINY.dim, generator=generator)
    with torch.no_grad():
        logits, scores = model.mask_decoder.iou_head(tokens), model.mask_decoder.object_score_head(tokens)
    ious = (logits - 1.0).sigmoid() * (scores > 0)
    present = torch.rand(ROWS, generator=generator) < 0.9
    return Records(
        tokens,
        tokens,
        ious * present[:, None],
        present,
        torch.tensor([False, True, True, True]).expand(ROWS, -1),
        torch.arange(ROWS) // 20,
    )


def lively(seed: int) -> SAM2:
    """A tiny network whose heads differ from token to token."""
    model = fresh_model(TINY, seed).eval()
    generator = torch.Generator().manual_seed(seed)
    for head in (model.mask_decoder.iou_head, model.mask_decoder.object_score_head):
        for parameter in head.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * parameter.shape[-1] ** -0.5 * 1.5
    model.mask_decoder.object_score_head.layers[-1].weight.data *= 8
    return model


def answer(model: SAM2, image: Tensor) -> MaskProposals:
    """What a network says of a picture to a click in its middle."""
    features = model.encode_image(image)
    point, label = torch.full((1, 1, 2), TINY.image_size / 2), torch.ones(1, 1, dtype=torch.int64)
    return model.decode(model.without_memory(features.coarse), features, model.encode_prompts(point, label))


def state(model: SAM2) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_the_correction_is_found() -> None:
    """Where the object shows, one logit less is true, and nothing of what is judged absent."""
    model = lively(0)
    facts = records(model, 1)
    with torch.no_grad():
        logits = model.mask_decoder.iou_head(facts.iou_tokens)
        scores = model.mask_decoder.object_score_head(facts.object_tokens)[:, 0]
    found, _ = fit_correction(logits, scores, facts, absent=0.0)
    changes = (found(logits, scores) - logits).mean(1)
    assert changes[scores > 1].mean() == pytest.approx(-1.0, abs=0.3)
    assert changes[scores < -1].max() < -3


def test_only_the_head_of_the_predicted_iou_changes_and_its_loss_falls() -> None:
    model = lively(0)
    facts, prompted = records(model, 1), records(model, 2)
    first = state(model)
    fitted = calibrate(model, facts, prompted, absent=0.3, steps=60, rate=3e-3)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, first[name])}
    assert changed and all(name.startswith("mask_decoder.iou_head.") for name in changed)
    assert fitted.after < fitted.before


def test_the_command_keeps_masks_and_object_scores(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, out = tmp_path / "first.safetensors", tmp_path / "fitted.safetensors"
    save_model(lively(3), weights, torch.float16)
    given = ("calibrate", "--weights", weights, "--photos", photos, "--out", out, "--clips", 4, "--device", "cpu")
    monkeypatch.setattr(sys, "argv", ["training", *map(str, given)])
    monkeypatch.setattr(cli, "CALIBRATION", replace(cli.CALIBRATION, frames=6, batches=1, steps=5))
    cli.main()
    before, after = (load_model(path, device="cpu", precision="float32") for path in (weights, out))
    image = torch.rand(1, 3, TINY.image_size, TINY.image_size)
    with torch.inference_mode():
        old, new = (answer(model, image) for model in (before, after))
    assert torch.equal(old.masks, new.masks) and torch.equal(old.object_scores, new.object_scores)
    assert torch.equal(old.pointers, new.pointers) and not torch.equal(old.ious, new.ious)
