"""What memory attention reads of the true masks, against attention written out, and the loss of it by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.memory.memory_attention import MemoryTokens
from sam2long.model.positions import rotary_table
from training.data.augment import make_rows
from training.data.clips import ClipDataset
from training.data.prompts import draw_prompts
from training.gaze import gaze_loss, watched
from training.loop import ALONE
from training.rollout import roll_out

from .tiny import STAGE, TINY

PLACES = (TINY.image_size // 16) ** 2


def test_it_reads_what_attention_would() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = fresh_model(TINY, 0).memory_attention.layers[0].cross_attn
    grid = TINY.image_size // 16
    table = rotary_table(TINY.dim, grid, grid, torch.device("cpu"))
    x = torch.randn(2, PLACES, TINY.dim, generator=generator)
    tokens = torch.randn(2, 2 * PLACES, TINY.memory_dim, generator=generator)
    with watched(fresh_model(TINY, 0)) as gaze:
        gaze.marked = torch.eye(2 * PLACES)[5].expand(2, -1)
        gaze.watch(layer, (x, MemoryTokens(tokens, tokens, 2, PLACES), table, table), x)
    # Attention that reads a token is the layer itself with a value of one at that token and zero elsewhere.
    values = torch.zeros_like(tokens)
    values[:, 5] = 1
    plain = torch.nn.Linear(TINY.memory_dim, TINY.dim, bias=False)
    torch.nn.init.eye_(plain.weight)
    layer.v_proj, layer.out_proj = plain, torch.nn.Identity()
    expected = layer(x, MemoryTokens(values, tokens, 2, PLACES), table, table)[..., 0]
    torch.testing.assert_close(gaze.take()[0], expected, atol=1e-6, rtol=1e-4)


def test_loss_by_hand() -> None:
    read = torch.tensor([[0.9, 0.2, 0.1]])
    loss = gaze_loss((read,), torch.tensor([[1.0, 0.5, 0.0]]))
    inside = -(math.log(0.9) + 0.5 * math.log(0.2)) / 1.5
    outside = -(0.5 * math.log(0.8) + math.log(0.9)) / 1.5
    assert loss.item() == pytest.approx((inside + outside) / 2, rel=1e-5)


def test_looking_at_an_absent_object_costs() -> None:
    nothing = torch.zeros(1, 4)
    assert gaze_loss((torch.full((1, 4), 0.9),), nothing) > gaze_loss((torch.full((1, 4), 0.1),), nothing)


def test_only_frames_that_remember_are_watched() -> None:
    model = fresh_model(TINY, 0)
    generator = torch.Generator().manual_seed(0)
    rows = make_rows(ClipDataset(STAGE, 0, ALONE)[0], STAGE.objects, TINY, generator)
    prompts = draw_prompts(rows.masks[:, 0], STAGE.prompts, generator)
    with watched(model) as gaze:
        first, *later = [frame.gaze for frame in roll_out(model, rows, prompts, gaze=gaze)]
    assert first is None
    assert len(later) == 2
    assert all(loss is not None and loss > 0 for loss in later)
    assert all(frame.gaze is None for frame in roll_out(model, rows, prompts))
    loss = later[-1]
    assert loss is not None
    loss.backward()
    gradient = model.memory_attention.layers[0].get_parameter("cross_attn.q_proj.weight").grad
    assert gradient is not None and gradient.any()
