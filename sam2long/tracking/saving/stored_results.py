"""Results of a saved session, without its network and its video."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sam2long.errors import SessionError
from sam2long.results import FrameResult
from sam2long.results.by_object import ByObject
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tracking.prompting.prompts import FrameSize
from sam2long.tracking.saving.archive import Header, read_header, read_results
from sam2long.tracking.storage.packing import PackedMask
from sam2long.tracking.storage.store import ResultStore, StoredResult
from sam2long.tracking.track import Track

MOST_PIXELS = 1 << 16
"""Above the height and the width of any video."""


class StoredResults:
    """The up-to-date results of a session file; a context manager that deletes its temporary files.

    Attributes:
        header: description of the session.
        object_ids: ids of all objects with a prompt, in the order of their first prompts.
        prompted: (frame, object id) of every prompt.
        times: time in seconds by frame, of the frames that have results, ascending.

    Raises:
        SessionError: the file is missing or damaged.
        OutputError: there is no room for temporary files.
    """

    def __init__(self, path: Path) -> None:
        self.header: Header = read_header(path)
        try:
            _check(self.header)
            objects = self.header.data["objects"]
            self.object_ids = [int(item["id"]) for item in objects]
            self.prompted = {(int(mark["frame"]), int(item["id"])) for item in objects for mark in item["prompts"]}
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise SessionError(f"{path} is damaged or not a session file ({error!r})") from error
        self._size = FrameSize(self.header.video.height, self.header.video.width)
        # Nothing that the file holds is outdated.
        self._track, self._store = Track(), ResultStore()
        try:
            read_results(path, self._store)
            self.times = dict(sorted(self._times()))
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> StoredResults:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def results(self) -> Iterator[FrameResult]:
        """Yield the results frame by frame, ascending; masks are unpacked on each look-up.

        Raises:
            SessionError: a mask is damaged.
        """
        for frame in self.times:
            yield self.result(frame)

    def result(self, frame: int) -> FrameResult:
        """Return the result of a frame of `times`; raises SessionError if a mask is damaged."""
        found = {object_id: self._store.latest(self._track, object_id, frame) for object_id in self.object_ids}
        return self._report(frame, {object_id: row for object_id, row in found.items() if row is not None})

    def _times(self) -> Iterator[tuple[int, float]]:
        for object_id in self.object_ids:
            for row in self._store.every(self._track, object_id):
                yield row.frame, row.time

    def _report(self, frame: int, rows: dict[int, StoredResult]) -> FrameResult:
        outcomes = {object_id: self._outcome(row) for object_id, row in rows.items()}
        for outcome in outcomes.values():
            outcome.mask(self._size)  # a damaged one is told here, not by the writers
        return FrameResult(
            frame=frame,
            time=self.times[frame],
            masks=ByObject({i: partial(outcome.mask, self._size) for i, outcome in outcomes.items()}),
            scores={i: row.iou for i, row in rows.items()},
            object_scores={i: row.object_score for i, row in rows.items()},
            disagreement={i: row.disagreement for i, row in rows.items()},
            leads={i: row.lead for i, row in rows.items()},
            logits=ByObject({i: partial(outcome.full_logits, self._size) for i, outcome in outcomes.items()}),
            soft=ByObject({i: partial(outcome.soft_mask, self._size) for i, outcome in outcomes.items()}),
        )

    def _outcome(self, row: StoredResult) -> Outcome:
        packed = self._store.packed(row)
        return Outcome(None, row.iou, row.object_score, packed=PackedMask(packed.mask, packed.logits))


def _check(header: Header) -> None:
    """Raise ValueError for a description that no session has."""
    video = header.video
    if not all(type(side) is int and 0 < side < MOST_PIXELS for side in (video.height, video.width)):
        raise ValueError(f"its video has {video.width!r} x {video.height!r} pixels")
    if not (header.source is None or isinstance(header.source, str)):
        raise ValueError(f"its source is {header.source!r}")
    if not (video.frames is None or (type(video.frames) is int and video.frames > 0)):
        raise ValueError(f"its video has {video.frames!r} frames")
