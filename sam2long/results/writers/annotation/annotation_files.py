"""Formats of annotation tools, trainers, spreadsheets and maps: their files, and the writer of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sam2long.results.labels import Labels
from sam2long.results.scale import Scale
from sam2long.results.writers.annotation.contours import GeojsonWriter, SvgWriter
from sam2long.results.writers.annotation.cvat import CvatMasksWriter, CvatWriter
from sam2long.results.writers.annotation.labelme import LabelmeWriter
from sam2long.results.writers.annotation.table import TableWriter
from sam2long.results.writers.annotation.yolo import YoloWriter
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import Spool
from sam2long.video.source import VideoSource

ANNOTATION_FILES = {
    "ytvis": ("ytvis.json",),
    "yolo": ("yolo",),
    "labelme": ("labelme",),
    "cvat": ("cvat.xml",),
    "cvat-masks": ("cvat-masks.xml",),
    "csv": ("measurements.csv",),
    "contours": ("contours", "contours.geojson"),
}
WITH_IMAGES = ("yolo", "labelme")


@dataclass(frozen=True)
class Annotated:
    """What the files are about.

    Attributes:
        source: video that the results belong to.
        object_ids: ids of all objects; on a live source more are added while it runs.
        labels: names of the objects.
        scale: size of a pixel, or None.
    """

    source: VideoSource
    object_ids: list[int]
    labels: Labels = field(default_factory=Labels)
    scale: Scale | None = None


ANNOTATION_WRITERS: dict[str, Callable[[Path, Annotated, Spool], ResultWriter]] = {
    "yolo": lambda path, of, spool: YoloWriter(path, of.source, spool, of.object_ids, of.labels),
    "labelme": lambda path, of, spool: LabelmeWriter(path, of.source, spool, of.labels),
    "cvat.xml": lambda path, of, spool: CvatWriter(path, of.source, spool, of.object_ids, of.labels),
    "cvat-masks.xml": lambda path, of, spool: CvatMasksWriter(path, of.source, spool, of.object_ids, of.labels),
    "measurements.csv": lambda path, of, spool: TableWriter(path, of.source, spool, of.labels, of.scale),
    "contours": lambda path, of, spool: SvgWriter(path, of.source, of.labels),
    "contours.geojson": lambda path, of, spool: GeojsonWriter(path, spool, of.labels),
}
"""Opens the writer of each file or folder; `ytvis.json` is opened with those of COCO."""
