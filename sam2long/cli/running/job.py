"""One tracking run, from checks to the final message; every command that tracks uses it."""

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
"""Format that is always written, for `sam2long review`; it costs one line per object and frame."""


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
        prompts: the user's prompts.
        out: output folder.
        formats: formats to write besides the trace, see `open_writers`.
        tree: configuration of the memory tree.
        max_delay: see `Session`.
        levels: values of black and white, or None, see `open_video`; recorded in the summary.
        frames: which frames to visit.
        overwrite: replace existing results.
        quiet: print warnings and errors only.
        network: description of the network for the summary.
        session_file: file to save the run to as it goes, or None.
        saved: what that file already holds, or None.
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
    def prompted_objects(self) -> set[tuple[int, int]]:
        """(frame, object id) of every prompt, including those of a saved run."""
        return {(prompt.frame, prompt.object_id) for prompt in self.prompts} | (
            set(self.saved.prompted) if self.saved else set()
        )

    @property
    def prompted_frames(self) -> set[int]:
        """Frames with a prompt."""
        return {frame for frame, _ in self.prompted_objects}

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects, ascending."""
        return sorted({object_id for _, object_id in self.prompted_objects})


def run_job(job: Job, load: Callable[[], SAM2]) -> None:
    """Do all cheap checks first, then load the network, track, write the results and report.

    Raises:
        UserError: the input is invalid, and no files are left behind; or the run failed midway, and the frames
            finished so far are kept.
        typer.Exit: with status 130 after Ctrl-C, 143 after SIGTERM.
    """
    if job.prompts:
        check_prompts(job.prompts, job.source)
    plan = make_plan(job.source, job.prompted_frames, **asdict(job.frames))
    writers = open_writers(
        job.out,
        (*job.formats, TRACE),
        job.source,
        object_ids=job.object_ids,
        settings=_settings(job),
        overwrite=job.overwrite,
        resume=job.saved is not None,
        prompted=job.prompted_objects,
    )
    with writers, _session(job, load()) as session:
        if new := _new_prompts(job, session):
            apply_prompts(new, session)
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
    """Results of the visited but undecided frames; saves the session first, so that resuming is as if never stopped."""
    if job.session_file is not None:
        session.save(job.session_file)
    yield from session.settle()


def _new_prompts(job: Job, session: Session) -> list[Prompt]:
    """The prompts that a saved run does not have yet, so that repeating a command just resumes it."""
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
    """Number of results to expect, or None if the length of the video is unknown."""
    on_stride = plan.count(job.source.frame_count)
    between = sum(plan.covers(frame) and not plan.visits(frame) for frame in job.prompted_frames)
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
    again = "" if job.session_file is None else f"; run the same command again to resume from {job.session_file}"
    if not outcome.frames:
        return f"stopped by {who} before the first frame was finished; nothing was kept{again}\n"
    return f"stopped by {who} at frame {outcome.last_frame}; {_frames(outcome.frames)} kept in {job.out}{again}\n"


def _closing_line(job: Job, outcome: Outcome, writers: WriterSet) -> str:
    written = ", ".join(path.name + "/" * path.is_dir() for path in writers.files)
    objects = job.object_ids
    where = f" (run sam2long review {job.out} to list them)" if outcome.doubtful else ""
    named = f"object {objects[0]}" if len(objects) == 1 else f"{len(objects)} objects"
    return (
        f"{_frames(outcome.frames)} of {named} in {job.out}: {written}; "
        f"{outcome.frames_per_second:.1f} frames/s, {_frames(outcome.doubtful)} doubtful{where}"
    )


def _frames(count: int) -> str:
    return f"{count} frame{'s' * (count != 1)}"
