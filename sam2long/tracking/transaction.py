"""A visit to a frame as a transaction: whatever is raised inside it, the session is afterwards as it was before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from sam2long.tracking.storage.store import ResultStore
from sam2long.tracking.track import LiveTree, Track


@dataclass
class Transaction:
    """What a session was like when a visit began, and how to get back there.

    Taking back may itself be interrupted and begun again: every step says what is, not what changes.

    Attributes:
        store: results, or None where they are not kept.
    """

    store: ResultStore | None
    _written: int
    _undo: list[Callable[[], object]] = field(default_factory=list)

    @classmethod
    def begin(cls, tracks: Iterable[Track], store: ResultStore | None) -> Transaction:
        """Remember the trees of all objects; nothing changes by it."""
        begun = cls(store, 0 if store is None else store.written)
        for track in tracks:
            if track.live is not None:
                begun._remember_tree(track.live)
            begun.on_roll_back(partial(setattr, track, "live", track.live))
        return begun

    def on_roll_back(self, undo: Callable[[], object]) -> None:
        """Call `undo`, which may be called twice, before all that was asked for earlier; ask before the change."""
        self._undo.append(undo)

    def roll_back(self) -> None:
        """Make the session what it was.

        Raises:
            OutputError: results cannot be taken back from the disk; that is tried again before they are next read.
        """
        while self._undo:
            self._undo[-1]()
            self._undo.pop()
        if self.store is not None:
            self.store.roll_back(self._written)

    def _remember_tree(self, live: LiveTree) -> None:
        tree = live.tree
        tree.lineage.begin()
        self.on_roll_back(tree.lineage.roll_back)
        for name in ("prompted", "pathways", "lineage", "rooted"):
            self.on_roll_back(partial(setattr, tree, name, getattr(tree, name)))
        self.on_roll_back(partial(setattr, live, "next_frame", live.next_frame))
        self.on_roll_back(partial(setattr, live, "pending", dict(live.pending)))
