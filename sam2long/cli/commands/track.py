"""`sam2long track`: follows prompted objects through a video and writes their masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sam2long.cli.options import batch as batch_options
from sam2long.cli.options import common as options
from sam2long.cli.options import edges
from sam2long.cli.options import live as live_options

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


def track(
    video: options.Video,
    out: options.Out,
    point: options.Point = None,
    box: options.Box = None,
    mask: options.Mask = None,
    prompts: options.Prompts = None,
    like: options.Like = None,
    like_mask: options.LikeMask = None,
    prompt_frames: options.PromptFrames = "first",
    save: options.Save = "png,overlay,coco",
    scale: options.Scale = None,
    session: options.SessionFile = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: batch_options.AsJson = False,
    model: options.Model = "sam2.1-hiera-large",
    checkpoint: options.Checkpoint = None,
    random_weights: options.RandomWeights = False,
    image_size: options.ImageSize = None,
    device: options.Device = None,
    precision: options.Precision = "auto",
    compile: options.Compile = False,
    pathways: options.Pathways = None,
    iou_threshold: options.IouThreshold = None,
    uncertainty_threshold: options.UncertaintyThreshold = None,
    modulation: options.Modulation = None,
    merge: options.Merge = None,
    greedy: options.Greedy = False,
    max_delay: options.MaxDelay = None,
    cuts: options.Cuts = None,
    start: options.Start = None,
    end: options.End = None,
    stride: options.Stride = 1,
    reverse: options.Reverse = False,
    fps: options.Fps = None,
    levels: options.Levels = None,
    soft: edges.Soft = False,
    feather: edges.Feather = 0.0,
    grow: edges.Grow = 0,
    fill_holes: edges.FillHoles = False,
    largest: edges.Largest = False,
    record: live_options.Record = None,
    control: live_options.ControlFile = None,
    late: live_options.Late = None,
    buffer: live_options.Buffer = None,
    reconnect: live_options.Reconnect = None,
) -> None:
    """Follow objects through a video or a live stream, given points, boxes or masks, and write their masks."""
    # Imported here because PyTorch and PyAV take seconds, and `sam2long --help` must be fast.
    from sam2long.cli.options.tree import check_cuts, check_delay, tree_config
    from sam2long.cli.options.video import parse_levels
    from sam2long.cli.running.events import choose
    from sam2long.running.models import ModelChoice
    from sam2long.running.prompts.likes import read_likes
    from sam2long.running.run import FrameRange
    from sam2long.running.session_file import read_saved

    choose(as_json)
    saved = read_saved(session)
    likes = read_likes(like or [], like_mask or [])
    given = _given(point, box, mask, prompts, prompt_frames, needed=not (saved or control or likes))
    choice = ModelChoice(model, checkpoint, device, image_size, random_weights, precision, compile, quiet)
    tree = tree_config(pathways, iou_threshold, uncertainty_threshold, modulation, merge, greedy)
    check_delay(max_delay)
    check_cuts(cuts)
    how = _How(choice, tree, max_delay, cuts, FrameRange(start, end, stride, reverse), fps, parse_levels(levels))
    changes = edges.postprocessing(soft, feather, grow, fill_holes, largest)
    formats = tuple(word.strip() for word in save.split(","))
    where = _Where(out, formats, changes, _pixel_size(scale), overwrite, session, quiet)
    _track(video, given, likes, saved, how, where, live_options.LiveOptions(record, control, late, buffer, reconnect))


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


def _given(
    point: list[str] | None,
    box: list[str] | None,
    mask: list[str] | None,
    prompts: Path | None,
    prompt_frames: str,
    needed: bool,
) -> GivenPrompts:
    from sam2long.running.prompts.files.choice import PromptFrames
    from sam2long.running.prompts.reading import read_prompts

    marked = PromptFrames.parse(prompt_frames)
    return read_prompts(point or [], box or [], mask or [], prompts, marked, needed=needed)


def _pixel_size(text: str | None) -> Scale | None:
    from sam2long.results.scale import Scale

    return None if text is None else Scale.parse(text)


def _track(
    video: str,
    given: GivenPrompts,
    likes: list[Like],
    saved: SavedRun | None,
    how: _How,
    where: _Where,
    live: live_options.LiveOptions,
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
