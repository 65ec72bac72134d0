"""The memory tree of one object: its pathways, their memories, and the frames that are still undecided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from sam2long.tree.config import TreeConfig
from sam2long.tree.lineage import Branch, Lineage
from sam2long.tree.memory import Clock, History, MemorySelection, Node, select_memory
from sam2long.tree.survivors import Choice, select

T = TypeVar("T")
R = TypeVar("R")

FOUND = 2.0
"""Object score above which an object that is searched for counts as found."""

_Identity = tuple[int, ...]


@dataclass(frozen=True)
class Pathway(Generic[T, R]):
    """One hypothesis.

    Attributes:
        score: cumulative score, the sum of the logarithms of the predicted IoUs.
        history: unprompted frames that it may attend to.
        branch: its branch on the latest frame; None if that frame is decided or there is none yet.
    """

    score: float
    history: History[T]
    branch: Branch[R] | None


@dataclass(frozen=True)
class TraceRow:
    """How one object's pathways continued on one frame; every list has one item per survivor, best first.

    Attributes:
        frame: frame number.
        parents: index of the previous frame's pathway that each survivor continues.
        candidates: index of the candidate mask it chose (0..2).
        scores: cumulative scores.
        ious: predicted IoUs, 0..1.
        object_scores: logits.
    """

    frame: int
    parents: list[int]
    candidates: list[int]
    scores: list[float]
    ious: list[float]
    object_scores: list[float]


@dataclass
class ObjectTree(Generic[T, R]):
    """The pathways of one object. Identical pathways share a branch, so the network runs once per *distinct* pathway.

    Each frame takes four calls: `memories` returns what each distinct pathway attends to, `choose` selects the
    survivors from the network's scores, `grow` adds the survivors' nodes and outcomes, and `merge` makes those one that
    have agreed for long.

    Attributes:
        config: hyperparameters.
        clock: stride, and number of memories.
        prompted: nodes of the prompted frames, by frame number.
        pathways: best first.
        lineage: the branches of the undecided frames.
        rooted: whether a frame has been tracked since the last prompt; if not, there is a single pathway.
        agreed: latest frames in a row on which there were distinct pathways and their masks agreed.
        searching: whether the object has not been found yet. Each pathway then holds the references at another place;
            nothing is remembered until one of them finds the object, with an object score above `FOUND`.
        paused: whether nothing is remembered since a scene cut, until the object score is above `FOUND` again.
    """

    config: TreeConfig
    clock: Clock
    prompted: list[Node[T]] = field(default_factory=list)
    pathways: list[Pathway[T, R]] = field(default_factory=lambda: [Pathway(0.0, History(), None)])
    lineage: Lineage[R] = field(default_factory=Lineage)
    rooted: bool = False
    agreed: int = 0
    searching: bool = False
    paused: bool = False

    def search(self, references: Sequence[tuple[Node[T], ...]]) -> None:
        """Look for the object, of which nothing but references is remembered.

        Args:
            references: for each place to try on the next frame, the references as they are there.
        """
        # The latest branch is common to all pathways.
        branch = self.pathways[0].branch if self.searching else None
        self.pathways = [Pathway(0.0, History(references=several), branch) for several in references]
        self.rooted, self.searching, self.agreed = False, True, 0

    def memories(self, frame: int) -> list[MemorySelection[T]]:
        """Memory selection of each distinct pathway for `frame`."""
        return [
            select_memory(self.prompted, pathway.history, frame, self.config, self.clock)
            for pathway in self._distinct().values()
        ]

    def choose(self, ious: Sequence[Sequence[float]], object_scores: Sequence[float]) -> list[Choice]:
        """Choose the survivors. Both arguments have one row per distinct pathway, in the order of `memories`.

        The first frame after a prompt has one pathway; all new pathways start from its candidate of highest IoU. While
        the object is searched for, they start from the best candidate of the place with the highest object score.
        """
        rows = self._rows()
        if self.searching:
            return [_best_find(ious, object_scores)] * self.config.pathways
        if not self.rooted:
            best = max(range(len(ious[0])), key=ious[0].__getitem__)
            return [Choice(0, best, 0.0)] * self.config.pathways
        return select(
            [pathway.score for pathway in self.pathways],
            [ious[row] for row in rows],
            [object_scores[row] for row in rows],
            self.config,
        )

    def survivors(self, choices: Sequence[Choice]) -> list[tuple[int, int]]:
        """The distinct survivors among `choices`, in order, as (row of the distinct pathway, candidate)."""
        return list(dict.fromkeys(self.places(choices)))

    def places(self, choices: Sequence[Choice]) -> list[tuple[int, int]]:
        """One (row of the distinct pathway, candidate) per choice; equal for identical pathways."""
        rows = self._rows()
        return [(rows[choice.pathway], choice.candidate) for choice in choices]

    def grow(self, frame: int, choices: Sequence[Choice], nodes: Sequence[Node[T]], outcomes: Sequence[R]) -> TraceRow:
        """Continue the pathways with the survivors; `nodes` and `outcomes` are in the order of `survivors(choices)`."""
        chosen = self.places(choices)
        survivors = list(dict.fromkeys(chosen))
        parents = list(self._distinct().values())
        histories = [
            parents[row].history.extended(node, self.config, self.clock)
            for (row, _), node in zip(survivors, nodes, strict=True)
        ]
        branches = self.lineage.grow(
            frame, [(parents[row].branch, outcome) for (row, _), outcome in zip(survivors, outcomes, strict=True)]
        )
        places = [survivors.index(place) for place in chosen]
        if (self.searching or self.paused) and nodes[0].object_score <= FOUND:
            self.pathways = [Pathway(0.0, pathway.history, branches[0]) for pathway in self.pathways]
        else:
            self.pathways = [
                Pathway(choice.score, histories[place], branches[place])
                for choice, place in zip(choices, places, strict=True)
            ]
            self.rooted, self.searching, self.paused = True, False, False
        return TraceRow(
            frame,
            [choice.pathway for choice in choices],
            [choice.candidate for choice in choices],
            [choice.score for choice in choices],
            [nodes[place].iou for place in places],
            [nodes[place].object_score for place in places],
        )

    def merge(self, disagreement: float) -> None:
        """After enough frames of agreement, keep the best pathway alone: the others become copies of it.

        Args:
            disagreement: largest 1 - IoU between the masks of any two survivors of the latest frame.
        """
        if self.config.merge is None or self.searching:
            return
        apart = len(self._distinct()) > 1
        self.agreed = self.agreed + 1 if apart and 1 - disagreement > self.config.merge_iou else 0
        if self.agreed >= self.config.merge:
            self._keep_best()

    def decided(self) -> list[Branch[R]]:
        """Remove and return the frames on which all pathways agree, oldest first."""
        decided = list(self.lineage.decided())
        if decided:
            self._forget_settled(decided[-1])
        return decided

    def decide(self, max_delay: int) -> list[Branch[R]]:
        """Remove and return all but the newest `max_delay` frames; the best pathway wins where pathways disagree.

        Pathways that do not descend from the winner are dropped.
        """
        decided = self.decided()
        while len(self.lineage) > max_delay:
            decided += self._force_oldest()
        return decided

    def finish(self) -> list[Branch[R]]:
        """Remove and return every undecided frame as the best pathway has it. All pathways are kept."""
        frames = self.best_chain()
        self.lineage = Lineage()
        self.pathways = [Pathway(pathway.score, pathway.history, None) for pathway in self.pathways]
        return frames

    def best_at(self, frame: int) -> Branch[R] | None:
        """An undecided frame as the best pathway currently has it; None if the frame is not undecided."""
        branch = self.pathways[0].branch
        while branch is not None and branch.frame != frame:
            branch = branch.parent
        return branch

    def best_chain(self) -> list[Branch[R]]:
        """The undecided frames as the best pathway currently has them, oldest first."""
        frames: list[Branch[R]] = []
        branch = self.pathways[0].branch
        while branch is not None:
            frames.append(branch)
            branch = branch.parent
        return frames[::-1]

    def prompt(self, node: Node[T], forget: bool = False) -> list[Branch[R]]:
        """Add a prompted frame: only the best pathway continues from it, with its score reset to 0.

        Args:
            node: of the prompted frame; it replaces an earlier prompted node of the same frame.
            forget: drop the memories of unprompted frames.

        Returns:
            the frames that this decides, oldest first.
        """
        decided = self.finish()
        others = (kept for kept in self.prompted if kept.frame != node.frame)
        self.prompted = sorted([*others, node], key=lambda kept: kept.frame)
        history: History[T] = History() if forget else self.pathways[0].history.after_prompt()
        self.pathways = [Pathway(0.0, history, None)]
        self.rooted, self.searching, self.paused, self.agreed = False, False, False, 0
        return decided

    def pause(self) -> list[Branch[R]]:
        """Remember nothing, from a scene cut on, until the object is found again; a search just goes on.

        Until then the best pathway is alone, with its useful memories. Then all pathways start from it, with equal
        scores.

        Returns:
            the frames that this decides, oldest first.
        """
        if self.searching:
            return []
        decided = self.finish()
        history = self.pathways[0].history
        self.pathways = [Pathway(0.0, replace(history, latest=None), None)]
        self.rooted, self.paused, self.agreed = False, True, 0
        return decided

    def _distinct(self) -> dict[_Identity, Pathway[T, R]]:
        distinct: dict[_Identity, Pathway[T, R]] = {}
        for pathway in self.pathways:
            distinct.setdefault(_identity(pathway.history), pathway)
        return distinct

    def _rows(self) -> list[int]:
        """For each pathway, the row of the distinct pathway that it equals."""
        order = list(self._distinct())
        return [order.index(_identity(pathway.history)) for pathway in self.pathways]

    def _forget_settled(self, newest: Branch[R]) -> None:
        """Drop the pathways' references to a decided branch."""
        self.pathways = [
            Pathway(pathway.score, pathway.history, None) if pathway.branch is newest else pathway
            for pathway in self.pathways
        ]

    def _keep_best(self) -> None:
        best = self.pathways[0]
        others = {id(pathway.branch): pathway.branch for pathway in self.pathways[1:]}
        self.lineage.drop([branch for branch in others.values() if branch is not None and branch is not best.branch])
        self.pathways = [best] * len(self.pathways)
        self.agreed = 0

    def _force_oldest(self) -> list[Branch[R]]:
        best = self.pathways[0].branch
        assert best is not None, "an undecided frame has a pathway"
        winner = self.lineage.oldest_ancestor(best)
        losers = [branch for branch in self.lineage.levels[-1] if self.lineage.oldest_ancestor(branch) is not winner]
        self.lineage.drop(losers)
        self.pathways = [pathway for pathway in self.pathways if pathway.branch not in losers]
        return self.decided()


def _identity(history: History[T]) -> _Identity:
    """Equal for pathways that are copies of each other: they share the latest node, and the references."""
    return id(history.latest), *(id(node) for node in history.references)


def _best_find(ious: Sequence[Sequence[float]], object_scores: Sequence[float]) -> Choice:
    row = max(range(len(object_scores)), key=object_scores.__getitem__)
    return Choice(row, max(range(len(ious[row])), key=ious[row].__getitem__), 0.0)
