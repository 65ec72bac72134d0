"""The memory tree of one object: its pathways, what they remember, and the frames they have not agreed on yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sam2long.tree.config import TreeConfig
from sam2long.tree.lineage import Branch, Lineage
from sam2long.tree.memory import Clock, History, MemorySelection, Node, select_memory
from sam2long.tree.survivors import Choice, select

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Pathway(Generic[T, R]):
    """A hypothesis: its cumulative score, its memories, and the branch it stands on (None before the first frame)."""

    score: float
    history: History[T]
    branch: Branch[R] | None


@dataclass(frozen=True)
class TraceRow:
    """What happened to an object's pathways on a frame; every list is in the order of the survivors, best first.

    Attributes:
        frame: frame number.
        parents: pathway of the frame before that each survivor continues.
        candidates: number of the mask it took there (0..2).
        scores: cumulative score.
        ious: predicted IoU, 0..1.
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
    """Pathways of one object. Identical pathways share their branch, so the network runs once for each *distinct* one.

    A frame takes three calls: `memories` says what each distinct pathway attends to, `choose` takes what the network
    thinks of each, `grow` takes the nodes and outcomes of the survivors.
    """

    config: TreeConfig
    clock: Clock
    prompted: list[Node[T]] = field(default_factory=list)
    pathways: list[Pathway[T, R]] = field(default_factory=lambda: [Pathway(0.0, History(), None)])
    lineage: Lineage[R] = field(default_factory=Lineage)
    rooted: bool = False

    def memories(self, frame: int) -> list[MemorySelection[T]]:
        """What each distinct pathway attends to on `frame`."""
        return [
            select_memory(self.prompted, pathway.history, frame, self.config, self.clock)
            for pathway in self._distinct().values()
        ]

    def choose(self, ious: Sequence[Sequence[float]], object_scores: Sequence[float]) -> list[Choice]:
        """Choose the survivors; rows of the arguments are the distinct pathways, in the order of `memories`.

        The first frame after a prompt has one pathway, whose candidate of highest IoU all pathways start from.
        """
        rows = self._rows()
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
        """The distinct survivors among `choices`, in order: (row of the distinct pathway, candidate)."""
        return list(dict.fromkeys(self.places(choices)))

    def places(self, choices: Sequence[Choice]) -> list[tuple[int, int]]:
        """For each choice (row of the distinct pathway, candidate); copies have the same."""
        rows = self._rows()
        return [(rows[choice.pathway], choice.candidate) for choice in choices]

    def grow(self, frame: int, choices: Sequence[Choice], nodes: Sequence[Node[T]], outcomes: Sequence[R]) -> TraceRow:
        """Continue the pathways; `nodes` and `outcomes` are in the order of `survivors(choices)`."""
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
        self.pathways = [
            Pathway(choice.score, histories[place], branches[place])
            for choice, place in zip(choices, places, strict=True)
        ]
        self.rooted = True
        return TraceRow(
            frame,
            [choice.pathway for choice in choices],
            [choice.candidate for choice in choices],
            [choice.score for choice in choices],
            [nodes[place].iou for place in places],
            [nodes[place].object_score for place in places],
        )

    def decided(self) -> list[Branch[R]]:
        """Take out the frames that all pathways agree on, oldest first."""
        decided = list(self.lineage.decided())
        if decided:
            self._forget_settled(decided[-1])
        return decided

    def decide(self, max_delay: int) -> list[Branch[R]]:
        """Take out all but the newest `max_delay` frames, letting the best pathway win where they disagree.

        Pathways that do not descend from the winner end.
        """
        decided = self.decided()
        while len(self.lineage) > max_delay:
            decided += self._force_oldest()
        return decided

    def finish(self) -> list[Branch[R]]:
        """Take out every undecided frame, as the best pathway has it. All pathways live on."""
        frames = self.best_chain()
        self.lineage = Lineage()
        self.pathways = [Pathway(pathway.score, pathway.history, None) for pathway in self.pathways]
        return frames

    def best_chain(self) -> list[Branch[R]]:
        """The undecided frames as the best pathway has them now, oldest first."""
        frames: list[Branch[R]] = []
        branch = self.pathways[0].branch
        while branch is not None:
            frames.append(branch)
            branch = branch.parent
        return frames[::-1]

    def prompt(self, node: Node[T], forget: bool = False) -> list[Branch[R]]:
        """Arrive at a prompted frame: only the best pathway goes on from it, and its score starts anew.

        Returns the frames this decides. A prompted node of the same frame is replaced. `forget` drops the memories of
        unprompted frames.
        """
        decided = self.finish()
        others = (kept for kept in self.prompted if kept.frame != node.frame)
        self.prompted = sorted([*others, node], key=lambda kept: kept.frame)
        history: History[T] = History() if forget else self.pathways[0].history.after_prompt()
        self.pathways = [Pathway(0.0, history, None)]
        self.rooted = False
        return decided

    def _distinct(self) -> dict[int, Pathway[T, R]]:
        distinct: dict[int, Pathway[T, R]] = {}
        for pathway in self.pathways:
            distinct.setdefault(id(pathway.history.latest), pathway)
        return distinct

    def _rows(self) -> list[int]:
        """Row of the distinct pathway that each pathway is a copy of."""
        order = list(self._distinct())
        return [order.index(id(pathway.history.latest)) for pathway in self.pathways]

    def _forget_settled(self, newest: Branch[R]) -> None:
        """A pathway that stands on a decided branch keeps no hold on it."""
        self.pathways = [
            Pathway(pathway.score, pathway.history, None) if pathway.branch is newest else pathway
            for pathway in self.pathways
        ]

    def _force_oldest(self) -> list[Branch[R]]:
        best = self.pathways[0].branch
        assert best is not None, "an undecided frame has a pathway standing on it"
        winner = self.lineage.oldest_ancestor(best)
        losers = [branch for branch in self.lineage.levels[-1] if self.lineage.oldest_ancestor(branch) is not winner]
        self.lineage.drop(losers)
        self.pathways = [pathway for pathway in self.pathways if pathway.branch not in losers]
        return self.decided()
