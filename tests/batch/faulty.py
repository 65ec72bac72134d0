"""Workers that fail as real ones do: videos kill their worker, always or once, or make it hang; starts are noted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sam2long.batch.work import Place, Pulse, Runner, Summary, Work
from sam2long.evaluation.workers import PredictVideo
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
        name = payload.video if isinstance(payload, PredictVideo) else payload.job.id
        before = self.log.read_text(encoding="utf-8").split() if self.log.exists() else []
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{name} {os.getpid()}\n")
        if name == "killer" or (name == "killer-once" and name not in before):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "hanger":
            time.sleep(600)
        return self.runner.run(payload, pulse, stop)
