from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from training.optimizers import optimizers_of, orthogonal
from training.recipe import NANO
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


def test_optimizers_go_on_where_they_were() -> None:
    config = replace(TINY, attention_mlp=256)
    states = [new_state(config, torch.device("cpu"), 0) for _ in range(2)]
    for parameter in states[0].model.parameters():
        parameter.grad = torch.ones_like(parameter)
    states[0].optimizers.set_rate(1e-3)
    states[0].optimizers.step()
    states[1].optimizers.load_state_dict(states[0].optimizers.state_dict())
    one, other = (state.optimizers.matrices.state_dict()["state"] for state in states)
    assert one and all(torch.equal(one[key]["momentum"], other[key]["momentum"]) for key in one)


def test_a_step_moves_against_the_gradient_by_the_rate_and_the_trunk_by_a_tenth_of_it() -> None:
    state = new_state(NANO, torch.device("cpu"), 0)
    generator = torch.Generator().manual_seed(0)
    for parameter in state.model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    state.optimizers.set_rate(1e-3)
    state.optimizers.step()
    matrix, neck, stem = "mask_decoder.transformer.", "image_encoder.neck.0.weight", "image_encoder.trunk.stem.weight"
    matrix = next(name for name, value in before.items() if name.startswith(matrix) and value.numel() > 8192)
    for name, least, most in ((matrix, 1e-4, 3e-4), (neck, 4e-4, 6e-4), (stem, 4e-5, 6e-5)):
        moved = state.model.state_dict()[name] - before[name]
        gradient = state.model.get_parameter(name).grad
        assert gradient is not None
        assert float((moved * gradient).sum()) < 0
        assert least < float(moved.square().mean().sqrt()) < most, name
