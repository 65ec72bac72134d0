"""Chooses an executor, and how many workers this machine can feed."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sam2long.batch.executors.base import Executor
from sam2long.batch.executors.local import LocalExecutor
from sam2long.batch.executors.ray_actors import RayCluster, RayExecutor
from sam2long.batch.work import Place, Work
from sam2long.errors import ConfigError

EXECUTORS = ("local", "ray")
_WORKER_BYTES = 4 << 30
"""Memory of the host that a worker without a GPU may need with the largest network."""


@dataclass(frozen=True)
class ExecutorChoice:
    """Which executor, and how many workers.

    Attributes:
        kind: "local" or "ray".
        workers: number of workers; None for one per GPU, or as many as the CPU cores and the memory allow.
        per_gpu: workers that share a GPU.
        threads: CPU threads of each worker; None divides the cores of this machine, or takes one with Ray.
        address: of an existing Ray cluster; None starts one on this machine.
        device: as in `load_model`; None for the fastest.

    Raises:
        ConfigError: there is no such executor, a number is below 1, or an address is given for local workers.
    """

    kind: str = "local"
    workers: int | None = None
    per_gpu: int = 1
    threads: int | None = None
    address: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in EXECUTORS:
            raise ConfigError(f"unknown executor {self.kind!r}; known: {', '.join(EXECUTORS)}")
        if min(self.workers or 1, self.per_gpu, self.threads or 1) < 1 or 0 in (self.workers, self.threads):
            raise ConfigError("the numbers of workers, of workers per GPU and of threads must be 1 or more")
        if self.address is not None and self.kind != "ray":
            raise ConfigError("--address is for --executor ray")

    def open(self, work: Work, tasks: int) -> Executor:
        """Open the executor for some work; `tasks` is the number of tasks, beyond which workers are of no use."""
        if self.kind == "ray":
            return RayExecutor(work, RayCluster(self.address, self.workers, self.per_gpu, self.threads or 1))
        return LocalExecutor(work, self.places(tasks))

    def places(self, tasks: int) -> list[Place]:
        """One place per local worker, with the cores divided among them."""
        import torch

        cores = _cores()
        gpus = torch.cuda.device_count() if self.device in (None, "cuda") and torch.cuda.is_available() else 0
        if gpus:
            devices = [f"cuda:{number % gpus}" for number in range(self.workers or gpus * self.per_gpu)]
        elif self.device in (None, "cpu") and not torch.backends.mps.is_available():
            room = min(cores, max(1, _memory() // _WORKER_BYTES))
            devices = ["cpu"] * (self.workers or room)
        else:
            devices = [self.device or "mps"] * (self.workers or 1)
        devices = devices[: max(1, tasks)]
        threads = self.threads or max(1, cores // len(devices))
        return [Place(device, threads) for device in devices]


def _cores() -> int:
    """CPU cores that this process may use, which a job of a cluster may have few of."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int:
    """Bytes of memory of this machine; a large number if it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 1 << 40
