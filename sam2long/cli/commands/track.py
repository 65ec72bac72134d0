"""`sam2long track`: follows prompted objects through a video and writes their masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sam2long.cli.options import prompts as prompt_options
from sam2long.cli.options import results
from sam2long.cli.options.edges import EdgeOptions
from sam2long.cli.options.frames import FrameOptions, parse_levels
from sam2long.cli.options.grouped import grouped
from sam2long.cli.options.live import LiveOptions
from sam2long.cli.options.network import NetworkOptions
from sam2long.cli.options.prompts import PromptOptions
from sam2long.cli.options.results import SaveOptions
from sam2long.cli.options.tree import TrackingOptions

if TYPE_CHECKING:
    from pathlib import Path

    from sam2long.results.postprocessing import Postprocessing
    from sam2long.results.scale import Scale
    from sam2long.running.models import ModelChoice
    from sam2long.running.prompts.likes import Like
    from sam2long.running.prompts.reading import GivenPrompts
    from sam2long.running.run import FrameRange
    from sam2long.running.session_file import SavedRun
    from sam2long.tree import TreeConfig


@grouped
def track(
    video: prompt_options.Video,
    out: results.Out,
    wanted: PromptOptions,
    files: SaveOptions,
    network: NetworkOptions,
    tracking: TrackingOptions,
    frames: FrameOptions,
    edges: EdgeOptions,
    live: LiveOptions,
    session: results.SessionFile = None,
    overwrite: results.Overwrite = False,
    quiet: results.Quiet = False,
    as_json: results.AsJson = False,
) -> None:
    """Follow objects through a video or a live stream, given points, boxes or masks, and write their masks."""
    # Imported here because PyTorch and PyAV take seconds, and `sam2long --help` must be fast.
    from sam2long.cli.running.events import choose
    from sam2long.running.session_file import read_saved

    choose(as_json)
    saved = read_saved(session)
    likes = wanted.likes()
    given = wanted.given(needed=not (saved or live.control or likes))
    choice, tree = network.choice(quiet), tracking.config()
    tracking.check()
    levels = parse_levels(frames.levels)
    how = _How(choice, tree, tracking.max_delay, tracking.cuts, frames.chosen(), frames.fps, levels)
    where = _Where(out, files.formats, edges.postprocessing(), files.pixel_size(), overwrite, session, quiet)
    _track(video, given, likes, saved, how, where, live)


@dataclass(frozen=True)
class _How:
    """The network, the memory tree, and which frames to read."""

    network: ModelChoice
    tree: TreeConfig
    max_delay: int | None
    cuts: str | None
    frames: FrameRange
    fps: float | None
    levels: tuple[float, float] | None


@dataclass(frozen=True)
class _Where:
    """Where the results go."""

    out: Path
    formats: tuple[str, ...]
    postprocessing: Postprocessing
    scale: Scale | None
    overwrite: bool
    session: Path | None
    quiet: bool


def _track(
    video: str,
    given: GivenPrompts,
    likes: list[Like],
    saved: SavedRun | None,
    how: _How,
    where: _Where,
    live: LiveOptions,
) -> None:
    from sam2long.cli.running.live import opened_source, track_live
    from sam2long.cli.running.report import track_and_report
    from sam2long.running.run import Run
    from sam2long.running.session_file import check_settings
    from sam2long.video.live.live_source import LiveSource

    if saved is not None and where.session is not None:
        check_settings(saved, where.session, how.tree, how.max_delay, how.cuts)
    with opened_source(video, given.prompts, how, where, live) as source:
        read = given.for_video(source)
        run = Run(
            source=source,
            prompts=read.prompts,
            likes=likes,
            out=where.out,
            formats=where.formats,
            postprocessing=where.postprocessing,
            scale=where.scale,
            tree=how.tree,
            max_delay=how.max_delay,
            cuts=how.cuts or "keep",
            levels=how.levels,
            frames=how.frames,
            overwrite=where.overwrite,
            network=how.network.described(),
            session_file=where.session,
            saved=saved,
        )
        if isinstance(source, LiveSource):
            track_live(run, source, how.network.load, live, where.quiet, read.note)
        else:
            track_and_report(run, how.network.load, where.quiet, read.note)
