"""The work of a batch: tracks one video after the other with one network, as `sam2long track` does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sam2long.batch.job import Job, Settings
from sam2long.batch.ledger import session_path
from sam2long.batch.segments import Segment
from sam2long.batch.work import Interrupted, Place, Pulse, Summary
from sam2long.errors import JobError, SessionError, plain_memory_errors
from sam2long.model import SAM2
from sam2long.model.checkpoints.digest import weights_digest
from sam2long.results.writers.folder import summary_of
from sam2long.review.states import is_unsure
from sam2long.running.interrupt import Stop
from sam2long.running.models import ModelChoice
from sam2long.running.prompts.likes import read_likes
from sam2long.running.run import FrameRange, Run, open_run, open_session
from sam2long.running.session_file import SavedRun, check_settings, read_saved
from sam2long.tracking.saving.join import join_sessions
from sam2long.video import VideoSource, open_video
from sam2long.video.watched import WatchedSource


@dataclass(frozen=True)
class TrackVideo:
    """Track a video and write its results; `parts` segments were tracked before if it is not 0."""

    job: Job
    parts: int = 0


@dataclass(frozen=True)
class TrackSegment:
    """Track a segment of a video into a session file of its own."""

    job: Job
    number: int
    segment: Segment


@dataclass(frozen=True)
class TrackWork:
    """What all workers of a batch have in common.

    Attributes:
        network: to load; a worker's place says on which device, unless this does.
        settings: of all jobs that have none of their own.
        out: output folder of the batch.
    """

    network: ModelChoice
    settings: Settings
    out: Path

    def start(self, place: Place) -> TrackRunner:
        """Load the network; raises UserError."""
        model = place.load(self.network)
        return TrackRunner(self, model, {"weights": weights_digest(model)})


@dataclass(frozen=True)
class TrackRunner:
    """A worker whose network is loaded; see `Runner`."""

    work: TrackWork
    model: SAM2
    facts: Mapping[str, str]

    def run(self, payload: TrackVideo | TrackSegment, pulse: Pulse, stop: Stop) -> Summary:
        """Do one job, or one segment of it.

        Raises:
            UserError: see `open_run`.
            Interrupted: it was stopped and saved.
        """
        job = payload.job
        settings = self.work.settings.of(job)
        with open_video(job.video, fps=settings.fps, levels=settings.levels) as opened:
            source = WatchedSource(opened, pulse.beat)
            if isinstance(payload, TrackSegment):
                return self._segment(payload, self._run(job, settings, source, self._part(job, payload.number)), stop)
            file = session_path(self.work.out, job.id) if job.session is None else Path(job.session)
            if payload.parts and not file.exists():
                join_sessions([self._part(job, number) for number in range(payload.parts)], file)
            summary = self._video(self._run(job, settings, source, file), pulse, stop)
        if job.session is None:
            file.unlink(missing_ok=True)
        shutil.rmtree(self._part(job, 0).parent, ignore_errors=True)
        return summary

    def _video(self, run: Run, pulse: Pulse, stop: Stop) -> Summary:
        if (summary := summary_of(run.out, run.settings)) is not None and summary["complete"]:
            return _from_summary(summary)
        began = time.monotonic()
        with open_run(run, lambda: self.model) as opened, stop:
            outcome = opened.write(pulse, stop)
        if outcome.failure is not None:
            raise outcome.failure
        if outcome.interrupted:
            raise Interrupted
        return {
            "frames": outcome.frames,
            "doubtful": outcome.doubtful,
            "frames_per_second": round(outcome.frames_per_second, 3),
            "seconds": round(time.monotonic() - began, 3),
            "warnings": [words for words in (outcome.stopped_early, outcome.cut_in_words) if words],
        }

    def _segment(self, payload: TrackSegment, run: Run, stop: Stop) -> Summary:
        began, frames = time.monotonic(), 0
        run = replace(run, frames=FrameRange(payload.segment.start, payload.segment.end))
        with plain_memory_errors(), open_session(run, self.model) as session, stop:
            with closing(session.propagate(run.frames.start, run.frames.end)) as results:  # type: ignore[type-var]
                for _ in stop.until_asked(results):
                    frames += 1
            if stop.asked:
                raise Interrupted
        return {"frames": frames, "seconds": round(time.monotonic() - began, 3)}

    def _run(self, job: Job, settings: Settings, source: VideoSource, file: Path) -> Run:
        saved = self._saved(job, file)
        if saved is not None and job.session is not None:
            check_settings(saved, file, settings.tree, settings.max_delay, _asked(settings.cuts))
        return Run(
            source=source,
            prompts=job.read_prompts(source),
            likes=read_likes(job.like, job.like_mask),
            out=self.work.out / job.id,
            formats=settings.formats,
            postprocessing=settings.postprocessing,
            tree=settings.tree,
            max_delay=settings.max_delay,
            cuts=settings.cuts,
            levels=settings.levels,
            frames=settings.frames,
            replace_same=True,
            network=self.work.network.described(),
            session_file=file,
            saved=saved,
            scale=settings.scale,
        )

    def _saved(self, job: Job, file: Path) -> SavedRun | None:
        file.parent.mkdir(exist_ok=True)
        try:
            saved = read_saved(file)
        except SessionError:
            if job.session is not None:
                raise
            file.unlink()  # written by an earlier attempt, and of no use
            return None
        if (
            saved is None
            and job.session is not None
            and not (job.prompts or job.point or job.box or job.mask or job.like)
        ):
            raise JobError(f"there is no session file {file}")
        return saved

    def _part(self, job: Job, number: int) -> Path:
        return session_path(self.work.out, job.id).with_suffix(".parts") / f"{number}.s2l"


def _asked(cuts: str) -> str | None:
    """The mode of scene cuts, or None where it is the default, which any session may differ from."""
    return None if cuts == "keep" else cuts


def _from_summary(summary: Mapping[str, Any]) -> Summary:
    """What is known of results that were complete before, from their `summary.json`."""

    def doubtful(frame: Mapping[str, Any]) -> bool:
        scores = [(item["object_score"], item["disagreement"]) for item in frame["objects"].values()]
        return any(
            is_unsure(score, disagreement) for score, disagreement in scores if None not in (score, disagreement)
        )

    frames = summary["frames"]
    return {"frames": len(frames), "doubtful": sum(map(doubtful, frames)), "frames_per_second": None, "seconds": None}
