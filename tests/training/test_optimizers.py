from __future__ import annotations

import pytest
import torch

from training.nano import NANO
from training.optimizers import optimizers_of, orthogonal
from training.state import new_state

from .tiny import TINY


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (32, 32)])
def test_orthogonal_evens_out_singular_values_and_keeps_directions(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, before, v = torch.linalg.svd(matrix, full_matrices=False)
    middle = u.T @ orthogonal(matrix) @ v.T
    assert before.max() / before.min() > 1.5
    assert ((middle.diag() > 0.6) & (middle.diag() < 1.3)).all()
    assert (middle - middle.diag().diag()).abs().max() < 1e-3


def test_every_parameter_has_one_optimizer() -> None:
    model = new_state(NANO, torch.device("cpu"), 0).model
    both = optimizers_of(model)
    groups = [*both.matrices.param_groups, *both.others.param_groups]
    covered = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(covered) == sorted(id(parameter) for parameter in model.parameters())


def test_a_step_moves_against_the_gradient_by_the_rate() -> None:
    layer = torch.nn.Linear(128, 64)
    before = layer.weight.detach().clone()
    both = optimizers_of(layer)
    both.set_rate(1e-3)
    layer(torch.randn(500, 128, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    gradient = layer.weight.grad
    assert gradient is not None
    both.step()
    moved = layer.weight.detach() - before
    assert float((moved * gradient).sum()) < 0
    assert 1e-4 < float(moved.square().mean().sqrt()) < 3e-4


def test_optimizers_go_on_where_they_were() -> None:
    states = [new_state(TINY, torch.device("cpu"), 0) for _ in range(2)]
    for parameter in states[0].model.parameters():
        parameter.grad = torch.ones_like(parameter)
    states[0].optimizers.set_rate(1e-3)
    states[0].optimizers.step()
    states[1].optimizers.load_state_dict(states[0].optimizers.state_dict())
    one, other = (state.optimizers.matrices.state_dict()["state"] for state in states)
    assert one and all(torch.equal(one[key]["momentum"], other[key]["momentum"]) for key in one)
