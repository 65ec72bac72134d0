"""Encodes the objects of a session as JSON and tensors, and decodes them; results are stored separately."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from pycocotools import mask as coco
from torch import Tensor

from sam2long.results.convert import run_lengths
from sam2long.tracking.outcome import EncodedMemory, Outcome
from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.prompts import Clicks, ObjectPrompt, Tracked
from sam2long.tracking.storage.packing import PackedMask
from sam2long.tracking.track import LiveTree, Track
from sam2long.tracking.tracker import Tree
from sam2long.tree import Branch, Clock, History, Lineage, Node, ObjectTree, Pathway, TreeConfig

Json: TypeAlias = dict[str, Any]


@dataclass
class SessionEncoder:
    """Encodes objects as JSON; their tensors are collected in `tensors` by name, each of them once."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    _nodes: dict[int, int] = field(default_factory=dict)

    def track(self, track: Track) -> Json:
        """Encode an object."""
        return {
            "prompts": [{"frame": frame, **self._prompt(prompt)} for frame, prompt in track.prompts.items()],
            "conditionings": [
                {
                    "frame": frame,
                    "node": self._node(made.node),
                    "outcome": self._outcome(made.outcome),
                    "contradicts": made.contradicts,
                }
                for frame, made in track.conditionings.items()
            ],
            "live": None if track.live is None else self._live(track.live),
        }

    def _prompt(self, prompt: ObjectPrompt) -> Json:
        return {
            "mask": None if prompt.mask is None else run_lengths(prompt.mask),
            "rounds": [asdict(clicks) for clicks in prompt.rounds],
            "refines": self._tracked(prompt.refines),
            "replaces": self._tracked(prompt.replaces),
        }

    def _tracked(self, tracked: Tracked | None) -> Json | None:
        return None if tracked is None else {"logits": self._bytes(tracked.logits), "stride": tracked.stride}

    def _live(self, live: LiveTree) -> Json:
        tree = live.tree
        branches = [branch for level in tree.lineage.levels for branch in level]
        places = {id(branch): number for number, branch in enumerate(branches)}
        return {
            "stride": live.stride,
            "next_frame": live.next_frame,
            "pending": [[frame, time] for frame, time in live.pending.items()],
            "rooted": tree.rooted,
            "pathways": [
                {
                    "score": pathway.score,
                    "useful": [self._node(node) for node in pathway.history.useful],
                    "latest": self._node(pathway.history.latest) if pathway.history.latest else None,
                    "branch": places.get(id(pathway.branch)),
                }
                for pathway in tree.pathways
            ],
            "levels": [len(level) for level in tree.lineage.levels],
            "branches": [
                {
                    "frame": branch.frame,
                    "parent": places.get(id(branch.parent)),
                    "children": branch.children,
                    "outcome": self._outcome(branch.outcome),
                }
                for branch in branches
            ],
        }

    def _node(self, node: Node[EncodedMemory]) -> Json:
        # Pathways share nodes, and it matters which ones they share, so each node has one number.
        number = self._nodes.setdefault(id(node), len(self._nodes))
        name = f"node/{number}"
        self.tensors[f"{name}/map"] = node.payload.map
        self.tensors[f"{name}/pointer"] = node.payload.pointer
        return {"number": number, "frame": node.frame, "iou": node.iou, "object_score": node.object_score}

    def _outcome(self, outcome: Outcome) -> Json:
        packed = outcome.packed
        return {
            "logits": None if outcome.logits is None else self._tensor(outcome.logits),
            "iou": outcome.iou,
            "object_score": outcome.object_score,
            "disagreement": outcome.disagreement,
            "lead": outcome.lead if np.isfinite(outcome.lead) else None,
            "pointer": None if outcome.pointer is None else self._tensor(outcome.pointer),
            "packed": packed and {"mask": self._bytes(packed.mask), "logits": self._bytes(packed.logits)},
        }

    def _bytes(self, data: bytes) -> str:
        return self._tensor(torch.from_numpy(np.frombuffer(data, np.uint8).copy()))

    def _tensor(self, tensor: Tensor) -> str:
        name = f"tensor/{len(self.tensors)}"
        self.tensors[name] = tensor
        return name


@dataclass
class SessionDecoder:
    """Decodes objects that a `SessionEncoder` has encoded.

    Attributes:
        tensors: the encoder's tensors, by name.
        device: device for the decoded tensors.
        config: hyperparameters of the memory tree.
    """

    tensors: dict[str, Tensor]
    device: torch.device
    config: TreeConfig
    _nodes: dict[int, Node[EncodedMemory]] = field(default_factory=dict)

    def track(self, data: Json, clocks: dict[int, Clock]) -> Track:
        """Decode an object; `clocks` holds the clock of its live tree by stride."""
        track = Track({item["frame"]: self._prompt(item) for item in data["prompts"]})
        for item in data["conditionings"]:
            # Older files have no "contradicts"; in them no prompt did.
            track.conditionings[item["frame"]] = Conditioning(
                self._node(item["node"]), self._outcome(item["outcome"]), item.get("contradicts", False)
            )
        if data["live"] is not None:
            track.live = self._live(data["live"], clocks[data["live"]["stride"]], track)
        return track

    def _prompt(self, data: Json) -> ObjectPrompt:
        return ObjectPrompt(
            None if data["mask"] is None else coco.decode(data["mask"]).astype(bool),
            tuple(_clicks(item) for item in data["rounds"]),
            self._tracked(data["refines"]),
            # Older files have no "replaces".
            self._tracked(data.get("replaces")),
        )

    def _tracked(self, data: Json | None) -> Tracked | None:
        return None if data is None else Tracked(self._bytes(data["logits"]), data["stride"])

    def _live(self, data: Json, clock: Clock, track: Track) -> LiveTree:
        branches: list[Branch[Outcome]] = []
        for item in data["branches"]:
            parent = None if item["parent"] is None else branches[item["parent"]]
            branches.append(Branch(item["frame"], self._outcome(item["outcome"]), parent, item["children"]))
        levels, first = deque[list[Branch[Outcome]]](), 0
        for count in data["levels"]:
            levels.append(branches[first : first + count])
            first += count
        pathways = [
            Pathway(
                item["score"],
                History(
                    tuple(self._node(node) for node in item["useful"]),
                    self._node(item["latest"]) if item["latest"] else None,
                ),
                None if item["branch"] is None else branches[item["branch"]],
            )
            for item in data["pathways"]
        ]
        tree: Tree = ObjectTree(self.config, clock, track.nodes(), pathways, Lineage(levels), data["rooted"])
        return LiveTree(tree, data["stride"], data["next_frame"], dict(data["pending"]))

    def _node(self, data: Json) -> Node[EncodedMemory]:
        number = data["number"]
        if number not in self._nodes:
            memory, pointer = (self.tensors[f"node/{number}/{part}"].to(self.device) for part in ("map", "pointer"))
            self._nodes[number] = Node(data["frame"], data["iou"], data["object_score"], EncodedMemory(memory, pointer))
        return self._nodes[number]

    def _outcome(self, data: Json) -> Outcome:
        packed = data["packed"]
        lead = float("inf") if data["lead"] is None else data["lead"]
        return Outcome(
            self._tensor(data["logits"]),
            data["iou"],
            data["object_score"],
            data["disagreement"],
            lead,
            self._tensor(data["pointer"]),
            PackedMask(self._bytes(packed["mask"]), self._bytes(packed["logits"])) if packed else None,
        )

    def _tensor(self, name: str | None) -> Tensor | None:
        return None if name is None else self.tensors[name].to(self.device)

    def _bytes(self, name: str) -> bytes:
        return self.tensors[name].numpy().tobytes()


def _clicks(data: Json) -> Clicks:
    points = tuple((float(x), float(y)) for x, y in data["points"])
    x0, y0, x1, y1 = data["box"] or (0, 0, 0, 0)
    return Clicks(points, tuple(data["labels"]), (x0, y0, x1, y1) if data["box"] else None, data["replace"])
