"""From stored results back to a memory: the tree of an object as it stood before any frame.

A tree that goes on where it stopped needs none of this. Corrections do: they begin in the middle of what was tracked.
"""

from __future__ import annotations

from itertools import islice, takewhile

import torch

from sam2long.model.memory.memory_attention import Memory
from sam2long.tracking.outcome import EncodedMemory
from sam2long.tracking.prompting.conditioning import Conditioning, condition
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.packing import unpack_logits, unpack_pointer
from sam2long.tracking.storage.store import StoredResult
from sam2long.tracking.track import Track
from sam2long.tracking.tracker import Tree, stack_memories
from sam2long.tree import History, Node, ObjectTree, Pathway


def conditioning_of(state: SessionState, object_id: int, frame: int) -> Conditioning:
    """What an object's prompts on a frame mean, worked out once."""
    track = state.tracks[object_id]
    if frame not in track.conditionings:
        prompt, binary = track.prompts[frame], state.config.binary_prompts
        stride = prompt.refines.stride if prompt.refines else 0
        remembered = _remembered(state, object_id, frame, stride) if stride else None
        features = state.features.features(frame)
        track.conditionings[frame] = condition(state.model, features, frame, prompt, state.size, binary, remembered)
    return track.conditionings[frame]


def look_at_prompts(state: SessionState, object_id: int) -> None:
    """Work out all prompts of an object, so that its frames can remember them; those of a live source come in time."""
    if state.source.seekable:
        for frame in sorted(state.tracks[object_id].prompts):
            conditioning_of(state, object_id, frame)


@torch.inference_mode()
def rebuild(state: SessionState, object_id: int, frame: int, stride: int) -> Tree:
    """The tree that would visit `frame` next: one pathway, with the memories of the results behind it."""
    track, clock = state.tracks[object_id], state.clock(stride)
    tree: Tree = ObjectTree(state.config, clock, track.nodes())
    if state.config.iou_threshold is None:
        useful = _near(state, object_id, frame, stride)
        latest = None
    else:
        latest = _latest(state, object_id, frame, stride)
        useful = _useful(state, object_id, frame, stride, latest)
    tree.rooted = latest is not None
    copies = state.config.pathways if tree.rooted else 1
    tree.pathways = [Pathway(0.0, History(tuple(reversed(useful)), latest), None)] * copies
    return tree


def _remembered(state: SessionState, object_id: int, frame: int, stride: int) -> Memory:
    tree = rebuild(state, object_id, frame, stride)
    return stack_memories(tree.memories(frame), state.model)


def _near(state: SessionState, object_id: int, frame: int, stride: int) -> list[Node[EncodedMemory]]:
    """SAM 2's rule: the frames just behind, whichever way they were tracked; nearest first."""
    clock, nodes = state.clock(stride), []
    known = _live_nodes(state.tracks[object_id])
    for steps in range(1, clock.window + 1):
        place = frame - steps * stride
        result = state.result(object_id, place)
        if result is not None and not result.prompted:
            nodes.append(_node(state, result, known, with_map=steps < clock.memory_slots))
        elif result is None and state.store is None and place in known:
            nodes.append(known[place])
    return nodes


def _latest(state: SessionState, object_id: int, frame: int, stride: int) -> Node[EncodedMemory] | None:
    result = state.result(object_id, frame - stride, stride)
    if result is None or result.prompted:
        return None
    return _node(state, result, _live_nodes(state.tracks[object_id]), with_map=True)


def _useful(
    state: SessionState, object_id: int, frame: int, stride: int, latest: Node[EncodedMemory] | None
) -> list[Node[EncodedMemory]]:
    """SAM2Long's rule: frames of the same way of tracking that pass the filter, however far behind; nearest first."""
    track, clock, threshold = state.tracks[object_id], state.clock(stride), state.config.iou_threshold
    if state.store is None or threshold is None:
        return []
    known = _live_nodes(track)
    first = _forgotten(state, object_id, frame, stride)
    passing = (
        result
        for result in takewhile(
            lambda result: first is None or (result.frame - first) * stride > 0,
            state.store.behind(track, object_id, frame, stride),
        )
        if result.iou > threshold and result.object_score > 0 and not result.prompted
    )
    nodes = []
    for rank, result in enumerate(islice(passing, clock.window)):
        if latest is not None and result.frame == latest.frame:
            nodes.append(latest)
        else:
            nodes.append(_node(state, result, known, with_map=rank < clock.memory_slots - 1))
    return nodes


def makes_forget(state: SessionState, object_id: int, frame: int) -> bool:
    """Whether a tree forgets, at this prompted frame, what it remembers of the unprompted ones before it.

    It does where the prompt contradicts what was tracked, since they show something else than the object. SAM 2
    remembers them all the same, so plain SAM 2 does here.
    """
    # Only a prompt on a tracked frame can contradict, and the others need not be worked out for this.
    if state.config.iou_threshold is None or state.tracks[object_id].prompts[frame].tracked is None:
        return False
    return conditioning_of(state, object_id, frame).contradicts


def _forgotten(state: SessionState, object_id: int, frame: int, stride: int) -> int | None:
    """The nearest prompted frame behind `frame` that made the tree forget, if any."""
    behind = [place for place in state.tracks[object_id].prompts if (frame - place) * stride > 0]
    forgetting = (place for place in behind if makes_forget(state, object_id, place))
    return max(forgetting, key=lambda place: place * stride, default=None)


def _live_nodes(track: Track) -> dict[int, Node[EncodedMemory]]:
    """What the tree that stopped last still holds of the pathway it reported."""
    if track.live is None:
        return {}
    history = track.live.tree.pathways[0].history
    nodes = [*history.useful, *([history.latest] if history.latest else [])]
    return {node.frame: node for node in nodes}


def _node(
    state: SessionState, result: StoredResult, known: dict[int, Node[EncodedMemory]], with_map: bool
) -> Node[EncodedMemory]:
    """A result as it was remembered: the very node if it is at hand, else from its stored mask."""
    live = known.get(result.frame)
    same = live is not None and (live.iou, live.object_score) == (result.iou, result.object_score)
    if live is not None and same and (live.payload.map.numel() or not with_map):
        return live
    assert state.store is not None
    packed, model = state.store.packed(result), state.model
    pointer = unpack_pointer(packed.pointer).to(model.device)
    # A frame too far back to be attended to needs no map, and encoding its image again would take time.
    memory = pointer.new_empty(0)
    if with_map:
        logits = unpack_logits(packed.logits).to(model.device)
        score = torch.tensor([result.object_score], device=model.device)
        memory = model.encode_memory(state.features.features(result.frame).stride16, logits[None, None], score)[0]
    return Node(result.frame, result.iou, result.object_score, EncodedMemory(memory, pointer))
