"""The log of a run: one JSON object a line, flushed, so that it can be watched, plotted and cut short."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from training.losses import FrameLoss, mean_loss


@dataclass
class Journal:
    """Averages figures over some steps and writes them down."""

    path: Path
    _losses: list[FrameLoss] = field(default_factory=list)

    def add(self, loss: FrameLoss) -> None:
        """Keep the figures of one step; they stay on their device until a line is written."""
        self._losses.append(loss.detached())

    def write(self, kind: str, **facts: float | str) -> None:
        """Append a line: `kind`, `facts`, and the average figures since the last line."""
        means = vars(mean_loss(self._losses)) if self._losses else {}
        figures = {name: round(float(value), 4) for name, value in means.items()}
        line = json.dumps({"kind": kind, **facts, **figures})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)
        self._losses.clear()


def read_journal(path: Path, kind: str) -> list[dict[str, float | str]]:
    """All lines of one kind, in order; where a resumed run repeated steps, the later line of each."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return list({line["step"]: line for line in lines if line["kind"] == kind}.values())
