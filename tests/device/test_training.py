"""A step of training on the pretended device, in float32 on both: autocast does nothing there."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from tests.device.pretend import DEVICE, HOST, DeviceTensor
from tests.training.tiny import STAGE, TINY
from training import precision
from training.data.clips import batches
from training.loop import ALONE, train_step
from training.state import new_state


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_a_step_learns_what_it_learns_on_the_cpu(request, monkeypatch):
    monkeypatch.setattr(precision, "choose_precision", lambda _name, _device: torch.float32)
    stage = replace(STAGE, corrected=1.0)
    (batch,) = islice(batches(stage, None, 0, 0, 0, ALONE), 1)
    exact = new_state(TINY, HOST, 0)
    expected, _ = train_step(exact, stage, batch, 0)
    request.getfixturevalue("device")
    state = new_state(TINY, DEVICE, 0)
    got, _ = train_step(state, stage, batch, 0)
    assert got.total.item() == pytest.approx(expected.total.item(), rel=1e-5)
    for (name, ours), theirs in zip(state.model.named_parameters(), exact.model.parameters(), strict=True):
        assert isinstance(ours, DeviceTensor), name
        if theirs.grad is not None:
            assert isinstance(ours.grad, DeviceTensor), name
            assert (ours.grad.cpu() - theirs.grad).norm() <= 1e-4 * theirs.grad.norm() + 1e-7, name
