"""Workers that fail as real ones do: one video kills its worker, another makes it hang; every start is counted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sam2long.batch.work import Place, Pulse, Runner, Summary, Work
from sam2long.running.interrupt import Stop


@dataclass(frozen=True)
class FaultyWork:
    """Real work, except for the jobs `killer` and `hanger`; writes a line per payload into `log`."""

    work: Work
    log: Path

    def start(self, place: Place) -> FaultyRunner:
        return FaultyRunner(self.work.start(place), self.log)


@dataclass(frozen=True)
class FaultyRunner:
    runner: Runner
    log: Path

    @property
    def facts(self) -> Mapping[str, str]:
        return self.runner.facts

    def run(self, payload: Any, pulse: Pulse, stop: Stop) -> Summary:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{payload.job.id} {os.getpid()}\n")
        if payload.job.id == "killer":
            os.kill(os.getpid(), signal.SIGKILL)
        if payload.job.id == "hanger":
            time.sleep(600)
        return self.runner.run(payload, pulse, stop)
