"""Options specific to `sam2long batch`, some of which `eval` shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from sam2long.batch.executors.choice import ExecutorChoice

_WORKERS, _FAILURES, _RESULTS = "Workers", "Failures", "Results"

Jobs: TypeAlias = Annotated[
    Path | None,
    typer.Argument(metavar="JOBS", help="A .jsonl or .csv file, or a folder of videos with prompts beside them."),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Output folder, with a folder per job.", rich_help_panel=_RESULTS),
]
Status: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Print how the batch in this output folder stands.", rich_help_panel=_RESULTS),
]
PerGpu: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Number of workers that share a GPU.", rich_help_panel=_WORKERS)
]
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="CPU threads per worker. Default: cores divided by workers.", rich_help_panel=_WORKERS),
]
Address: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Use this Ray cluster, or auto. Default: start one here.", rich_help_panel=_WORKERS
    ),
]


@dataclass(frozen=True)
class WorkerOptions:
    """Who does the jobs, and which of them."""

    executor: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="local (processes on this machine) or ray (a Ray cluster).", rich_help_panel=_WORKERS
        ),
    ] = "local"
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of workers. Default: one per GPU, or as cores and memory allow.",
            rich_help_panel=_WORKERS,
        ),
    ] = None
    per_gpu: PerGpu = 1
    threads: Threads = None
    address: Address = None
    shard: Annotated[
        str,
        typer.Option(
            "--shard", metavar="K/N", help="Do only the K-th of N parts of the jobs.", rich_help_panel=_WORKERS
        ),
    ] = "1/1"
    split_at_prompts: Annotated[
        bool,
        typer.Option(
            "--split-at-prompts",
            help="Cut videos where all objects are prompted again, and track the segments at the same time.",
            rich_help_panel=_WORKERS,
        ),
    ] = False

    def choice(self, device: str | None) -> ExecutorChoice:
        """The executor; raises ConfigError."""
        from sam2long.batch.executors.choice import ExecutorChoice

        return ExecutorChoice(self.executor, self.workers, self.per_gpu, self.threads, self.address, device)


@dataclass(frozen=True)
class FailureOptions:
    """What becomes of jobs that fail."""

    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Also do the jobs that failed for good before.", rich_help_panel=_FAILURES),
    ] = False
    retries: Annotated[int, typer.Option(min=0, help="Attempts after a failed one.", rich_help_panel=_FAILURES)] = 2
    backoff: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds before the second attempt; doubled for each further one.", rich_help_panel=_FAILURES
        ),
    ] = 10.0
    timeout: Annotated[
        float,
        typer.Option(
            min=0,
            help="Kill a worker after this many seconds without a new frame; 0: never.",
            rich_help_panel=_FAILURES,
        ),
    ] = 600.0
