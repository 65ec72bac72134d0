from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from training import precision
from training.data.clips import ClipDataset
from training.loop import ALONE, train_step
from training.precision import mixed_precision
from training.state import TrainingState, new_state

from .tiny import STAGE, TINY

CPU = torch.device("cpu")


@pytest.fixture
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """What machines with fast bfloat16 choose; the others compute the same, slowly."""
    monkeypatch.setattr(precision, "choose_precision", lambda _name, _device: torch.bfloat16)


def gradients_of_a_step() -> tuple[torch.Tensor, TrainingState]:
    state = new_state(TINY, CPU, 0)
    train_step(state, STAGE, ClipDataset(STAGE, None, 0, ALONE)[0], 0)
    trained = [part.grad.flatten() for part in state.model.parameters() if part.grad is not None]
    return torch.cat(trained), state


def test_attention_by_products_is_attention(bfloat16: None) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(2, 3, count, 8, requires_grad=True) for count in (5, 7, 7)]
    expected = F.scaled_dot_product_attention(*inputs)
    upstream = torch.randn_like(expected)
    gradients = torch.autograd.grad(expected, inputs, upstream)
    with mixed_precision(CPU):
        out = F.scaled_dot_product_attention(*inputs)
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out.float(), expected, rtol=0, atol=0.02)
    for found, true in zip(torch.autograd.grad(out, inputs, upstream.bfloat16()), gradients, strict=True):
        torch.testing.assert_close(found, true, rtol=0, atol=0.05)
    with torch.autocast("cpu", torch.bfloat16):
        assert F.scaled_dot_product_attention(*inputs).dtype is torch.bfloat16


def test_what_learns_nothing_takes_the_fused_kernel(bfloat16: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_attend", None)
    with mixed_precision(CPU), torch.no_grad():
        assert F.scaled_dot_product_attention(*torch.rand(3, 1, 1, 4, 8).unbind()).dtype is torch.bfloat16


def test_a_step_in_bfloat16_is_nearly_one_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(precision, "choose_precision", lambda _name, _device, dtype=dtype: dtype)
        found[dtype], state = gradients_of_a_step()
        assert all(part.dtype is torch.float32 for part in state.model.parameters())
    similar = F.cosine_similarity(found[torch.float32], found[torch.bfloat16], dim=0)
    assert 0.99 < similar < 1.0


def test_nothing_changes_without_fast_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "choose_precision", lambda _name, _device: torch.float32)
    with mixed_precision(CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
        assert not torch.is_autocast_enabled("cpu")


def test_depthwise_convolutions_learn_in_float32(bfloat16: None) -> None:
    torch.manual_seed(0)
    image, weight = torch.randn(1, 6, 8, 8, requires_grad=True), torch.randn(6, 1, 3, 3, requires_grad=True)
    with mixed_precision(CPU):
        out = F.conv2d(image.bfloat16(), weight, None, 1, 1, 1, 6)
        assert out.dtype is torch.float32
        assert F.conv2d(image, torch.randn(4, 6, 1, 1, requires_grad=True)).dtype is torch.bfloat16
    torch.testing.assert_close(out, F.conv2d(image, weight, None, 1, 1, 1, 6), rtol=0.02, atol=0.05)
