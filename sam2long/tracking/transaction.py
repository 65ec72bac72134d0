"""The visit of a frame as a transaction: if anything is raised inside it, the session's state is restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from sam2long.tracking.storage.store import ResultStore
from sam2long.tracking.track import LiveTree, Track


@dataclass
class Transaction:
    """Records how to restore the state that a session had when a visit began.

    The rollback may itself be interrupted and repeated: each step sets a state, so that repeating it does no harm.

    Attributes:
        store: results, or None if they are not kept.
    """

    store: ResultStore | None
    _written: int
    _undo: list[Callable[[], object]] = field(default_factory=list)

    @classmethod
    def begin(cls, tracks: Iterable[Track], store: ResultStore | None) -> Transaction:
        """Record the state of all objects' trees, without changing it."""
        begun = cls(store, 0 if store is None else store.written)
        for track in tracks:
            if track.live is not None:
                begun._record_tree(track.live)
            begun.on_roll_back(partial(setattr, track, "live", track.live))
        return begun

    def on_roll_back(self, undo: Callable[[], object]) -> None:
        """Register `undo` before making a change; a rollback calls the latest one first, possibly more than once."""
        self._undo.append(undo)

    def roll_back(self) -> None:
        """Restore the session.

        Raises:
            OutputError: results cannot be deleted from the disk; this is retried before they are next read.
        """
        while self._undo:
            self._undo[-1]()
            self._undo.pop()
        if self.store is not None:
            self.store.roll_back(self._written)

    def _record_tree(self, live: LiveTree) -> None:
        tree = live.tree
        tree.lineage.begin()
        self.on_roll_back(tree.lineage.roll_back)
        for name in ("prompted", "pathways", "lineage", "rooted", "agreed", "searching", "paused"):
            self.on_roll_back(partial(setattr, tree, name, getattr(tree, name)))
        self.on_roll_back(partial(setattr, live, "next_frame", live.next_frame))
        self.on_roll_back(partial(setattr, live, "pending", dict(live.pending)))
