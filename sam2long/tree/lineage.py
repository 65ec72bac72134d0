"""Finds decided frames: as in Viterbi decoding, those up to the latest common ancestor of all survivors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(eq=False, slots=True)
class Branch(Generic[R]):
    """One hypothesis on one undecided frame.

    Attributes:
        frame: frame number.
        outcome: what to report if this hypothesis wins.
        parent: the branch of the previous frame that this one continues; None once that frame is decided.
        children: number of live branches of the next frame that continue this one.
    """

    frame: int
    outcome: R
    parent: Branch[R] | None
    children: int = 0


@dataclass
class Lineage(Generic[R]):
    """The live branches of every undecided frame, oldest first. The work per frame does not grow with their number."""

    levels: deque[list[Branch[R]]] = field(default_factory=deque)
    _undo: list[Callable[[], object]] | None = None

    def begin(self) -> None:
        """Start recording changes for `roll_back`; earlier changes become permanent."""
        self._undo = []

    def roll_back(self) -> None:
        """Undo every change since `begin`, including one that was interrupted halfway."""
        while self._undo:
            self._undo[-1]()
            self._undo.pop()

    def __len__(self) -> int:
        """Number of undecided frames."""
        return len(self.levels)

    def grow(self, frame: int, survivors: list[tuple[Branch[R] | None, R]]) -> list[Branch[R]]:
        """Add a frame. Each survivor is (branch of the previous frame or None if that is decided, outcome)."""
        last = self.levels[-1] if self.levels else []
        branches = [Branch(frame, outcome, parent) for parent, outcome in survivors]
        for branch in branches:
            if branch.parent is not None:
                self._set_children(branch.parent, branch.parent.children + 1)
        self._before(lambda: self.levels and self.levels[-1] is branches and self.levels.pop())
        self.levels.append(branches)
        self._prune(len(self.levels) - 2, [branch for branch in last if branch.children == 0])
        return branches

    def decided(self) -> Iterator[Branch[R]]:
        """Remove the frames on which a single hypothesis is left, and yield them, oldest first."""
        while self.levels and len(self.levels[0]) == 1:
            yield self._settle()

    def drop(self, branches: list[Branch[R]]) -> None:
        """Drop hypotheses of the newest frame, together with their ancestors that have no other descendants."""
        self._prune(len(self.levels) - 1, branches)

    def oldest_ancestor(self, branch: Branch[R]) -> Branch[R]:
        """The branch of the oldest undecided frame from which `branch`, of the newest frame, descends."""
        while branch.parent is not None:
            branch = branch.parent
        return branch

    def _settle(self) -> Branch[R]:
        level = self.levels[0]
        (branch,) = level
        self._before(partial(self._put_back, level))
        self.levels.popleft()
        for child in self.levels[0] if self.levels else []:
            self._before(partial(setattr, child, "parent", child.parent))
            child.parent = None
        return branch

    def _prune(self, level: int, dead: list[Branch[R]]) -> None:
        """Remove branches of a level, then their parents that have no other children, and so on to older levels."""
        while dead:
            self._before(partial(self.levels.__setitem__, level, self.levels[level]))
            self.levels[level] = [branch for branch in self.levels[level] if branch not in dead]
            parents = {id(branch.parent): branch.parent for branch in dead if branch.parent is not None}
            for branch in dead:
                if branch.parent is not None:
                    self._set_children(branch.parent, branch.parent.children - 1)
            dead = [parent for parent in parents.values() if parent.children == 0]
            level -= 1

    def _before(self, undo: Callable[[], object]) -> None:
        """Record how to undo the change that follows. `undo` must be harmless if that change was never made."""
        if self._undo is not None:
            self._undo.append(undo)

    def _put_back(self, level: list[Branch[R]]) -> None:
        if not self.levels or self.levels[0] is not level:
            self.levels.appendleft(level)

    def _set_children(self, branch: Branch[R], children: int) -> None:
        self._before(partial(setattr, branch, "children", branch.children))
        branch.children = children
