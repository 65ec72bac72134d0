"""Writes summary.json: the video, the settings and the scores of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sam2long.results.writers.annotation.json_stream import dumps, number, write_list
from sam2long.results.writers.spool import ObjectRecord, Spool
from sam2long.video.source import VideoSource


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        complete: whether every requested frame was written.
        reason: sentence that explains why not, or None.
    """

    complete: bool
    reason: str | None


def write_summary(
    path: Path,
    spool: Spool,
    source: VideoSource,
    *,
    object_ids: Sequence[int],
    names: Mapping[int, str],
    files: Sequence[str],
    settings: Mapping[str, object],
    ending: Ending,
) -> None:
    """Write the video, the settings, how the run ended, and the scores per frame and object.

    These are `iou` (predicted, 0..1), `object_score` (logit), `disagreement` of the pathways (0..1), `visible` and
    `area` (pixels). Times are not rounded, since other files are made from them later. Raises OSError.
    """
    header = {
        "video": _video(source),
        "objects": sorted(object_ids),
        **({"names": {str(object_id): name for object_id, name in names.items()}} if names else {}),
        "settings": dict(settings),
        "files": list(files),
        "complete": ending.complete,
        "stopped": ending.reason,
        "frames_written": spool.count(),
    }
    with path.open("w", encoding="utf-8") as file:
        file.write("{\n")
        for key, value in header.items():
            file.write(f'"{key}": {dumps(value)},\n')
        file.write('"frames": ')
        write_list(file, (_frame(spool, source, frame, time) for frame, time in spool.frames()), separator=",\n")
        file.write("}\n")


def _video(source: VideoSource) -> dict[str, object]:
    return {
        "name": source.name,
        "path": None if source.path is None else str(source.path.resolve()),
        "width": source.width,
        "height": source.height,
        "fps": number(source.fps),
        "frame_count": source.frame_count,
        "pixel_aspect": str(source.pixel_aspect),
    }


def _frame(spool: Spool, source: VideoSource, frame: int, time: float) -> dict[str, object]:
    objects = {str(object_id): _numbers(record) for object_id, record in spool.objects(frame).items()}
    name = source.file_name(frame)
    image = {} if name == VideoSource.file_name(source, frame) else {"image": name}
    return {"frame": frame, "time": time, **image, "objects": objects}


def _numbers(record: ObjectRecord) -> dict[str, object]:
    return {
        "iou": number(record.iou),
        "object_score": number(record.object_score),
        "disagreement": number(record.disagreement),
        "visible": record.object_score > 0,
        "area": record.area,
    }
