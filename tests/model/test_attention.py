"""Our attention on a CPU against PyTorch's in float64, whose inputs are the same numbers."""

import pytest
import torch
import torch.nn.functional as F

from sam2long.model.memory import attention
from sam2long.model.memory.attention import attend, attend_heads, widen

TYPES = {torch.float32: 1e-5, torch.bfloat16: 8e-3}
"""How far off, relative to the norm; bfloat16 has 8 bits, so a single number of it is off by up to 4e-3."""


@pytest.fixture(params=["tiles", "fused"], autouse=True)
def kernel(request, monkeypatch):
    """The processor decides whether bfloat16 goes through tiles or PyTorch's kernel; both must be right."""
    monkeypatch.setattr(attention, "_TILED", frozenset(TYPES if request.param == "tiles" else [torch.float32]))


def random(*shape, dtype, scale=1.0):
    return (scale * torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))).to(dtype)


def exact(q, k, v):
    return F.scaled_dot_product_attention(q.double(), k.double(), v.double())


def close(ours, expected, dtype):
    assert ours.dtype == dtype
    assert ours.shape == expected.shape
    assert (ours.double() - expected).norm() <= TYPES[dtype] * expected.norm()


@torch.inference_mode()
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize(
    ("rows", "batch", "queries", "keys", "channels", "width"),
    [(1, 1, 5, 3, 8, 8), (1, 3, 64, 200, 32, 16), (2, 2, 2100, 1500, 16, 8), (1, 2, 300, 9000, 128, 64)],
)
def test_attend(dtype, scale, rows, batch, queries, keys, channels, width):
    q = random(rows, queries, channels, dtype=dtype, scale=scale)
    k, v = random(batch, keys, channels, dtype=dtype, scale=scale), random(batch, keys, width, dtype=dtype)
    close(attend(q, k, v), exact(q, k, v), dtype)


@torch.inference_mode()
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("far", [20.0, 400.0, 4000.0])
def test_one_key_far_above_all_others(dtype, far, monkeypatch):
    """It may be no sampled one; then scores are large, up to what a power of 2 cannot hold in float32."""
    monkeypatch.setattr(attention, "_SAMPLED", 4)
    q, k, v = (random(1, count, 16, dtype=dtype) for count in (32, 999, 999))
    k[0, 501] = far * q[0, 7] / q[0, 7].norm()
    close(attend(q, k, v), exact(q, k, v), dtype)


@torch.inference_mode()
@pytest.mark.parametrize("dtype", TYPES)
def test_a_missing_number_stays_missing(dtype):
    q, k, v = (random(1, count, 16, dtype=dtype) for count in (4, 50, 50))
    q[0, 2] = torch.nan
    assert attend(q, k, v).isnan().any(2)[0].tolist() == [False, False, True, False]


@torch.inference_mode()
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("queries", [9, 1500])
def test_several_heads(dtype, queries):
    q, k, v = (random(2, count, 3, 8, dtype=dtype, scale=2.0).transpose(1, 2) for count in (queries, 500, 500))
    close(attend_heads(q, k, v), exact(q, k, v), dtype)


def test_gradients_flow_through_it():
    q, k, v = (random(1, count, 8, dtype=torch.bfloat16).requires_grad_() for count in (900, 900, 900))
    attend(q, k, v).float().sum().backward()
    attend_heads(q[None], k[None], v[None]).float().sum().backward()
    assert all(part.grad.isfinite().all() for part in (q, k, v))


def test_wider_values_change_nothing():
    q, k, v = random(1, 7, 256, dtype=torch.float32), *(random(1, 30, n, dtype=torch.float32) for n in (256, 64))
    wide = widen(v, 256)
    assert wide.shape == k.shape
    torch.testing.assert_close(F.scaled_dot_product_attention(q, k, wide)[..., :64], exact(q, k, v).float())


@pytest.mark.parametrize("wide", [False, True])
def test_values_are_padded_where_narrow_ones_come_out_wrong(monkeypatch, wide):
    seen = []
    real = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda q, k, v: seen.append(v.shape[-1]) or real(q, k, v))
    monkeypatch.setattr(attention, "_NEED_WIDE_VALUES", frozenset({"meta"} if wide else ()))
    q, k, v = (torch.empty(1, count, width, device="meta") for count, width in ((5, 256), (9, 256), (9, 64)))
    assert attend(q, k, v).shape == (1, 5, 64)
    assert seen == [256 if wide else 64]


@pytest.mark.parametrize(("version", "found"), [("2.10.0", {"mps"}), ("2.11.1+cpu", {"mps"}), ("2.12.0", set())])
def test_which_devices_need_wide_values(version, found):
    assert attention.devices_that_need_wide_values(version) == found
