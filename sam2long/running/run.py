"""One tracking run, from checks to the result files; `track`, `demo` and `batch` all use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from sam2long.errors import plain_memory_errors
from sam2long.model import SAM2
from sam2long.results import FrameResult
from sam2long.results.postprocessing import NOTHING, Postprocessing
from sam2long.results.scale import Scale
from sam2long.results.writers import WriterSet, open_writers
from sam2long.running.interrupt import Stop
from sam2long.running.prompts.parsed import Prompt, apply_prompts, check_prompts, describe, object_names
from sam2long.running.session_file import SavedRun
from sam2long.running.write import Outcome, Progress, write_results
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
class Run:
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
        replace_same: replace existing results of a run with the same settings.
        network: description of the network for the summary.
        session_file: file to save the run to as it goes, or None.
        saved: what that file already holds, or None.
        scale: size of a pixel for the format `csv`, or None.
        postprocessing: changes to the masks in the files.
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
    replace_same: bool = False
    network: Mapping[str, object] = field(default_factory=dict)
    session_file: Path | None = None
    saved: SavedRun | None = None
    scale: Scale | None = None
    postprocessing: Postprocessing = NOTHING

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

    @property
    def settings(self) -> dict[str, object]:
        """What `summary.json` says about how the results were made."""
        return {
            **self.network,
            "tree": asdict(self.tree),
            "max_delay": self.max_delay,
            "levels": self.levels,
            **asdict(self.frames),
            "prompts": describe(self.prompts) if self.prompts else [],
            # Only if there is any, so that batches go on with results of earlier versions.
            **({} if self.postprocessing == NOTHING else {"postprocessing": asdict(self.postprocessing)}),
        }


@dataclass(frozen=True)
class OpenRun:
    """A run whose checks have passed: the prompts are applied, and the writers wait for results.

    Attributes:
        run: what to track.
        session: where it is tracked.
        writers: of the result files.
        expected: number of results to expect, or None if the length of the video is unknown.
    """

    run: Run
    session: Session
    writers: WriterSet
    expected: int | None

    def write(self, progress: Progress, stop: Stop) -> Outcome:
        """Track, and write the results; see `write_results`."""
        results = self.session.propagate(**asdict(self.run.frames))
        settle = partial(_settle, self.run, self.session)
        return write_results(results, settle, self.writers, self.run.source, progress, stop)


@contextmanager
def open_run(run: Run, load: Callable[[], SAM2]) -> Iterator[OpenRun]:
    """Do all cheap checks first, then load the network and apply the prompts.

    Raises:
        UserError: the input is invalid, or there is not enough memory; no files are left behind.
    """
    if run.prompts:
        check_prompts(run.prompts, run.source)
    plan = make_plan(run.source, run.prompted_frames, **asdict(run.frames))
    writers = open_writers(
        run.out,
        (*run.formats, TRACE),
        run.source,
        object_ids=run.object_ids,
        settings=run.settings,
        overwrite=run.overwrite,
        resume=run.replace_same or run.saved is not None,
        prompted=run.prompted_objects,
        names={**object_names(run.prompts), **(run.saved.names if run.saved else {})},
        scale=run.scale,
        postprocessing=run.postprocessing,
    )
    with plain_memory_errors(), writers, open_session(run, load()) as session:
        yield OpenRun(run, session, writers, _count(plan, run))


@contextmanager
def open_session(run: Run, model: SAM2) -> Iterator[Session]:
    """Open the saved session of a run, or a new one, and apply the prompts that it does not have yet."""
    with _session(run, model) as session:
        if new := _new_prompts(run, session):
            apply_prompts(new, session)
        yield session


def _settle(run: Run, session: Session) -> Iterator[FrameResult]:
    """Results of the visited but undecided frames; saves the session first, so that resuming is as if never stopped."""
    if run.session_file is not None:
        session.save(run.session_file)
    yield from session.settle()


def _new_prompts(run: Run, session: Session) -> list[Prompt]:
    """The prompts that a saved run does not have yet, so that repeating a command just resumes it."""
    if run.saved is None or not run.prompts:
        return run.prompts
    with Session(session.model, run.source, tree=run.tree, keep_results=False) as asked:
        apply_prompts(run.prompts, asked)
        known = session.shared_prompts(asked)
    return [prompt for prompt in run.prompts if (prompt.frame, prompt.object_id) not in known]


def _session(run: Run, model: SAM2) -> Session:
    file, soft = run.session_file, run.postprocessing.soft
    if file is not None and run.saved is not None:
        return Session.open(file, model, run.source, autosave=file, soft_edges=soft)
    keep = file is not None
    return Session(
        model,
        run.source,
        tree=run.tree,
        max_delay=run.max_delay,
        keep_results=keep,
        autosave=file,
        soft_edges=soft,
    )


def _count(plan: Plan, run: Run) -> int | None:
    """Number of results to expect, or None if the length of the video is unknown."""
    on_stride = plan.count(run.source.frame_count)
    between = sum(plan.covers(frame) and not plan.visits(frame) for frame in run.prompted_frames)
    return None if on_stride is None else on_stride + between
