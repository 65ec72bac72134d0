"""State shared by the parts of a session: the network, the video, the objects and their results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from sam2long.model.sam2 import SAM2
from sam2long.results import FrameResult
from sam2long.results.by_object import ByObject
from sam2long.results.observation import Observation
from sam2long.tracking.frame.outcome import MOST_DENSE, Outcome, compact
from sam2long.tracking.prompting.click_memo import ClickMemo
from sam2long.tracking.prompting.prompts import FrameSize
from sam2long.tracking.storage.feature_cache import FeatureCache
from sam2long.tracking.storage.memory_cache import MemoryCache
from sam2long.tracking.storage.packing import PackedMask, pack_pointer
from sam2long.tracking.storage.store import PackedResult, ResultStore, StoredResult
from sam2long.tracking.style import ObjectStyle
from sam2long.tracking.track import Cut, Track
from sam2long.tracking.transaction import Transaction
from sam2long.tree import Clock, TraceRow, TreeConfig
from sam2long.video import VideoSource


@dataclass(frozen=True)
class Place:
    """Where an outcome belongs: the frame, its time in seconds, and the signed stride of the propagation."""

    frame: int
    time: float
    stride: int


@dataclass
class SessionState:
    """The state of a session.

    Attributes:
        model: the network.
        source: the video.
        config: hyperparameters of the memory tree.
        features: cache of image features.
        store: results, or None if they are not kept.
        keep_logits: whether results include mask logits.
        max_delay: see `Session`.
        trace: whether to keep traces.
        tracks: the objects by id, in the order of their first prompts.
        styles: names and looks by object id, of objects that were given one; they need not have a prompt.
        layer: number of edits, undos and redos so far; it only grows.
        loose_traces: traces by object id, if there is no store.
        visit: the current visit, or an interrupted one that is still to be rolled back.
        visiting: whether `visit` is running.
        clicks: the latest rounds of clicks.
        memories: the latest memories encoded anew from stored results.
        soft_edges: whether results include soft masks.
    """

    model: SAM2
    source: VideoSource
    config: TreeConfig
    features: FeatureCache
    store: ResultStore | None
    keep_logits: bool
    max_delay: int | None
    trace: bool
    tracks: dict[int, Track] = field(default_factory=dict)
    styles: dict[int, ObjectStyle] = field(default_factory=dict)
    layer: int = 0
    loose_traces: dict[int, list[TraceRow]] = field(default_factory=dict)
    visit: Transaction | None = None
    visiting: bool = False
    clicks: ClickMemo = field(default_factory=ClickMemo)
    memories: MemoryCache = field(default_factory=MemoryCache)
    soft_edges: bool = False

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Run a visit as a transaction: it takes effect completely or, if anything is raised, not at all."""
        self.recover()
        try:
            self.visit, self.visiting = Transaction.begin(self.tracks.values(), self.store), True
            yield self.visit
            self.visit = None
        finally:
            self.visiting = False
            self.recover()

    def recover(self) -> None:
        """Roll back an interrupted visit, if one is left because a second Ctrl-C interrupted its rollback."""
        if self.visit is not None and not self.visiting:
            self.visit.roll_back()
            self.visit = None

    @property
    def stamp(self) -> tuple[int, int]:
        """Grows with every edit and every stored result: numbers of the last ones."""
        return self.layer, 0 if self.store is None else self.store.written

    @property
    def size(self) -> FrameSize:
        """Size of the video in pixels."""
        return FrameSize(self.source.height, self.source.width)

    @property
    def many_pixels(self) -> bool:
        """Whether the masks of all objects on a frame are too large for several frames of them to be held."""
        return len(self.tracks) * self.size.height * self.size.width > MOST_DENSE

    @property
    def prompted(self) -> set[int]:
        """Frames on which any object has a prompt."""
        return {frame for track in self.tracks.values() for frame in track.prompts}

    def clock(self, stride: int) -> Clock:
        """The clock of a propagation; a short video limits the number of object pointers (SAM 2)."""
        count, config = self.source.frame_count, self.model.config
        pointers = config.max_pointers if count is None else min(config.max_pointers, count)
        return Clock(stride, pointers, config.memory_slots, config.max_prompted)

    def result(self, object_id: int, frame: int, stride: int | None = None) -> StoredResult | None:
        """The stored result of an object on a frame, if it is up to date."""
        return self.store.latest(self.tracks[object_id], object_id, frame, stride) if self.store else None

    def observations(self, object_ids: list[int] | None = None) -> Iterator[Observation]:
        """The results of some objects, or of all, on every frame as observations, without masks."""
        if self.store is None:
            return
        for object_id in self.tracks if object_ids is None else object_ids:
            last = None
            for row in self.store.every(self.tracks[object_id], object_id):
                if row.frame != last:
                    last = row.frame
                    yield row.observed()

    def forget(self, object_id: int, cut: Cut) -> None:
        """Delete stored results permanently; see `ResultStore.forget`."""
        if self.store is not None:
            self.store.forget(object_id, cut)

    def packed(self, result: StoredResult) -> PackedResult:
        """The mask, logits and pointer of a stored result."""
        assert self.store is not None
        return self.store.packed(result)

    def outcome(self, result: StoredResult) -> Outcome:
        """A stored result as an outcome."""
        packed = self.packed(result)
        return Outcome(
            None,
            result.iou,
            result.object_score,
            result.disagreement,
            result.lead,
            None,
            PackedMask(packed.mask, packed.logits),
        )

    @torch.inference_mode()
    def report(self, frame: int, time: float, outcomes: dict[int, Outcome]) -> FrameResult:
        """Build the result of a frame for the user from the outcomes of its objects."""
        size, device = self.size, self.model.device
        masks: Mapping[int, npt.NDArray[np.bool_]] = ByObject(
            {i: partial(outcome.mask, size) for i, outcome in outcomes.items()}
        )
        logits: Mapping[int, torch.Tensor] = ByObject(
            {i: partial(_logits, outcome, size, device) for i, outcome in outcomes.items() if self.keep_logits}
        )
        soft = ByObject({i: partial(outcome.soft_mask, size) for i, outcome in outcomes.items() if self.soft_edges})
        return FrameResult(
            frame=frame,
            time=time,
            masks=masks if self.many_pixels else dict(masks),
            scores={i: outcome.iou for i, outcome in outcomes.items()},
            object_scores={i: outcome.object_score for i, outcome in outcomes.items()},
            disagreement={i: outcome.disagreement for i, outcome in outcomes.items()},
            leads={i: outcome.lead for i, outcome in outcomes.items()},
            logits=logits if self.many_pixels else dict(logits),
            soft=soft,
        )

    def keep(self, object_id: int, place: Place, outcome: Outcome, prompted: bool = False) -> None:
        """Store a final outcome, if results are kept."""
        if self.many_pixels:
            compact([outcome], self.size, self.keep_logits)
        if self.store is None:
            return
        mask, pointer = outcome.mask(self.size), outcome.pointer
        assert pointer is not None
        result = StoredResult(
            object_id,
            place.frame,
            place.stride,
            self.layer,
            self.store.next_number(),
            place.time,
            outcome.iou,
            outcome.object_score,
            outcome.disagreement,
            outcome.lead,
            int(mask.sum()),
            prompted,
        )
        # A copy, since the outcome may be compacted while the store's thread packs it.
        final, size, exact = copy(outcome), self.size, self.keep_logits

        def pack_it() -> PackedResult:
            packed = final.pack(size, exact)
            return PackedResult(packed.mask, packed.logits, pack_pointer(pointer))

        self.store.put(result, pack_it)

    def note_trace(self, object_id: int, stride: int, row: TraceRow) -> None:
        """Keep one row of an object's trace, if traces are kept."""
        if self.trace and self.store is not None:
            self.store.put_trace(object_id, row.frame, stride, self.layer, json.dumps(asdict(row)))
        elif self.trace:
            rows = self.loose_traces.setdefault(object_id, [])
            if self.visit is not None:
                self.visit.on_roll_back(partial(_shorten, rows, len(rows)))
            rows.append(row)

    def trace_of(self, object_id: int) -> list[TraceRow]:
        """The trace of an object, in the order of tracking."""
        if self.store is None:
            return self.loose_traces.get(object_id, [])
        return [TraceRow(**json.loads(row)) for _, row in self.store.traces(self.tracks[object_id], object_id)]


def _logits(outcome: Outcome, size: FrameSize, device: torch.device) -> torch.Tensor:
    with torch.inference_mode():
        return outcome.full_logits(size).to(device)


def _shorten(rows: list[TraceRow], length: int) -> None:
    del rows[length:]
