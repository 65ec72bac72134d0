"""`sam2long track`: follows prompted objects through a video and writes their masks."""

from __future__ import annotations

from sam2long.cli.options import common as options


def track(
    video: options.Video,
    out: options.Out,
    point: options.Point = None,
    box: options.Box = None,
    mask: options.Mask = None,
    prompts: options.Prompts = None,
    save: options.Save = "png,overlay,coco",
    session: options.SessionFile = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
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
    greedy: options.Greedy = False,
    max_delay: options.MaxDelay = None,
    start: options.Start = None,
    end: options.End = None,
    stride: options.Stride = 1,
    reverse: options.Reverse = False,
    fps: options.Fps = None,
    levels: options.Levels = None,
) -> None:
    """Follow objects through a video, given points, boxes or masks, and write their masks."""
    # Imported here because PyTorch and PyAV take seconds, and `sam2long --help` must be fast.
    from sam2long.cli.options.tree import check_delay, tree_config
    from sam2long.cli.options.video import parse_levels
    from sam2long.cli.prompts.prompt_file import read_prompts
    from sam2long.cli.running.job import FrameRange, Job, run_job
    from sam2long.cli.running.models import ModelChoice
    from sam2long.cli.running.session_file import check_settings, read_saved
    from sam2long.video import open_video

    saved = read_saved(session)
    given = read_prompts(point or [], box or [], mask or [], prompts, needed=saved is None)
    choice = ModelChoice(model, checkpoint, device, image_size, random_weights, precision, compile, quiet)
    tree = tree_config(pathways, iou_threshold, uncertainty_threshold, modulation, greedy)
    check_delay(max_delay)
    if saved is not None and session is not None:
        check_settings(saved, session, tree, max_delay)
    white = parse_levels(levels)
    with open_video(video, fps=fps, levels=white) as source:
        job = Job(
            source=source,
            prompts=given,
            out=out,
            formats=tuple(word.strip() for word in save.split(",")),
            tree=tree,
            max_delay=max_delay,
            levels=white,
            frames=FrameRange(start, end, stride, reverse),
            overwrite=overwrite,
            quiet=quiet,
            network=choice.described(),
            session_file=session,
            saved=saved,
        )
        run_job(job, choice.load)
