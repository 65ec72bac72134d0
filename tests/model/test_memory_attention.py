"""On a CPU memory attention takes the rows of a batch by pieces; every row must get what it gets in a whole batch."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch

from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.memory import memory_attention
from sam2long.model.memory.memory_attention import Memory, MemoryAttentionLayer
from tests.networks import SMALL, SMALL_EDGETAM, SMALL_EFFICIENTTAM

ROWS, MAPS, POINTERS = 5, 3, 4
KINDS = {"plain": SMALL, "pooled": SMALL_EFFICIENTTAM, "compressed": SMALL_EDGETAM}


@torch.inference_mode()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", [1, ROWS])
def test_pieces_of_a_batch_are_rows_of_the_whole(kind: str, frames: int) -> None:
    config = KINDS[kind]
    model = fresh_model(config, 0).eval()
    torch.manual_seed(0)
    coarse = torch.randn(frames, config.dim, config.grid, config.grid)
    memory = Memory(
        torch.randn(ROWS, MAPS, *config.memory_shape),
        torch.arange(MAPS).expand(ROWS, -1),
        torch.randn(ROWS, POINTERS, config.dim),
        torch.rand(ROWS, POINTERS),
        torch.rand(ROWS, MAPS),
        torch.rand(ROWS, POINTERS),
    )
    whole = model.attend(coarse, memory)
    tokens = MAPS * config.memory_tokens + POINTERS * config.dim // config.memory_dim
    recalled = []

    def counted(layer: MemoryAttentionLayer, x: torch.Tensor, piece: object, *tables: torch.Tensor) -> torch.Tensor:
        recalled.append(len(x))
        return recall(layer, x, piece, *tables)  # type: ignore[arg-type]

    recall = MemoryAttentionLayer.recall
    with (
        patch.object(memory_attention, "PIECE", 2 * tokens * config.dim),
        patch.object(MemoryAttentionLayer, "recall", counted),
    ):
        pieces = model.attend(coarse, memory)
    torch.testing.assert_close(pieces, whole, rtol=1e-5, atol=1e-6)
    # What does not depend on the memory is computed once where all rows have the same frame.
    assert recalled == ([1, 2, 1, 2, 1, 1] if frames == 1 else [2, 2, 2, 2, 1, 1])
