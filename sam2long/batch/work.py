"""What a worker does, whatever runs it: load the network once, then do one payload after the other."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from sam2long.errors import (
    ConfigError,
    DatasetError,
    JobError,
    OutOfMemory,
    PromptError,
    UserError,
    out_of_memory,
    plain_memory_errors,
)
from sam2long.results import FrameResult
from sam2long.running.interrupt import Stop

if TYPE_CHECKING:
    from sam2long.model import SAM2
    from sam2long.running.models import ModelChoice

Summary = Mapping[str, Any]
"""What comes out of a payload: a few JSON values, never frames or masks."""

_MOST_WARNINGS = 5


@dataclass(frozen=True)
class Place:
    """Where a worker computes.

    Attributes:
        device: as in `load_model`.
        threads: of the CPU; None leaves PyTorch's choice.
    """

    device: str | None = None
    threads: int | None = None

    def settle(self) -> None:
        """Let this process use as many threads as it should."""
        if self.threads is not None:
            import cv2
            import torch

            torch.set_num_threads(self.threads)
            cv2.setNumThreads(self.threads)

    def load(self, network: ModelChoice) -> SAM2:
        """Load a network here, unless it names a device of its own; raises UserError."""
        with plain_memory_errors():
            return replace(network, device=network.device or self.device, quiet=True).load()


@dataclass
class Pulse:
    """Signs of life of a running payload, written by one thread and read by another.

    Attributes:
        frames: results written so far.
        alive: changes whenever anything is achieved, such as a frame that was decoded.
    """

    frames: int = 0
    alive: int = 0

    def beat(self) -> None:
        """Give a sign of life."""
        self.alive += 1

    def __enter__(self) -> Pulse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def update(self, result: FrameResult) -> None:
        """Take notice of a result that has been written; a `Progress` of `sam2long.running.write`."""
        self.frames += 1
        self.alive += 1


class Runner(Protocol):
    """A worker whose network is loaded."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What must be the same for all workers of a batch, such as the weights."""

    def run(self, payload: Any, pulse: Pulse, stop: Stop) -> Summary:
        """Do one payload; raises `Interrupted` if `stop` has ended it."""


class Work(Protocol):
    """Makes runners; pickled once for each worker."""

    def start(self, place: Place) -> Runner:
        """Load the network; raises UserError."""


class Interrupted(Exception):
    """A payload was stopped before its end and can be resumed."""


@dataclass(frozen=True)
class Failure:
    """Why a payload failed.

    Attributes:
        error: one line.
        lasting: whether another attempt is pointless, since the input itself is wrong.
        traceback: of an error that is not a user's.
        broken: whether the worker should be replaced.
    """

    error: str
    lasting: bool = False
    traceback: str | None = None
    broken: bool = False


@dataclass
class _Collected:
    """Warnings of one payload."""

    lines: list[str] = field(default_factory=list)

    def show(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        """Stand in for `warnings.showwarning`."""
        line = " ".join(str(message).split())
        if len(self.lines) < _MOST_WARNINGS and line not in self.lines:
            self.lines.append(line)


def attempt(runner: Runner, payload: Any, pulse: Pulse, stop: Stop) -> Summary | Failure | None:
    """Do one payload; None if it was stopped. Warnings go into the summary, not to the terminal.

    Raises:
        KeyboardInterrupt: the process is to end.
    """
    collected, shown = _Collected(), warnings.showwarning
    warnings.showwarning = collected.show
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = collected.show
            summary = runner.run(payload, pulse, stop)
        return {**summary, "warnings": [*summary.get("warnings", ()), *collected.lines]}
    except Interrupted:
        return None
    except Exception as raised:
        error = out_of_memory(raised) or raised
        if isinstance(error, UserError):
            lasting = isinstance(error, (PromptError, ConfigError, JobError, DatasetError))
            return Failure(" ".join(str(error).split()), lasting, broken=isinstance(error, OutOfMemory))
        return Failure(f"{type(error).__name__}: {' '.join(str(error).split())}", traceback=traceback.format_exc())
    finally:
        warnings.showwarning = shown
