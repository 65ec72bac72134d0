"""The memory tree once more, written from its description as plainly as possible: every pathway a whole list of nodes.

Nothing is shared, merged, forgotten or decided early, so that the fast tree has something independent to agree with.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """A node of the naive tree. `name` identifies the whole chain up to it."""

    frame: int
    iou: float
    score: float
    name: tuple[int, ...]


@dataclass
class Path:
    nodes: list[Seen]
    total: float


def network(seed, frame, maps, pointers, tie_heavy):
    """A network that returns scores which depend on all it is shown: three IoUs and an object score."""
    rng = random.Random(repr((seed, frame, maps, pointers)))
    ious = [rng.choice([0.2, 0.31, 0.304, 0.5, 0.9]) if tie_heavy else rng.random() for _ in range(3)]
    return ious, rng.choice([-3.0, -1.5, -0.4, 0.0, 0.7, 1.9, 2.0, 6.0]) + rng.random() * 1e-3


def disagreement(seed, frame):
    """How far apart the masks of different survivors are on a frame: 1 - IoU."""
    return random.Random(repr((seed, frame, "apart"))).choice([0.0, 0.02, 0.05, 0.2])


def recall(path, prompt, frame, limit, config):
    """What a pathway attends to: lists of (name, slot or time, weight), and what `valid` came out as."""
    valid = []
    for node in reversed(path.nodes):
        if len(valid) == limit - 1:
            break
        if node.iou > config.iou_threshold and node.score > 0:
            valid.insert(0, node)
    if path.nodes and path.nodes[-1] not in valid:
        valid.append(path.nodes[-1])
    spatial = [(prompt.name, 0, 10.0)]
    newest = valid[-6:]
    for i, node in enumerate(newest):
        spatial.append((node.name, len(newest) - i, node.score))
    pointers = [(prompt.name, frame - prompt.frame, 10.0)]
    take = min(limit - 1, len(valid) - 1)
    for rank in range(1, take + 1):
        node = valid[-rank]
        pointers.append((node.name, rank, node.score))
    if len(spatial) == 1:
        return weigh(spatial, None), weigh(pointers, None)
    return weigh(spatial, config.modulation), weigh(pointers, config.modulation)


def weigh(entries, span):
    if span is None:
        return [(name, place, 1.0) for name, place, _ in entries]
    low, high = span
    count = len(entries)
    spaced = [low] if count == 1 else [low + (high - low) * i / (count - 1) for i in range(count)]
    order = sorted(range(count), key=lambda i: entries[i][2])
    weights = [0.0] * count
    for rank, i in enumerate(order):
        weights[i] = spaced[rank]
    return [(name, place, weights[i]) for i, (name, place, _) in enumerate(entries)]


def search(seed, frames, config, limit=16, tie_heavy=False):
    """Run the whole tree over frames 0..frames-1, prompted on frame 0.

    Returns, for each frame from 1 on, the list of (parent, candidate, total) of the survivors, and the winning chain.
    """
    prompt = Seen(0, 1.0, 10.0, (0,))
    paths = [Path([], 0.0)]
    history = []
    agreed = 0
    for frame in range(1, frames):
        options = []
        scores = []
        for number, path in enumerate(paths):
            maps, pointers = recall(path, prompt, frame, limit, config)
            ious, score = network(seed, frame, rounded(maps), rounded(pointers), tie_heavy)
            scores.append(score)
            for candidate in range(3):
                parent = path.nodes[-1].name if path.nodes else prompt.name
                node = Seen(frame, ious[candidate], score, (*parent, candidate))
                options.append((number, candidate, path.total + math.log(ious[candidate] + 1e-5), node))
        if frame == 1:
            best = max(options, key=lambda option: option[3].iou)
            kept = [(best[0], best[1], 0.0, best[3])] * config.pathways
        else:
            kept = survive(options, scores, config)
        history.append([(number, candidate, total) for number, candidate, total, _ in kept])
        paths = [Path([*paths[number].nodes, node], total) for number, _, total, node in kept]
        differ = len({node.name for _, _, _, node in kept}) > 1
        agreed = agreed + 1 if differ and 1 - disagreement(seed, frame) > config.merge_iou else 0
        if config.merge is not None and agreed >= config.merge:
            paths, agreed = [paths[0]] * len(paths), 0
    return history, [node.name for node in paths[0].nodes]


def survive(options, scores, config):
    options = sorted(options, key=lambda option: -option[2])
    count = config.pathways
    if max(abs(score) for score in scores) > config.uncertainty_threshold:
        return options[:count]
    kept, used = [], []
    for option in options:
        iou = round(option[3].iou if option[3].score > 0 else -option[3].iou, 2)
        if len(kept) < count and iou not in used:
            kept.append(option)
            used.append(iou)
    for number in range(len(scores)):
        if len(kept) < count and number not in [option[0] for option in kept]:
            kept.append(next(option for option in options if option[0] == number))
    return kept


def rounded(entries):
    """Weights to 9 digits, so that two ways of spacing them evenly look the same to the network."""
    return [(name, place, round(weight, 9)) for name, place, weight in entries]
