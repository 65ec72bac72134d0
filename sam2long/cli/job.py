"""One run of tracking, from checks to the closing line; every command that tracks goes through here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import typer

from sam2long.cli.interrupt import INTERRUPT_STATUS, CtrlC
from sam2long.cli.progress import TrackProgress
from sam2long.cli.prompts import Prompt, apply_prompts, check_prompts, describe
from sam2long.cli.run import Outcome, write_results
from sam2long.cli.session_file import SavedRun
from sam2long.model import SAM2
from sam2long.tracking import Session
from sam2long.tracking.plan import Plan, make_plan
from sam2long.tree import TreeConfig
from sam2long.video import VideoSource
from sam2long.video.writers import WriterSet, open_writers

TRACE = "trace"
"""Always written: `sam2long review` reads it, and it costs a line an object and frame."""


@dataclass(frozen=True)
class FrameRange:
    """Which frames to visit; see `Session.propagate`."""

    start: int | None = None
    end: int | None = None
    stride: int = 1
    reverse: bool = False


@dataclass(frozen=True)
class Job:
    """What to track, how, and where the results go.

    Attributes:
        source: the video.
        prompts: what is marked on it.
        out: folder for the results.
        formats: what to write into it besides the trace, see `open_writers`.
        tree: the memory tree's numbers.
        max_delay: see `Session`.
        frames: which frames to visit.
        overwrite: replace earlier results.
        quiet: print warnings and errors only.
        network: what the summary says about the network.
        session_file: where to save the run as it goes, or None.
        saved: what is there already.
    """

    source: VideoSource
    prompts: list[Prompt]
    out: Path
    formats: tuple[str, ...]
    tree: TreeConfig
    max_delay: int | None = None
    frames: FrameRange = FrameRange()
    overwrite: bool = False
    quiet: bool = False
    network: Mapping[str, object] = field(default_factory=dict)
    session_file: Path | None = None
    saved: SavedRun | None = None

    @property
    def marks(self) -> set[tuple[int, int]]:
        """(frame, object id) of every prompt, earlier ones included."""
        return {(prompt.frame, prompt.object_id) for prompt in self.prompts} | (
            set(self.saved.prompted) if self.saved else set()
        )

    @property
    def prompted(self) -> set[int]:
        """Frames with a prompt."""
        return {frame for frame, _ in self.marks}

    @property
    def object_ids(self) -> list[int]:
        """The numbers of all objects, ascending."""
        return sorted({object_id for _, object_id in self.marks})


def run_job(job: Job, load: Callable[[], SAM2]) -> None:
    """Checks everything that is cheap, then loads the network, tracks, writes and reports.

    Raises:
        UserError: something does not fit together; nothing is left behind.
        typer.Exit: with status 130 after Ctrl-C.
    """
    if job.prompts:
        check_prompts(job.prompts, job.source)
    plan = make_plan(job.source, job.prompted, **asdict(job.frames))
    writers = open_writers(
        job.out,
        (*job.formats, TRACE),
        job.source,
        object_ids=job.object_ids,
        settings=_settings(job),
        overwrite=job.overwrite,
        prompted=job.marks,
    )
    with writers:
        session = _session(job, load())
        if job.prompts:
            apply_prompts(job.prompts, session)
        progress = TrackProgress(job.source.name, _count(plan, job), quiet=job.quiet)
        with CtrlC() as ctrl_c:
            results = session.propagate(**asdict(job.frames))
            outcome = write_results(results, session.settle, writers, job.source, progress, ctrl_c)
            _report(job, outcome, writers)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPT_STATUS)


def _session(job: Job, model: SAM2) -> Session:
    file = job.session_file
    if file is not None and job.saved is not None:
        return Session.open(file, model, job.source, autosave=file)
    keep = file is not None
    return Session(model, job.source, tree=job.tree, max_delay=job.max_delay, keep_results=keep, autosave=file)


def _count(plan: Plan, job: Job) -> int | None:
    on_stride = plan.count(job.source.frame_count)
    between = sum(plan.covers(frame) and not plan.visits(frame) for frame in job.prompted)
    return None if on_stride is None else on_stride + between


def _settings(job: Job) -> dict[str, object]:
    return {
        **job.network,
        "tree": asdict(job.tree),
        "max_delay": job.max_delay,
        **asdict(job.frames),
        "prompts": describe(job.prompts) if job.prompts else [],
    }


def _report(job: Job, outcome: Outcome, writers: WriterSet) -> None:
    if outcome.interrupted:
        sys.stderr.write(_interrupted_line(job, outcome))
        return
    if outcome.stopped_early:
        sys.stderr.write(f"warning: {outcome.stopped_early}\n")
    if not job.quiet:
        typer.echo(_closing_line(job, outcome, writers))


def _interrupted_line(job: Job, outcome: Outcome) -> str:
    if not outcome.frames:
        return "stopped by you before the first frame was finished; nothing kept\n"
    return f"stopped by you at frame {outcome.last_frame}; {_frames(outcome.frames)} kept in {job.out}\n"


def _closing_line(job: Job, outcome: Outcome, writers: WriterSet) -> str:
    written = ", ".join(path.name + "/" * path.is_dir() for path in writers.files)
    objects = job.object_ids
    where = f" (sam2long review {job.out} says where to look)" if outcome.doubtful else ""
    named = f"object {objects[0]}" if len(objects) == 1 else f"{len(objects)} objects"
    return (
        f"{_frames(outcome.frames)} of {named} in {job.out}: {written}; "
        f"{outcome.frames_per_second:.1f} frames/s, {_frames(outcome.doubtful)} doubtful{where}"
    )


def _frames(count: int) -> str:
    return f"{count} frame{'s' * (count != 1)}"
