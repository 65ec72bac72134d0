"""An output folder as a sequence of results again."""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sam2long.results.by_object import ByObject
from sam2long.results.observation import Observation
from sam2long.results.reading.mask_files import ResultsError, open_masks
from sam2long.results.reading.summary_file import Scores, read_summary
from sam2long.results.result import FrameResult
from sam2long.results.trace_file import TRACE_FILE, read_trace
from sam2long.video.described import DescribedVideo

Mask = npt.NDArray[np.bool_]
_FINE_TRACE = 0.1
"""Below this, the six digits of the trace say more of a number than the six decimals of the summary."""


class FinishedRun:
    """What a run has left in its output folder: its description, and its results; a context manager.

    Masks come from the best format that is there, scores from the summary and the trace, from which they can be told to
    the digits that either has. Without a trace, frames come in ascending order, without leads and prompts.

    Attributes:
        folder: the output folder.
        video: the video, as the summary describes it.
        video_path: where the video was, or None if its frames came from memory.
        object_ids: ids of all objects, ascending.
        names: names by object id, of the objects that were given one.
        settings: how the results were made, as in the summary.
        complete: whether every requested frame was written.
        stopped: why not, or None.
        times: time in seconds by frame, of the frames that have results, ascending.

    Raises:
        ResultsError: the folder holds no run, or no masks that can be read back.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        head, self._table = read_summary(folder)
        self.video = _described(head["video"], self._table.images, folder)
        self.video_path: str | None = head["video"].get("path")
        self.object_ids: list[int] = sorted(head["objects"])
        self.names: dict[int, str] = {int(number): str(name) for number, name in head.get("names", {}).items()}
        self.settings: dict[str, Any] = head["settings"]
        self.complete: bool = head["complete"]
        self.stopped: str | None = head.get("stopped")
        self.times: dict[int, float] = dict(sorted(self._table.times.items()))
        self._has_trace = (folder / TRACE_FILE).is_file()
        self._files = open_masks(folder, self.video)

    def __enter__(self) -> FinishedRun:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def levels(self) -> tuple[float, float] | None:
        """Values of black and white that the video was read with, or None."""
        stored = self.settings.get("levels")
        return None if stored is None else (stored[0], stored[1])

    def prompted(self) -> set[tuple[int, int]]:
        """(frame, object id) of every prompt on a frame with results; raises TraceError if the trace is damaged."""
        if not self._has_trace:
            return set()
        return {(item.frame, item.object_id) for item in read_trace(self.folder / TRACE_FILE) if item.prompted}

    def results(self) -> Iterator[FrameResult]:
        """Yield the results in the order in which they were written.

        Warns at the end if masks are not as the summary says.

        Raises:
            ResultsError: a file is missing or damaged.
            TraceError: the trace is damaged.
        """
        changed = 0
        for frame, rows in self._order():
            result = self._result(frame, rows)
            changed += sum(
                int(np.count_nonzero(result.masks[object_id])) != scores.area
                for object_id, scores in self._table.scores(frame).items()
            )
            yield result
        if changed:
            warnings.warn(
                f"{changed} masks of {self.folder} have other areas than its summary says: they have been edited, or "
                "lie under other objects in palette PNGs",
                stacklevel=2,
            )

    def masks(self, frame: int) -> Mapping[int, Mask]:
        """Masks of one frame by object id, bool [height, width], each unpacked when it is looked up.

        Raises:
            ResultsError: a file is missing or damaged.
        """
        return self._masks(frame, self._table.ids(frame))

    def _masks(self, frame: int, order: list[int]) -> ByObject[Mask]:
        found = {object_id: kept_small(mask) for object_id, mask in self._files.read(frame, order)}
        return ByObject({object_id: found[object_id] for object_id in order})

    def _order(self) -> Iterator[tuple[int, dict[int, Observation]]]:
        """Frames in the order of the trace, each with its rows by object id."""
        if not self._has_trace:
            yield from ((frame, {}) for frame in self.times)
            return
        backward, seen = self._backward(), set[int]()
        # Without objects a frame has no rows; its place is told by the direction.
        bare = deque(sorted((frame for frame in self.times if not self._table.ids(frame)), reverse=backward))
        for frame, rows in groupby(read_trace(self.folder / TRACE_FILE), key=attrgetter("frame")):
            found = {item.object_id: item for item in rows}
            if frame in seen or frame not in self.times or sorted(found) != self._table.ids(frame):
                raise self._apart(frame)
            seen.add(frame)
            while bare and (bare[0] < frame) is not backward:
                yield bare.popleft(), {}
            yield frame, found
        yield from ((frame, {}) for frame in bare)
        missing = [frame for frame in self.times if frame not in seen and self._table.ids(frame)]
        if missing:
            raise self._apart(missing[0])

    def _backward(self) -> bool:
        """Whether the frames of the trace descend."""
        frames = (frame for frame, _ in groupby(read_trace(self.folder / TRACE_FILE), key=attrgetter("frame")))
        return next(frames, 0) > next(frames, math.inf)

    def _apart(self, frame: int) -> ResultsError:
        return ResultsError(
            f"{TRACE_FILE} and the summary of {self.folder} do not belong together: they differ on frame {frame}; "
            f"remove {TRACE_FILE} to go without it"
        )

    def _result(self, frame: int, rows: dict[int, Observation]) -> FrameResult:
        scores = self._table.scores(frame)
        order = list(rows or scores)
        joined = {object_id: _joined(scores[object_id], rows.get(object_id)) for object_id in order}
        return FrameResult(
            frame=frame,
            time=self.times[frame],
            masks=self._masks(frame, order),
            scores={object_id: iou for object_id, (iou, _, _) in joined.items()},
            object_scores={object_id: score for object_id, (_, score, _) in joined.items()},
            disagreement={object_id: value for object_id, (_, _, value) in joined.items()},
            leads={object_id: row.lead for object_id, row in rows.items()},
        )


def kept_small(mask: Mask) -> partial[Mask]:
    """Keep a mask, bool [height, width], in an eighth of its size; calling the value returns it."""
    return partial(_unpacked, np.packbits(mask), mask.shape)


def _unpacked(bits: npt.NDArray[np.uint8], shape: tuple[int, int]) -> Mask:
    return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).view(np.bool_)


def _described(video: dict[str, Any], images: dict[int, str], folder: Path) -> DescribedVideo:
    try:
        return DescribedVideo(
            str(video["name"]),
            video["height"],
            video["width"],
            float(video["fps"]),
            video["frame_count"],
            pixel_aspect=Fraction(video.get("pixel_aspect", "1")),
            names=images,
        )
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise ResultsError(f"the summary of {folder} does not describe its video ({error!r})") from error


def _joined(scores: Scores, row: Observation | None) -> tuple[float, float, float]:
    """Predicted IoU, object score and disagreement, which both files round to the same digits as before."""
    first = (scores.iou, scores.object_score, scores.disagreement)
    if row is None:
        return first
    second = (row.iou, row.object_score, row.disagreement)
    iou, object_score, disagreement = (_between(decimals, digits) for decimals, digits in zip(first, second))
    return iou, object_score, disagreement


def _between(decimals: float, digits: float) -> float:
    """A number that is `decimals` with six decimals and `digits` with six digits.

    One of the two is finer. A step from it towards the other makes sure that a tie is rounded as it was before.
    """
    fine, coarse = (digits, decimals) if abs(digits) < _FINE_TRACE else (decimals, digits)
    return math.nextafter(fine, coarse)
