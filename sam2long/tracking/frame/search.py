"""Finds where on a frame an object like its references may be, so that these can be attended to at that place."""

from __future__ import annotations

import torch

from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.memory.encoded import EncodedMemory
from sam2long.tracking.frame.tracker import Tracker, Tree
from sam2long.tracking.prompting.reference import Centre, Reference, at_place, centre_of, places_of
from sam2long.tree import History, Node, select_memory

_TRIED = 6
"""Maximum number of places that are looked at a second time."""

_APART = 0.04
"""Places closer than this count as one: the sum of the distances in x and y, as shares of the frame."""


@torch.inference_mode()
def aim(tracker: Tracker, tree: Tree, frame: int, features: ImageFeatures, references: tuple[Reference, ...]) -> None:
    """Let a searching tree try its references where something like the object shows on this frame.

    The references are attended to at every place of a grid in turn. Each that sees something is moved to the centre of
    what it sees, where the memory fits the true object best: only then can the places' object scores be compared.

    Args:
        tracker: runs the network.
        tree: of the object; its pathways are replaced.
        frame: frame number.
        features: of the frame, batch of 1.
        references: of the object.
    """
    device = tracker.model.device
    rows = places_of(references, device)
    histories = [History[EncodedMemory](references=row) for row in rows]
    seen = tracker.propose(features, [select_memory([], one, frame, tree.config, tree.clock) for one in histories])
    chances, best = (seen.ious * seen.object_scores.sigmoid()[:, None]).max(1)
    masks = seen.masks[torch.arange(len(best), device=device), best].cpu() > 0
    centres: list[Centre] = []
    for row in chances.argsort(descending=True).tolist():
        if len(centres) < _TRIED and bool(masks[row].any()):
            centre = centre_of(masks[row].numpy())
            if all(abs(centre[0] - x) + abs(centre[1] - y) > _APART for x, y in centres):
                centres.append(centre)
    tries: list[tuple[Node[EncodedMemory], ...]] = [at_place(references, centre, device) for centre in centres]
    tree.search(tries or [rows[int(chances.argmax())]])
