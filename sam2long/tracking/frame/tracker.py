"""Tracks all objects on one frame at a time; their distinct pathways go through the network as a batch."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sam2long.model.decoder.mask_decoder import Candidates
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.memory.encoded import EncodedMemory
from sam2long.model.memory.memory_attention import Memory
from sam2long.model.sam2 import SAM2
from sam2long.tracking.frame.candidate_scores import CandidateScores, check_finite, fetch_candidate_scores, send
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tree import MemorySelection, Node, ObjectTree, TraceRow

_MAX_ROWS, _MAX_ROWS_CPU = 16, 8
"""Maximum number of pathways per batch; larger batches need more memory without being faster."""

Tree = ObjectTree[EncodedMemory, Outcome]


@dataclass(frozen=True)
class Decided:
    """The final outcome of an object on a frame."""

    object_id: int
    frame: int
    outcome: Outcome


@dataclass
class Tracker:
    """Runs the network for the memory trees of all objects. Does not deal with videos or prompts.

    Attributes:
        model: the network.
        max_delay: maximum number of newest frames that may stay undecided, or None for no limit.
        trees: by object id.
        trace: how each object's pathways continued on the last `step`, by object id.
    """

    model: SAM2
    max_delay: int | None = None
    trees: dict[int, Tree] = field(default_factory=dict)
    trace: dict[int, TraceRow] = field(default_factory=dict)

    @torch.inference_mode()
    def step(self, frame: int, features: ImageFeatures, tracked: list[int]) -> list[Decided]:
        """Track objects on a frame on which none of them is prompted.

        Args:
            frame: frame number.
            features: of the frame, batch of 1.
            tracked: ids of the objects to track; their trees are in `trees`.

        Returns:
            the outcomes that this decides, on this frame and earlier ones; in order for each object.
        """
        self.trace = {}
        self._track(frame, features, tracked)
        decided: list[Decided] = []
        for object_id in tracked:
            tree = self.trees[object_id]
            branches = tree.decided() if self.max_delay is None else tree.decide(self.max_delay)
            decided += [Decided(object_id, branch.frame, branch.outcome) for branch in branches]
        return decided

    def waiting(self, newest: int) -> list[Outcome]:
        """All hypotheses of each object on the frame just before its `newest` latest undecided ones."""
        lineages = [tree.lineage for tree in self.trees.values() if len(tree.lineage) > newest]
        return [branch.outcome for lineage in lineages for branch in lineage.levels[-newest - 1]]

    def _track(self, frame: int, features: ImageFeatures, object_ids: list[int]) -> None:
        selections = {object_id: self.trees[object_id].memories(frame) for object_id in object_ids}
        candidates = self.propose(features, [one for several in selections.values() for one in several])
        scores = fetch_candidate_scores(candidates, [len(several) for several in selections.values()])
        check_finite((score for own in scores for score in own.all_scores()), frame)
        first = 0
        picks: list[_Pick] = []
        for (object_id, several), own in zip(selections.items(), scores, strict=True):
            picks.append(_Pick(self.trees[object_id], object_id, first, own))
            first += len(several)
        rows, numbers = zip(*(place for pick in picks for place in pick.places), strict=True)
        chosen = candidates.choose(send(rows, self.model.device), send(numbers, self.model.device))
        memories = self._encode_memories(features, chosen)
        first = 0
        for pick in picks:
            part = slice(first, first + len(pick.places))
            self.trace[pick.object_id] = pick.grow(
                frame, memories[part], chosen.masks[part, 0], chosen.pointers[part, 0]
            )
            first = part.stop

    @property
    def _most_rows(self) -> int:
        return _MAX_ROWS_CPU if self.model.device.type == "cpu" else _MAX_ROWS

    def propose(self, features: ImageFeatures, selections: list[MemorySelection[EncodedMemory]]) -> Candidates:
        """Predict three candidates per memory selection, in order; selections of equal size share a batch."""
        groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for index, selection in enumerate(selections):
            groups[len(selection.spatial), len(selection.pointers)].append(index)
        batches = [
            indices[start : start + self._most_rows]
            for indices in groups.values()
            for start in range(0, len(indices), self._most_rows)
        ]
        parts = [self._propose_batch(features, [selections[index] for index in batch]) for batch in batches]
        if len(parts) == 1:
            return parts[0]
        places = {index: place for place, index in enumerate(index for batch in batches for index in batch)}
        order = send([places[index] for index in range(len(places))], self.model.device)
        return Candidates(
            torch.cat([part.masks for part in parts])[order],
            torch.cat([part.ious for part in parts])[order],
            torch.cat([part.pointers for part in parts])[order],
            torch.cat([part.object_scores for part in parts])[order],
        )

    def _propose_batch(self, features: ImageFeatures, selections: list[MemorySelection[EncodedMemory]]) -> Candidates:
        conditioned = self.model.attend(features.coarse, stack_memories(selections, self.model))
        return self.model.decode(conditioned, features, self.model.no_prompts()).candidates()

    def _encode_memories(self, features: ImageFeatures, chosen: Candidates) -> Tensor:
        return torch.cat(
            [
                self.model.encode_memory(features.coarse, masks, scores)
                for masks, scores in zip(
                    chosen.masks.split(self._most_rows), chosen.object_scores.split(self._most_rows), strict=True
                )
            ]
        )


class _Pick:
    """Selected candidates of one object; `places` holds one (batch row, candidate index) per distinct survivor."""

    def __init__(self, tree: Tree, object_id: int, first_row: int, scores: CandidateScores) -> None:
        self.tree = tree
        self.object_id = object_id
        self.scores = scores
        self.choices = tree.choose(scores.ious, scores.object_scores)
        self.survivors = tree.survivors(self.choices)
        self.places = [(first_row + row, candidate) for row, candidate in self.survivors]

    def grow(self, frame: int, memories: Tensor, masks: Tensor, pointers: Tensor) -> TraceRow:
        apart = self.scores.disagreement(self.survivors)
        leads = self._leads()
        nodes, outcomes = [], []
        for i, (row, candidate) in enumerate(self.survivors):
            iou, score = self.scores.ious[row][candidate], self.scores.object_scores[row]
            # Clones, so that a long-lived node does not keep its whole batch alive.
            nodes.append(Node(frame, iou, score, EncodedMemory(memories[i].clone(), pointers[i].clone())))
            outcomes.append(Outcome(masks[i].clone(), iou, score, apart, leads[i], nodes[-1].payload.pointer))
        grown = self.tree.grow(frame, self.choices, nodes, outcomes)
        self.tree.merge(apart)
        return grown

    def _leads(self) -> list[float]:
        """Cumulative score of each distinct survivor minus the best score of the others."""
        scores = {
            place: choice.score for choice, place in zip(self.choices, self.tree.places(self.choices), strict=True)
        }
        best, second = sorted([*scores.values(), -math.inf, -math.inf], reverse=True)[:2]
        return [score - (second if score == best else best) for score in (scores[place] for place in self.survivors)]


def stack_memories(selections: list[MemorySelection[EncodedMemory]], model: SAM2) -> Memory:
    """Stack memory selections of equal size into one batch."""
    first, dim = selections[0], model.config.dim
    pointers = [node.payload.pointer for selection in selections for node in selection.pointers]
    count = len(first.pointers)
    spatial = [torch.stack([node.payload.spatial for node in selection.spatial]) for selection in selections]

    def rows(values: list[list[float]]) -> Tensor:
        return send(values, model.device, torch.float32)

    return Memory(
        spatial=torch.stack(spatial),
        slots=send([selection.slots for selection in selections], model.device),
        pointers=torch.stack(pointers).unflatten(0, (-1, count))
        if count
        else rows([]).new_empty(len(selections), 0, dim),
        times=rows([selection.times for selection in selections]),
        spatial_weights=None
        if first.spatial_weights is None
        else rows([selection.spatial_weights or [] for selection in selections]),
        pointer_weights=None
        if first.pointer_weights is None
        else rows([selection.pointer_weights or [] for selection in selections]),
    )
