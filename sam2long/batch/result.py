"""What is known of a job: one row of the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
STATES = (DONE, FAILED, RUNNING, WAITING)


@dataclass(frozen=True)
class Result:
    """What is known of a job.

    Attributes:
        id: of the job.
        state: "done", "failed" (given up after all attempts), "running" or "waiting", also between two attempts.
        frames: number of frames in its result files.
        frames_per_second: in the attempt that finished; None if it had only to be made final.
        doubtful: frames that `sam2long review` would look at.
        seconds: the attempt that finished took; for a split video, the sum over its segments.
        attempts: so far, the running one included; attempts that were interrupted from outside do not count.
        error: why the latest attempt failed, or None.
        traceback: of an error that is not the user's, or None.
        warnings: what should be known about the results.
        digest: see `Job.digest`.
    """

    id: str
    state: str = WAITING
    frames: int | None = None
    frames_per_second: float | None = None
    doubtful: int | None = None
    seconds: float | None = None
    attempts: int = 0
    error: str | None = None
    traceback: str | None = None
    warnings: tuple[str, ...] = ()
    digest: str = ""

    def row(self) -> dict[str, object]:
        """The result as a line of `report.jsonl`."""
        row: dict[str, object] = {**asdict(self), "warnings": list(self.warnings)}
        return {key: value for key, value in row.items() if key != "traceback" or value is not None}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Result:
        """Read a line; unknown keys are ignored, so that later versions may add some."""
        known = {item.name: row[item.name] for item in fields(cls) if item.name in row}
        return cls(**{**known, "warnings": tuple(row.get("warnings", ()))})


def counts(results: Iterable[Result]) -> dict[str, int]:
    """Number of jobs in each state."""
    found = dict.fromkeys(STATES, 0)
    for result in results:
        found[result.state] += 1
    return found
