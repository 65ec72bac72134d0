"""Which frames are decided: as in Viterbi decoding, all that lie before the survivors' latest common ancestor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(eq=False)
class Branch(Generic[R]):
    """One hypothesis on one frame, while it is undecided.

    Attributes:
        frame: frame number.
        outcome: what to report if this hypothesis wins.
        parent: the branch of the frame before; None once that frame is decided.
        children: how many live branches of the next frame continue this one.
    """

    frame: int
    outcome: R
    parent: Branch[R] | None
    children: int = 0


@dataclass
class Lineage(Generic[R]):
    """The live branches of every undecided frame, oldest first. Constant work per frame, however long the wait."""

    levels: deque[list[Branch[R]]] = field(default_factory=deque)

    def __len__(self) -> int:
        """How many frames are undecided."""
        return len(self.levels)

    def grow(self, frame: int, survivors: list[tuple[Branch[R] | None, R]]) -> list[Branch[R]]:
        """Add a frame: each survivor continues a branch of the last one (or None, where nothing is undecided)."""
        last = self.levels[-1] if self.levels else []
        branches = [Branch(frame, outcome, parent) for parent, outcome in survivors]
        for branch in branches:
            if branch.parent is not None:
                branch.parent.children += 1
        self.levels.append(branches)
        self._prune(len(self.levels) - 2, [branch for branch in last if branch.children == 0])
        return branches

    def decided(self) -> Iterator[Branch[R]]:
        """Take out, oldest first, the frames on which one hypothesis is left."""
        while self.levels and len(self.levels[0]) == 1:
            yield self._settle()

    def drop(self, branches: list[Branch[R]]) -> None:
        """Drop hypotheses of the newest frame, and the older ones that only they continue."""
        self._prune(len(self.levels) - 1, branches)

    def oldest_ancestor(self, branch: Branch[R]) -> Branch[R]:
        """The branch of the oldest undecided frame that `branch` of the newest frame descends from."""
        while branch.parent is not None:
            branch = branch.parent
        return branch

    def _settle(self) -> Branch[R]:
        (branch,) = self.levels.popleft()
        for child in self.levels[0] if self.levels else []:
            child.parent = None
        return branch

    def _prune(self, level: int, dead: list[Branch[R]]) -> None:
        """Remove branches of a level, then their parents that have no other children, and so on backward."""
        while dead:
            self.levels[level] = [branch for branch in self.levels[level] if branch not in dead]
            parents = {id(branch.parent): branch.parent for branch in dead if branch.parent is not None}
            for branch in dead:
                if branch.parent is not None:
                    branch.parent.children -= 1
            dead = [parent for parent in parents.values() if parent.children == 0]
            level -= 1
