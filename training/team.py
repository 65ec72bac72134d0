"""Several processes that train one model: each takes its share of every batch, and gradients are averaged.

On a CPU two processes of one thread each are faster than one of two, because they meet once a step instead of once an
operation.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn


@dataclass(frozen=True)
class Team:
    """This process's place among `size`; number 0 leads: it logs, validates and saves."""

    rank: int = 0
    size: int = 1
    parent: int | None = None

    @property
    def orphaned(self) -> bool:
        """Whether the process that started the team is gone; its members must then stop by themselves."""
        return self.parent is not None and os.getppid() != self.parent

    @property
    def leads(self) -> bool:
        """Whether this process is number 0."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter], stop: bool) -> bool:
        """Average all gradients over the team; returns whether any member wants to stop.

        A member that did not use a parameter counts as a gradient of 0; what nobody used stays without one.
        """
        if self.size == 1:
            return stop
        trained = list(parameters)
        gradients = [torch.zeros_like(part) if part.grad is None else part.grad for part in trained]
        used = torch.tensor([float(part.grad is not None) for part in trained])
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), used, torch.tensor([float(stop)])])
        dist.all_reduce(flat)
        flat /= self.size
        parts = flat.split([*(part.numel() for part in trained), len(trained), 1])
        for part, gradient, count in zip(trained, parts, parts[-2].tolist(), strict=False):
            part.grad = gradient.view_as(part) if count else None
        return bool(parts[-1] > 0)


def run_team(size: int, work: Callable[[Team], object]) -> None:
    """Call a picklable `work` in `size` processes of one thread each, or right here if it is one."""
    if size == 1:
        work(Team())
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    spawn(_join, args=(size, port, work), nprocs=size)


def _join(rank: int, size: int, port: int, work: Callable[[Team], object]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=size)
    work(Team(rank, size, os.getppid()))
    dist.destroy_process_group()
