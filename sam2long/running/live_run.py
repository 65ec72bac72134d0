"""A run on a live source: nothing can be read twice, and prompts may be given while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sam2long.errors import ConfigError, PromptError, UserError, plain_memory_errors
from sam2long.model import SAM2
from sam2long.results import FrameResult
from sam2long.results.writers import open_writers
from sam2long.results.writers.formats import DRAWN
from sam2long.running.control import Command, Control
from sam2long.running.interrupt import Stop
from sam2long.running.prompts.likes import apply_likes
from sam2long.running.prompts.parsed import apply_prompts, check_prompts, describe, object_names, object_prompts
from sam2long.running.prompts.prompt_file import parse_entry
from sam2long.running.run import TRACE, OpenRun, Run
from sam2long.running.write import Outcome, Progress, write_results
from sam2long.tracking import Session
from sam2long.tracking.plan import make_plan
from sam2long.video.live.live_source import LiveSource

MAX_DELAY = 16
"""Default of `max_delay`: without a limit, undecided frames could grow in number as long as the source goes on."""

_WAIT_SECONDS = 0.2
_IN_HAND = 8
"""Results that may be between tracking and the overlay, besides the undecided ones."""


@dataclass(frozen=True)
class OpenLiveRun(OpenRun):
    """A live run whose checks have passed.

    Attributes:
        live: the source.
        settings: what the summary will say; the writers have the same object.
        control: commands of the user, or None.
        say: prints a line about what the run does.
        warn: prints a line about a command that cannot be followed.
    """

    live: LiveSource
    settings: dict[str, object]
    control: Control | None
    say: Callable[[str], None]
    warn: Callable[[str], None]
    removed: list[dict[str, int]] = field(default_factory=list)

    def write(self, progress: Progress, stop: Stop) -> Outcome:
        """Track, and write the results; see `write_results`."""
        return write_results(
            self._results(), self.session.settle, self.writers, self.live, progress, stop, self._at_cut
        )

    def _at_cut(self) -> int | None:
        return self.session.stopped_at_cut

    def _results(self) -> Iterator[FrameResult]:
        try:
            if self.control is not None:
                self.control.start(self.live.end)
            apply_likes(self.run.likes, self.session)
            if self.run.prompts:
                apply_prompts(self.run.prompts, self.session)
            elif not self.run.likes and not self._wait_for_prompt():
                self.live.stopped_early = f"{self.live.shown} ended before a prompt was given"
                return
            frames = self.run.frames
            yield from self.session.propagate(frames.start, frames.end, frames.stride, on_visit=self._obey)
        finally:
            self.settings["live"] = self.live.facts()
            if self.control is not None:
                self.control.close()

    def _wait_for_prompt(self) -> bool:
        """Follow commands until there is an object; False if the source ends before."""
        assert self.control is not None
        self.say(f"waiting for a prompt in {self.control.shown}")
        while not self.session.object_ids:
            if self.live.over:
                return False
            self._obey(_WAIT_SECONDS)
        return True

    def _obey(self, seconds: float = 0.0) -> None:
        """Follow the commands that have come, waiting up to this long for the first one."""
        while self.control is not None:
            try:
                command = self.control.take(seconds)
                if command is None:
                    return
                self._follow(command)
            except UserError as error:
                self.warn(str(error))
            seconds = 0.0

    def _follow(self, command: Command) -> None:
        """Follow one command; raises UserError if that is not possible."""
        entry, where = command.entry, command.where
        now = self._now()
        if "remove" in entry:
            if list(entry) != ["remove"] or type(entry["remove"]) is not int:
                raise PromptError(f'{where}: expected {{"remove": OBJECT}} and nothing else')
            self.session.remove_object(entry["remove"])
            self.removed.append({"object": entry["remove"], "frame": now})
            self.settings["removed"] = self.removed
            self.say(f"object {entry['remove']} removed before frame {now}")
            return
        prompts = parse_entry({"frame": now, **entry}, where, command.folder)
        frame, objects = prompts[0].frame, sorted({prompt.object_id for prompt in prompts})
        if frame < now:
            raise PromptError(f"{where}: frame {frame} has passed; the next one is {now}")
        check_prompts(prompts, self.live)
        object_prompts([*self.run.prompts, *prompts])
        for object_id in objects:
            self.writers.expect(frame, object_id)
        apply_prompts(prompts, self.session)
        self.run.prompts.extend(prompts)
        self.settings["prompts"] = describe(self.run.prompts)
        self.say(f"object {', '.join(map(str, objects))} prompted on frame {frame}")

    def _now(self) -> int:
        """Number of the next frame to visit."""
        progress = self.session.progress
        visited = None if progress is None else progress.frame
        first = self.run.frames.start or self.live.next_frame
        return first if visited is None else visited + 1


@contextmanager
def open_live_run(
    run: Run, load: Callable[[], SAM2], control: Control | None, say: Callable[[str], None], warn: Callable[[str], None]
) -> Iterator[OpenRun]:
    """Do all cheap checks first, then load the network; the source is open, and arrives meanwhile.

    Args:
        run: what to track; its source is a `LiveSource`, and prompts given later are added to it.
        load: loads the network.
        control: commands of the user, or None.
        say: prints a line about what the run does.
        warn: prints a line about a command that cannot be followed.

    Raises:
        UserError: the input is invalid, or there is not enough memory; no files are left behind.
    """
    live = run.source
    assert isinstance(live, LiveSource)
    if run.prompts:
        check_prompts(run.prompts, live)
    frames = run.frames
    plan = make_plan(live, run.prompted_frames or {frames.start or 0}, frames.start, frames.end, frames.stride, False)
    delay = MAX_DELAY if run.max_delay is None else run.max_delay
    if any(name in DRAWN for name in run.formats):
        live.hold((delay + _IN_HAND) * frames.stride)
    settings: dict[str, object] = {**run.settings, "max_delay": delay}
    writers = open_writers(
        run.out,
        (*run.formats, TRACE),
        live,
        object_ids=run.object_ids,
        settings=settings,
        overwrite=run.overwrite,
        prompted=run.prompted_objects,
        names=object_names(run.prompts),
        scale=run.scale,
        postprocessing=run.postprocessing,
    )
    soft, cuts = run.postprocessing.soft, run.cuts
    with (
        plain_memory_errors(),
        writers,
        Session(
            load(), live, tree=run.tree, max_delay=delay, keep_results=False, soft_edges=soft, cuts=cuts
        ) as session,
    ):
        live.keep_recording()
        yield OpenLiveRun(run, session, writers, plan.count(None), live, settings, control, say, warn)


def check_live_options(run_start: int | None, run_end: int | None, prompted: set[int], shown: str) -> None:
    """Check the range of frames before a source is opened.

    Raises:
        ConfigError: the range is empty, or begins after a prompt, which could not be read any more.
    """
    first = run_start if run_start is not None else min(prompted, default=0)
    if run_end is not None and run_end < first:
        raise ConfigError(f"--end {run_end} comes before the first frame to track, {first}; {shown} is live")
    early = [frame for frame in prompted if frame < first]
    if early:
        raise ConfigError(
            f"--start {first} comes after the prompt on frame {min(early)}; {shown} is live and cannot go back to it"
        )
