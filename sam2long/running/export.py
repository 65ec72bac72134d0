"""Writes what an earlier run has kept in other formats, without tracking again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sam2long.errors import OutputError, VideoError
from sam2long.results.postprocessing import NOTHING, Postprocessing
from sam2long.results.scale import Scale
from sam2long.results.writers import open_writers
from sam2long.results.writers.formats import DRAWN
from sam2long.running.interrupt import Stop
from sam2long.running.kept_results import KeptResults
from sam2long.running.run import TRACE
from sam2long.running.write import Progress
from sam2long.video.paths import user_path


@dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes:
        frames: number of frames.
        files: files and folders, which exist.
        interrupted: whether it was stopped; then nothing was written.
    """

    frames: int
    files: list[Path]
    interrupted: bool = False


def needs_pixels(formats: Sequence[str]) -> bool:
    """Whether any of these formats needs the frames of the video."""
    return any(name in DRAWN for name in formats)


def export(
    kept: KeptResults,
    out: Path,
    formats: Sequence[str],
    scale: Scale | None,
    overwrite: bool,
    progress: Progress,
    stop: Stop,
    postprocessing: Postprocessing = NOTHING,
) -> Exported:
    """Write the results into a folder, in the formats of `sam2long track`, with a trace and a summary.

    The folder is as `track` would have left it, except that the settings of the summary have one more entry,
    `exported_from`. An earlier export of the same run may be replaced. If anything is raised, or a stop is asked for,
    nothing is left behind.

    Raises:
        UserError: a format is unknown or lacks the video, the folder cannot be written or is that of the run, edges are
            to be soft and it is not a session, or the results are damaged.
    """
    if postprocessing.soft and kept.path.is_dir():
        raise OutputError(
            f"soft edges are made from mask logits, which the folder {kept.path} does not hold; export its session file"
        )
    drawn = [name for name in formats if name in DRAWN]
    if drawn and kept.missing_video is not None:
        raise VideoError(f"{drawn[0]} needs the frames of the video, but {kept.missing_video}, or omit {drawn[0]}")
    if user_path(out).resolve() == kept.path.resolve():
        raise OutputError(f"{out} is the folder that is exported; choose another one")
    settings = {**kept.settings, "exported_from": str(kept.path.resolve())}
    if postprocessing != NOTHING:
        settings["postprocessing"] = asdict(postprocessing)
    writers = open_writers(
        out,
        (*formats, TRACE),
        kept.source,
        object_ids=kept.object_ids,
        settings=settings,
        overwrite=overwrite,
        resume=True,
        prompted=kept.prompted,
        names=kept.names,
        scale=scale,
        postprocessing=postprocessing,
    )
    frames = 0
    try:
        with progress:
            for result in stop.until_asked(kept.results()):
                writers.write(result)
                progress.update(result)
                frames += 1
    except BaseException:
        writers.abort()
        raise
    if stop.asked:
        writers.abort()
        return Exported(0, [], interrupted=True)
    writers.finish(kept.complete, kept.stopped)
    return Exported(frames, writers.files)
