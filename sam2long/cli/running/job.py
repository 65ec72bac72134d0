"""One run of tracking, from checks to the closing line; every command that tracks goes through here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import typer

from sam2long.cli.prompts.parsed import Prompt, apply_prompts, check_prompts, describe
from sam2long.cli.running.interrupt import StopSignals
from sam2long.cli.running.progress import TrackProgress
from sam2long.cli.running.run import Outcome, write_results
from sam2long.cli.running.session_file import SavedRun
from sam2long.model import SAM2
from sam2long.results import FrameResult
from sam2long.results.writers import WriterSet, open_writers
from sam2long.tracking import Session
from sam2long.tracking.plan import Plan, make_plan
from sam2long.tree import TreeConfig
from sam2long.video import VideoSource

TRACE = "trace"
"""Always written: `sam2long review` reads it, and it costs a line per object and frame."""


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
        levels: the values that were made black and white, or None, see `open_video`; the summary tells.
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
    levels: tuple[float, float] | None = None
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
        UserError: something does not fit together, and nothing is left behind; or it went wrong in the middle, and
            what was finished by then is kept.
        typer.Exit: with status 130 after Ctrl-C, 143 after SIGTERM.
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
        resume=job.saved is not None,
        prompted=job.marks,
    )
    with writers, _session(job, load()) as session:
        if fresh := _without_known(job, session):
            apply_prompts(fresh, session)
        progress = TrackProgress(job.source.name, _count(plan, job), quiet=job.quiet)
        with StopSignals() as stop:
            results = session.propagate(**asdict(job.frames))
            settle = partial(_settle, job, session)
            outcome = write_results(results, settle, writers, job.source, progress, stop)
            _report(job, outcome, writers, stop.who)
    if outcome.failure is not None:
        raise outcome.failure
    if outcome.interrupted:
        raise typer.Exit(stop.status)


def _settle(job: Job, session: Session) -> Iterator[FrameResult]:
    """What was visited but not decided. The session is saved first: from there it goes on as if never stopped."""
    if job.session_file is not None:
        session.save(job.session_file)
    yield from session.settle()


def _without_known(job: Job, session: Session) -> list[Prompt]:
    """The prompts that a saved run does not have yet: the same command, given again, simply goes on."""
    if job.saved is None or not job.prompts:
        return job.prompts
    with Session(session.model, job.source, tree=job.tree, keep_results=False) as asked:
        apply_prompts(job.prompts, asked)
        known = session.shared_prompts(asked)
    return [prompt for prompt in job.prompts if (prompt.frame, prompt.object_id) not in known]


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
        "levels": job.levels,
        **asdict(job.frames),
        "prompts": describe(job.prompts) if job.prompts else [],
    }


def _report(job: Job, outcome: Outcome, writers: WriterSet, who: str) -> None:
    if outcome.failure is not None:
        sys.stderr.write(f"{_frames(outcome.frames)}, up to frame {outcome.last_frame}, kept in {job.out}\n")
        return
    if outcome.interrupted:
        sys.stderr.write(_interrupted_line(job, outcome, who))
        return
    if outcome.stopped_early:
        sys.stderr.write(f"warning: {outcome.stopped_early}\n")
    if not job.quiet:
        typer.echo(_closing_line(job, outcome, writers))


def _interrupted_line(job: Job, outcome: Outcome, who: str) -> str:
    again = "" if job.session_file is None else f"; run the same command again to go on from {job.session_file}"
    if not outcome.frames:
        return f"stopped by {who} before the first frame was finished; nothing kept{again}\n"
    return f"stopped by {who} at frame {outcome.last_frame}; {_frames(outcome.frames)} kept in {job.out}{again}\n"


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
