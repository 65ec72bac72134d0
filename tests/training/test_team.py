"""Gradients averaged over processes, also where these used different parts of the network."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import nn

from training.team import Team, run_team


def average(folder: Path, team: Team) -> None:
    shared, first_only, unused = (nn.Parameter(torch.zeros(2, 3)) for _ in range(3))
    shared.grad = torch.full((2, 3), float(team.rank))
    if team.leads:
        first_only.grad = torch.full((2, 3), 4.0)
    stop = team.average_gradients([shared, first_only, unused], stop=team.rank == 1)
    torch.save([shared.grad, first_only.grad, unused.grad, stop], folder / f"{team.rank}.pt")


def test_members_need_not_use_the_same_parameters(tmp_path: Path) -> None:
    run_team(2, partial(average, tmp_path))
    for rank in range(2):
        shared, first_only, unused, stop = torch.load(tmp_path / f"{rank}.pt")
        assert shared.eq(0.5).all() and first_only.eq(2).all()
        assert unused is None
        assert stop
