"""Writes CVAT's XML for video tasks, version 1.1: tracks of polygons, or run-length encoded masks."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np

from sam2long.results.convert import row_runs
from sam2long.results.labels import Labels
from sam2long.results.outlines import join, polygons
from sam2long.results.result import FrameResult
from sam2long.results.writers.annotation import xml_text
from sam2long.results.writers.annotation.part_tracks import MOST_PARTS, PartTracks
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import Spool
from sam2long.video.source import VideoSource

TOLERANCE = 0.5  # of outlines, in pixels


class _CvatWriter(ResultWriter):
    """What polygons and masks have in common; shapes are kept in the spool until the end."""

    _tag: str

    def __init__(
        self, path: Path, source: VideoSource, spool: Spool, object_ids: Sequence[int], labels: Labels
    ) -> None:
        self._path = path
        self._source = source
        self._spool = spool
        self._object_ids = object_ids
        self._labels = labels

    def _keep(self, object_id: int, track: int, frame: int, **shape: object) -> None:
        self._spool.keep_text(self._path.name, (object_id, track, frame), xml_text.attributes(**shape))

    def finish(self) -> None:
        """Write the file; raises OSError."""
        with self._path.open("w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
            file.write(self._meta())
            self._write_tracks(file)
            file.write("</annotations>\n")

    def abort(self) -> None:
        """Do nothing; no file is open."""

    def _write_tracks(self, file: TextIO) -> None:
        frames = array("q", (frame for frame, _ in self._spool.frames()))
        kept = self._spool.texts(self._path.name)
        for number, ((object_id, _), shapes) in enumerate(groupby(kept, lambda shape: shape[0][:2])):
            values = {"id": number, "label": self._labels.of(object_id), "source": "auto", "group_id": object_id}
            file.write(f"  <track{xml_text.attributes(**values)}>\n")
            file.writelines(self._shapes(((frame, shape) for (_, _, frame), shape in shapes), frames))
            file.write("  </track>\n")

    def _shapes(self, shapes: Iterable[tuple[int, str]], frames: array[int]) -> Iterator[str]:
        """The shapes of a track, each followed by one that is `outside` if there is none on the next frame."""
        end, before = None, ""
        for frame, shape in shapes:
            if end is not None and end != frame:
                yield self._shape(end, before, outside=1)
            yield self._shape(frame, shape, outside=0)
            end, before = self._next_frame(frame, frames), shape
        if end is not None:
            yield self._shape(end, before, outside=1)

    def _shape(self, frame: int, shape: str, outside: int) -> str:
        values = xml_text.attributes(frame=frame, keyframe=1, outside=outside, occluded=0)
        return f'    <{self._tag}{values}{shape} z_order="0"></{self._tag}>\n'

    def _next_frame(self, frame: int, frames: array[int]) -> int | None:
        """The frame written after this one; after the last, the next of the video, or None at its end."""
        place, count = bisect_right(frames, frame), self._source.frame_count
        if place < len(frames):
            return frames[place]
        return frame + 1 if count is None or frame + 1 < count else None

    def _meta(self) -> str:
        source = self._source
        names = "".join(
            f"        <label><name>{xml_text.text(name)}</name><attributes></attributes></label>\n"
            for name in self._labels.classes(self._object_ids)
        )
        size = "" if source.frame_count is None else f"      <size>{source.frame_count}</size>\n"
        return (
            f"  <meta>\n    <task>\n      <name>{xml_text.text(source.name)}</name>\n{size}"
            f"      <mode>interpolation</mode>\n      <labels>\n{names}      </labels>\n"
            f"      <original_size><width>{source.width}</width><height>{source.height}</height></original_size>\n"
            "    </task>\n  </meta>\n"
        )


class CvatWriter(_CvatWriter):
    """Tracks of polygons, a keyframe on every written frame, `outside` where there is nothing.

    Each part of an object has a track; those of one object share its id as `group_id` and its name as the label. The
    parts are told apart by where they were before, see `PartTracks`. Holes are joined to the outline around them.
    """

    _tag = "polygon"

    def __init__(
        self, path: Path, source: VideoSource, spool: Spool, object_ids: Sequence[int], labels: Labels
    ) -> None:
        super().__init__(path, source, spool, object_ids, labels)
        self._parts: defaultdict[int, PartTracks] = defaultdict(PartTracks)

    def write(self, result: FrameResult) -> None:
        """Outline the objects of one frame; raises sqlite3.Error."""
        for object_id, mask in result.masks.items():
            outlines = sorted(polygons(mask, TOLERANCE), key=cv2.contourArea, reverse=True)
            if len(outlines) > MOST_PARTS:
                outlines[MOST_PARTS - 1 :] = [join(outlines[MOST_PARTS - 1 :])]
            for part, outline in self._parts[object_id].place(outlines):
                points = ";".join(f"{x:g},{y:g}" for x, y in outline.tolist())
                self._keep(object_id, part, result.frame, points=points)


class CvatMasksWriter(_CvatWriter):
    """Masks as they are: one track of a single frame for each object and frame, since CVAT has no tracks of masks.

    `rle` holds the lengths of runs of pixels, row by row within the box of the mask, of background first.
    """

    _tag = "mask"

    def write(self, result: FrameResult) -> None:
        """Encode the masks of one frame; raises sqlite3.Error."""
        for object_id, mask in result.masks.items():
            pixels = np.ascontiguousarray(mask).view(np.uint8)
            left, top, width, height = cv2.boundingRect(pixels)
            if width:
                runs = ", ".join(map(str, row_runs(mask[top : top + height, left : left + width]).tolist()))
                box = {"left": left, "top": top, "width": width, "height": height}
                self._keep(object_id, result.frame, result.frame, rle=runs, **box)
