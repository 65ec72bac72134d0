"""All masks of a video in one JSON file, as YouTube-VIS extends COCO."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from sam2long.video.source import VideoSource
from sam2long.video.writers.json_stream import dumps, number, write_list
from sam2long.video.writers.spool import ObjectRecord, Spool

TrackField = Callable[[ObjectRecord], object]


def write_coco(path: Path, spool: Spool, source: VideoSource, object_ids: Sequence[int]) -> None:
    """Write `videos`, `categories` and one annotation an object.

    The lists of an annotation (`segmentations`: compressed RLE that pycocotools decodes, `bboxes`: x, y, width, height,
    `areas`, `scores`: predicted IoU, `object_scores`: logits) have one entry a written frame, as `file_names`,
    `frame_numbers` and `times` of the video have; entries are null where the object is absent (object scores only
    where it does not exist yet). Raises OSError.
    """
    with path.open("w", encoding="utf-8") as file:
        file.write('{"info":{"description":"sam2long"},\n"videos":[')
        _write_video(file, spool, source)
        file.write('],\n"categories":[{"id":1,"name":"object"}],\n"annotations":[')
        for position, object_id in enumerate(sorted(object_ids)):
            file.write(",\n" if position else "\n")
            _write_annotation(file, spool, source, position + 1, object_id)
        file.write("\n]}\n")


def _write_video(file: TextIO, spool: Spool, source: VideoSource) -> None:
    size = {"height": source.height, "width": source.width}
    head = {"id": 1, "name": source.name, **size, "fps": number(source.fps), "length": spool.count()}
    file.write(dumps(head)[:-1])
    file.write(',"file_names":')
    write_list(file, (source.frame_name(frame) for frame, _ in spool.frames()))
    file.write(',"frame_numbers":')
    write_list(file, (frame for frame, _ in spool.frames()))
    file.write(',"times":')
    write_list(file, (number(time) for _, time in spool.frames()))
    file.write("}")


def _write_annotation(file: TextIO, spool: Spool, source: VideoSource, number_: int, object_id: int) -> None:
    size = {"height": source.height, "width": source.width}
    head = {"id": number_, "video_id": 1, "category_id": 1, "object_id": object_id, "iscrowd": 0, **size}
    file.write(dumps(head | {"length": spool.count()})[:-1])
    for name, field, only_visible in FIELDS:
        file.write(f',"{name}":')
        write_list(file, _values(spool, object_id, field, only_visible))
    file.write("}")


def _values(spool: Spool, object_id: int, field: TrackField, only_visible: bool) -> Iterator[object]:
    for record in spool.track(object_id):
        yield None if record is None or (only_visible and record.area == 0) else field(record)


def _segmentation(record: ObjectRecord) -> object:
    return {"size": [record.height, record.width], "counts": record.counts.decode("ascii")}


# name, value, and whether it says anything only where the object has a mask
FIELDS: tuple[tuple[str, TrackField, bool], ...] = (
    ("segmentations", _segmentation, True),
    ("bboxes", lambda record: list(record.bbox), True),
    ("areas", lambda record: record.area, True),
    ("scores", lambda record: number(record.iou), True),
    ("object_scores", lambda record: number(record.object_score), False),
)
