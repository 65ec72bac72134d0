"""Rebuilds an object's tree, as it was before any given frame, from stored results.

A tree that continues where it stopped is not rebuilt. After a correction, tracking starts in the middle of what was
tracked before, and needs this.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, takewhile

import torch

from sam2long.model.memory.encoded import EncodedMemory
from sam2long.model.memory.memory_attention import Memory
from sam2long.tracking.frame.tracker import Tree, stack_memories
from sam2long.tracking.prompting.conditioning import Conditioning, condition
from sam2long.tracking.prompting.prompts import ObjectPrompt
from sam2long.tracking.prompting.reference import at_place, centre_of
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.packing import unpack_logits, unpack_pointer
from sam2long.tracking.storage.store import StoredResult
from sam2long.tracking.track import Track
from sam2long.tree import FOUND, History, Node, ObjectTree, Pathway


def conditioning_of(state: SessionState, object_id: int, frame: int) -> Conditioning:
    """Return the conditioning frame of an object's prompts on a frame, computed on first use."""
    track = state.tracks[object_id]
    if frame not in track.conditionings:
        track.conditionings[frame] = condition_prompt(state, object_id, frame, track.prompts[frame])
    return track.conditionings[frame]


def condition_prompt(state: SessionState, object_id: int, frame: int, prompt: ObjectPrompt) -> Conditioning:
    """Compute the conditioning frame that a prompt of an object on a frame makes, without keeping it."""
    stride = prompt.refines.stride if prompt.refines else 0
    context = _memory_at(state, object_id, frame, stride) if stride else None
    features, binary = state.features.features(frame), state.config.binary_prompts
    return condition(state.model, features, frame, prompt, state.size, binary, context, state.clicks)


def condition_on_prompts(state: SessionState, object_id: int) -> None:
    """Compute all conditioning frames of an object, for other frames to attend to; on a live source, nothing yet."""
    if state.source.seekable:
        for frame in sorted(state.tracks[object_id].prompts):
            conditioning_of(state, object_id, frame)


@torch.inference_mode()
def rebuild(state: SessionState, object_id: int, frame: int, stride: int) -> Tree:
    """Build the tree that would visit `frame` next: equal pathways, with the memories of the results before it."""
    track, clock = state.tracks[object_id], state.clock(stride)
    tree: Tree = ObjectTree(state.config, clock, track.nodes())
    references: tuple[Node[EncodedMemory], ...] = ()
    found = None
    if track.references and not any((frame - place) * stride > 0 for place in track.prompts):
        found = _found(state, object_id, frame, stride)
        if found is None:
            tree.search([at_place(track.references, None, state.model.device)])
            return tree
        # The references were at a place close to where they found it, which is not stored.
        place = centre_of(state.outcome(found).mask(state.size)) if found.area else None
        references = at_place(track.references, place, state.model.device)
    _, paused = _not_found(state, object_id, frame, stride)
    if state.config.iou_threshold is None:
        useful = _near(state, object_id, frame, stride)
        latest = None
    else:
        latest = None if paused else _latest(state, object_id, frame, stride)
        useful = _useful(state, object_id, frame, stride, latest)
    tree.rooted, tree.paused = latest is not None, paused
    if found is not None:
        useful = [node for node in useful if (node.frame - found.frame) * stride >= 0]
    copies = state.config.pathways if tree.rooted else 1
    tree.pathways = [Pathway(0.0, History(tuple(reversed(useful)), latest, references), None)] * copies
    return tree


def _found(state: SessionState, object_id: int, frame: int, stride: int) -> StoredResult | None:
    """The result on which references found an object, if they did before `frame`."""
    if state.store is None:
        return None
    found = None
    for result in state.store.behind(state.tracks[object_id], object_id, frame, stride):
        found = result if result.object_score > FOUND else found
    return found


def _not_found(state: SessionState, object_id: int, frame: int, stride: int) -> tuple[set[int], bool]:
    """Frames that are not remembered, since the object was not found again behind a cut; and whether it still is not.

    There are none unless cuts pause.
    """
    skipped: set[int] = set()
    if state.scenes.mode != "pause" or state.store is None:
        return skipped, False
    sign, paused, last = (1 if stride > 0 else -1), False, None
    cuts = [place for direction, place in state.scenes.found if direction == sign]

    def cut_between(one: int | None, other: int) -> bool:
        return one is not None and any(one * sign < place * sign <= other * sign for place in cuts)

    for result in reversed(list(state.store.behind(state.tracks[object_id], object_id, frame, stride))):
        paused = (paused or cut_between(last, result.frame)) and not result.prompted and result.object_score <= FOUND
        if paused:
            skipped.add(result.frame)
        last = result.frame
    return skipped, paused or cut_between(last, frame)


def _memory_at(state: SessionState, object_id: int, frame: int, stride: int) -> Memory | None:
    """The memory that the network attends to on `frame`, batch of 1; None while the object is searched for."""
    tree = rebuild(state, object_id, frame, stride)
    if tree.searching:
        return None
    return stack_memories(tree.memories(frame), state.model)


def frames_remembered(state: SessionState, object_id: int, frame: int) -> Iterator[int]:
    """Encode, one by one, the memories that clicks on a tracked frame attend to, for these to be answered at once.

    Yields:
        a frame number, before its image is needed; the memory of the frame is encoded after that.
    """
    prompt, result = state.tracks[object_id].prompts.get(frame), state.result(object_id, frame)
    if prompt is not None:
        stride = prompt.refines.stride if prompt.refines else 0
    else:
        stride = 0 if result is None or result.prompted else result.stride
    if stride == 0:
        return
    state.tracks[object_id].nodes()  # the memories of its prompts
    known = _live_nodes(state.tracks[object_id])
    for needed in _with_spatial(state, object_id, frame, stride):
        yield needed.frame
        with torch.inference_mode():
            _node(state, needed, known, with_spatial=True)


def _with_spatial(state: SessionState, object_id: int, frame: int, stride: int) -> list[StoredResult]:
    """The results whose spatial memories the network attends to on `frame`, nearest first."""
    if state.config.iou_threshold is None:
        clock = state.clock(stride)
        near = (state.result(object_id, frame - steps * stride) for steps in range(1, clock.memory_slots))
        return [result for result in near if result is not None and not result.prompted]
    latest = state.result(object_id, frame - stride, stride)
    nearest = [] if latest is None or latest.prompted else [latest]
    ranked = _passing(state, object_id, frame, stride)[: state.clock(stride).memory_slots - 1]
    return nearest + [result for result in ranked if result not in nearest]


def _near(state: SessionState, object_id: int, frame: int, stride: int) -> list[Node[EncodedMemory]]:
    """SAM 2's rule: the nodes of the frames just before, whichever way they were tracked, nearest first."""
    clock, nodes = state.clock(stride), []
    skipped, _ = _not_found(state, object_id, frame, stride)
    known = _live_nodes(state.tracks[object_id])
    for steps in range(1, clock.window + 1):
        place = frame - steps * stride
        result = state.result(object_id, place)
        if result is not None and not result.prompted and place not in skipped:
            nodes.append(_node(state, result, known, with_spatial=steps < clock.memory_slots))
        elif result is None and state.store is None and place in known:
            nodes.append(known[place])
    return nodes


def _latest(state: SessionState, object_id: int, frame: int, stride: int) -> Node[EncodedMemory] | None:
    """The node of the previous frame, or None if that has no result or is prompted."""
    result = state.result(object_id, frame - stride, stride)
    if result is None or result.prompted:
        return None
    return _node(state, result, _live_nodes(state.tracks[object_id]), with_spatial=True)


def _useful(
    state: SessionState, object_id: int, frame: int, stride: int, latest: Node[EncodedMemory] | None
) -> list[Node[EncodedMemory]]:
    """SAM2Long's rule: nodes of the same stride that pass the filter, however far back, nearest first."""
    known, clock = _live_nodes(state.tracks[object_id]), state.clock(stride)
    nodes = []
    for rank, result in enumerate(_passing(state, object_id, frame, stride)):
        if latest is not None and result.frame == latest.frame:
            nodes.append(latest)
        else:
            nodes.append(_node(state, result, known, with_spatial=rank < clock.memory_slots - 1))
    return nodes


def _passing(state: SessionState, object_id: int, frame: int, stride: int) -> list[StoredResult]:
    """The results of `_useful`."""
    track, clock, threshold = state.tracks[object_id], state.clock(stride), state.config.iou_threshold
    if state.store is None or threshold is None:
        return []
    first = _forgotten(state, object_id, frame, stride)
    skipped, _ = _not_found(state, object_id, frame, stride)
    passing = (
        result
        for result in takewhile(
            lambda result: first is None or (result.frame - first) * stride > 0,
            state.store.behind(track, object_id, frame, stride),
        )
        if result.iou > threshold and result.object_score > 0 and not result.prompted and result.frame not in skipped
    )
    return list(islice(passing, clock.window))


def makes_forget(state: SessionState, object_id: int, frame: int) -> bool:
    """Whether a tree drops, at this prompted frame, the memories of the unprompted frames before it.

    It does if the prompt contradicts what was tracked, since those memories then show something other than the object.
    SAM 2 keeps them, and so does plain SAM 2 here.
    """
    # Only a prompt on a tracked frame can contradict; the conditioning of other prompts is not computed for this.
    if state.config.iou_threshold is None or state.tracks[object_id].prompts[frame].tracked is None:
        return False
    return conditioning_of(state, object_id, frame).contradicts


def _forgotten(state: SessionState, object_id: int, frame: int, stride: int) -> int | None:
    """The nearest prompted frame before `frame` at which the tree dropped its memories, if any."""
    behind = [place for place in state.tracks[object_id].prompts if (frame - place) * stride > 0]
    forgetting = (place for place in behind if makes_forget(state, object_id, place))
    return max(forgetting, key=lambda place: place * stride, default=None)


def _live_nodes(track: Track) -> dict[int, Node[EncodedMemory]]:
    """Nodes that the object's live tree still holds of its best pathway, by frame."""
    if track.live is None:
        return {}
    history = track.live.tree.pathways[0].history
    nodes = [*history.useful, *([history.latest] if history.latest else [])]
    return {node.frame: node for node in nodes}


def _node(
    state: SessionState, result: StoredResult, known: dict[int, Node[EncodedMemory]], with_spatial: bool
) -> Node[EncodedMemory]:
    """The node of a stored result: the live tree's own if it has it, otherwise encoded, once, from the stored mask."""
    live = known.get(result.frame)
    same = live is not None and (live.iou, live.object_score) == (result.iou, result.object_score)
    if live is not None and same and (live.payload.has_spatial or not with_spatial):
        return live
    assert state.store is not None
    packed, model = state.store.packed(result), state.model
    pointer = unpack_pointer(packed.pointer).to(model.device)
    # A frame too far back needs no spatial memory, and encoding its image again would take time.
    memory = EncodedMemory.pointer_only(pointer)
    if with_spatial:
        encoded = state.memories.get(result.written)
        if encoded is not None:
            return Node(result.frame, result.iou, result.object_score, encoded)
        logits = unpack_logits(packed.logits).to(model.device)
        score = torch.tensor([result.object_score], device=model.device)
        image = state.features.features(result.frame).coarse
        memory = EncodedMemory(model.encode_memory(image, logits[None, None], score)[0], pointer)
        state.memories.keep(result.written, memory)
    return Node(result.frame, result.iou, result.object_score, memory)
