"""All masks of a video in one JSON file, as COCO images and annotations or as YouTube-VIS tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from sam2long.results.result import FrameResult
from sam2long.results.writers.annotation.json_stream import dumps, number, write_list
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import ObjectRecord, Spool
from sam2long.video.source import VideoSource

TrackField = Callable[[ObjectRecord], object]
CATEGORIES = [{"id": 1, "name": "object", "supercategory": ""}]


class CocoWriter(ResultWriter):
    """COCO `images` and `annotations` for pycocotools, CVAT and detectors; written at the end.

    There is one annotation per object and image with a non-empty mask: `segmentation` (compressed RLE), `area`, `bbox`
    (x, y, width, height), `score` (predicted IoU) and `track_id` (the object id), which is repeated in `attributes`
    for CVAT.
    """

    def __init__(self, path: Path, source: VideoSource, spool: Spool) -> None:
        self._path = path
        self._source = source
        self._spool = spool

    def write(self, result: FrameResult) -> None:
        """Do nothing; the spool stores the result."""

    def finish(self) -> None:
        """Write the file; raises OSError."""
        with self._path.open("w", encoding="utf-8") as file:
            file.write('{"info":{"description":"sam2long"},\n"licenses":[],\n"images":')
            write_list(file, self._images(), separator=",\n")
            file.write(f',\n"categories":{dumps(CATEGORIES)},\n"annotations":')
            write_list(file, self._annotations(), separator=",\n")
            file.write("}\n")

    def abort(self) -> None:
        """Do nothing; no file is open."""

    def _images(self) -> Iterator[dict[str, object]]:
        size = {"height": self._source.height, "width": self._source.width}
        for position, (frame, time) in enumerate(self._spool.frames(), start=1):
            name = self._source.file_name(frame)
            yield {"id": position, "file_name": name, **size, "frame_number": frame, "time": number(time)}

    def _annotations(self) -> Iterator[dict[str, object]]:
        count = 0
        for image, (frame, _) in enumerate(self._spool.frames(), start=1):
            for object_id, record in self._spool.objects(frame).items():
                if record.area:
                    count += 1
                    yield _annotation(count, image, object_id, record)


class YtvisWriter(ResultWriter):
    """YouTube-VIS `videos` with one annotation per object, for video instance segmentation; written at the end.

    The lists of an annotation (`segmentations`: compressed RLE for pycocotools, `bboxes`: x, y, width, height, `areas`,
    `scores`: predicted IoU, `object_scores`: logits) have one entry per written frame, like `file_names`,
    `frame_numbers` and `times` of the video. Entries are null where the object is not visible; object scores are null
    only where it does not exist yet.
    """

    def __init__(self, path: Path, source: VideoSource, spool: Spool, object_ids: Sequence[int]) -> None:
        self._path = path
        self._source = source
        self._spool = spool
        self._object_ids = object_ids  # on a live source more are added while it runs

    def write(self, result: FrameResult) -> None:
        """Do nothing; the spool stores the result."""

    def finish(self) -> None:
        """Write the file; raises OSError."""
        with self._path.open("w", encoding="utf-8") as file:
            file.write('{"info":{"description":"sam2long"},\n"videos":[')
            self._write_video(file)
            file.write(f'],\n"categories":{dumps(CATEGORIES)},\n"annotations":[')
            for position, object_id in enumerate(sorted(self._object_ids)):
                file.write(",\n" if position else "\n")
                self._write_track(file, position + 1, object_id)
            file.write("\n]}\n")

    def abort(self) -> None:
        """Do nothing; no file is open."""

    def _write_video(self, file: TextIO) -> None:
        source, spool = self._source, self._spool
        size = {"height": source.height, "width": source.width}
        head = {"id": 1, "name": source.name, **size, "fps": number(source.fps), "length": spool.count()}
        file.write(dumps(head)[:-1])
        file.write(',"file_names":')
        write_list(file, (source.file_name(frame) for frame, _ in spool.frames()))
        file.write(',"frame_numbers":')
        write_list(file, (frame for frame, _ in spool.frames()))
        file.write(',"times":')
        write_list(file, (number(time) for _, time in spool.frames()))
        file.write("}")

    def _write_track(self, file: TextIO, annotation: int, object_id: int) -> None:
        size = {"height": self._source.height, "width": self._source.width}
        head = {"id": annotation, "video_id": 1, "category_id": 1, "object_id": object_id, "iscrowd": 0, **size}
        file.write(dumps(head | {"length": self._spool.count()})[:-1])
        for name, field, only_visible in TRACK_FIELDS:
            file.write(f',"{name}":')
            write_list(file, self._values(object_id, field, only_visible))
        file.write("}")

    def _values(self, object_id: int, field: TrackField, only_visible: bool) -> Iterator[object]:
        for record in self._spool.track(object_id):
            yield None if record is None or (only_visible and record.area == 0) else field(record)


def _annotation(number_: int, image: int, object_id: int, record: ObjectRecord) -> dict[str, object]:
    return {
        "id": number_,
        "image_id": image,
        "category_id": 1,
        "track_id": object_id,
        "iscrowd": 0,
        "segmentation": _segmentation(record),
        "area": record.area,
        "bbox": list(record.bbox),
        "score": number(record.iou),
        "attributes": {"track_id": object_id},
    }


def _segmentation(record: ObjectRecord) -> object:
    return {"size": [record.height, record.width], "counts": record.counts.decode("ascii")}


# name, value, and whether it is null where the mask is empty
TRACK_FIELDS: tuple[tuple[str, TrackField, bool], ...] = (
    ("segmentations", _segmentation, True),
    ("bboxes", lambda record: list(record.bbox), True),
    ("areas", lambda record: record.area, True),
    ("scores", lambda record: number(record.iou), True),
    ("object_scores", lambda record: number(record.object_score), False),
)
