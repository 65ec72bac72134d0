"""What every test of training shares."""

from __future__ import annotations

import pytest
import torch

from training import precision


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training chooses bfloat16 by the machine; the comparisons here are exact, on every machine."""
    monkeypatch.setattr(precision, "choose_precision", lambda _name, _device: torch.float32)
