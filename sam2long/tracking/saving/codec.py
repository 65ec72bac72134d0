"""Encodes the objects of a session as JSON and tensors, and decodes them; results are stored separately."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pycocotools import mask as coco
from torch import Tensor

from sam2long.errors import PromptError
from sam2long.model.memory.encoded import EncodedMemory
from sam2long.model.sam2 import SAM2
from sam2long.results.convert import run_lengths
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tracking.frame.tracker import Tree
from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.prompts import Clicks, FrameSize, ObjectPrompt, Tracked, check_clicks
from sam2long.tracking.prompting.reference import Reference
from sam2long.tracking.storage.packing import PackedMask
from sam2long.tracking.style import ObjectStyle
from sam2long.tracking.track import FOREVER, LiveTree, Track
from sam2long.tree import Branch, Clock, History, Lineage, Node, ObjectTree, Pathway, TreeConfig

Json: TypeAlias = dict[str, Any]


@dataclass
class SessionEncoder:
    """Encodes objects as JSON; their tensors are collected in `tensors` by name, each of them once."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    _nodes: dict[int, int] = field(default_factory=dict)

    def track(self, track: Track) -> Json:
        """Encode an object."""
        references = [self._reference(reference) for reference in track.references]
        return {
            **({"references": references} if references else {}),
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

    def _reference(self, reference: Reference) -> Json:
        memories = [
            {"map": self._tensor(memory.spatial), "pointer": self._tensor(memory.pointer), "centre": list(centre)}
            for memory, centre in zip(reference.memories, reference.centres, strict=True)
        ]
        names = ("origin", "weights", "digest", "object_id")
        return {**{name: getattr(reference, name) for name in names}, "memories": memories}

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
            "agreed": tree.agreed,
            **{name: True for name in ("searching", "paused") if getattr(tree, name)},
            "pathways": [
                {
                    "score": pathway.score,
                    "useful": [self._node(node) for node in pathway.history.useful],
                    "latest": self._node(pathway.history.latest) if pathway.history.latest else None,
                    "branch": places.get(id(pathway.branch)),
                    **({"references": [self._node(n) for n in kept]} if (kept := pathway.history.references) else {}),
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
        # Version 1 files call it a map, whatever its shape.
        self.tensors[f"{name}/map"] = node.payload.spatial
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

    Raises ValueError, TypeError or LookupError for what does not fit together.

    Attributes:
        tensors: the encoder's tensors, by name.
        model: the network that the tensors belong to.
        size: height and width of the video.
        config: hyperparameters of the memory tree.
    """

    tensors: dict[str, Tensor]
    model: SAM2
    size: FrameSize
    config: TreeConfig
    _nodes: dict[int, Node[EncodedMemory]] = field(default_factory=dict)

    def track(self, data: Json, clocks: dict[int, Clock]) -> Track:
        """Decode an object; `clocks` holds the clock of its live tree by stride."""
        track = Track({whole(item["frame"]): self._prompt(item) for item in data["prompts"]})
        for item in data["conditionings"]:
            # Older files have no "contradicts"; in them no prompt did.
            track.conditionings[whole(item["frame"])] = Conditioning(
                self._node(item["node"]), self._outcome(item["outcome"]), bool(item.get("contradicts", False))
            )
        track.references = tuple(self._reference(item) for item in data.get("references", ()))
        if not (track.prompts or track.references) or not track.conditionings.keys() <= track.prompts.keys():
            raise ValueError("an object has neither a prompt nor a reference, or remembers a frame that has none")
        if data["live"] is not None:
            track.live = self._live(data["live"], clocks[data["live"]["stride"]], track)
        return track

    def _reference(self, data: Json) -> Reference:
        config = self.model.config
        memories, centres = [], []
        for item in data["memories"]:
            spatial = self._shaped(item["map"], *config.memory_shape)
            memories.append(EncodedMemory(spatial, self._shaped(item["pointer"], config.dim)))
            x, y = item["centre"]
            centres.append((real(x), real(y)))
        weights, origin, digest = (str(data[name]) for name in ("weights", "origin", "digest"))
        number = None if data["object_id"] is None else whole(data["object_id"])
        return Reference(tuple(memories), tuple(centres), weights, origin, digest, number)

    def _prompt(self, data: Json) -> ObjectPrompt:
        return ObjectPrompt(
            None if data["mask"] is None else self._mask(data["mask"]),
            tuple(self._clicks(item) for item in data["rounds"]),
            self._tracked(data["refines"]),
            # Older files have no "replaces".
            self._tracked(data.get("replaces")),
        )

    def _tracked(self, data: Json | None) -> Tracked | None:
        return None if data is None else Tracked(self._bytes(data["logits"]), whole(data["stride"], -FOREVER))

    def _mask(self, data: Json) -> npt.NDArray[np.bool_]:
        if tuple(data["size"]) != (self.size.height, self.size.width):
            raise ValueError(f"a mask of {data['size']}")
        mask: npt.NDArray[np.bool_] = coco.decode(data).astype(bool)
        return mask

    def _clicks(self, data: Json) -> Clicks:
        box = data["box"] or None
        try:
            return check_clicks(data["points"], data["labels"], box, self.size, "its clicks", bool(data["replace"]))
        except PromptError as error:
            raise ValueError(str(error)) from error

    def _live(self, data: Json, clock: Clock, track: Track) -> LiveTree:
        branches: list[Branch[Outcome]] = []
        for item in data["branches"]:
            parent = None if item["parent"] is None else branches[whole(item["parent"])]
            outcome, children = self._outcome(item["outcome"]), whole(item["children"])
            branches.append(Branch(whole(item["frame"]), outcome, parent, children))
        levels, first = deque[list[Branch[Outcome]]](), 0
        for count in data["levels"]:
            levels.append(branches[first : first + whole(count, 1)])
            first += count
        pathways = [
            Pathway(
                real(item["score"]),
                History(
                    tuple(self._node(node) for node in item["useful"]),
                    self._node(item["latest"]) if item["latest"] else None,
                    tuple(self._node(node) for node in item.get("references", ())),
                ),
                None if item["branch"] is None else branches[whole(item["branch"])],
            )
            for item in data["pathways"]
        ]
        pending = {whole(frame): real(time) for frame, time in data["pending"]}
        _check_tree(branches, levels, pathways, list(pending))
        rooted, agreed = bool(data["rooted"]), whole(data.get("agreed", 0))
        tree: Tree = ObjectTree(self.config, clock, track.nodes(), pathways, Lineage(levels), rooted, agreed)
        tree.searching, tree.paused = (bool(data.get(name, False)) for name in ("searching", "paused"))
        stride = whole(data["stride"], -FOREVER)
        if stride == 0:
            raise ValueError("a stride of 0")
        return LiveTree(tree, stride, whole(data["next_frame"], -FOREVER), pending)

    def _node(self, data: Json) -> Node[EncodedMemory]:
        number, config = whole(data["number"]), self.model.config
        if number not in self._nodes:
            memory = self._shaped(f"node/{number}/map", *config.memory_shape)
            remembered = EncodedMemory(memory, self._shaped(f"node/{number}/pointer", config.dim))
            scores = real(data["iou"]), real(data["object_score"])
            self._nodes[number] = Node(whole(data["frame"]), *scores, remembered)
        return self._nodes[number]

    def _outcome(self, data: Json) -> Outcome:
        packed, config = data["packed"], self.model.config
        if (data["logits"] is None) == (not packed):
            raise ValueError("an outcome without a mask, or with two")
        side = config.mask_size
        return Outcome(
            None if data["logits"] is None else self._shaped(data["logits"], side, side),
            real(data["iou"]),
            real(data["object_score"]),
            real(data["disagreement"]),
            float("inf") if data["lead"] is None else real(data["lead"]),
            None if data["pointer"] is None else self._shaped(data["pointer"], config.dim),
            PackedMask(self._bytes(packed["mask"]), self._bytes(packed["logits"])) if packed else None,
        )

    def _shaped(self, name: str, *shape: int) -> Tensor:
        tensor = self.tensors[name]
        if tensor.shape != shape or not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} is {tensor.dtype} {list(tensor.shape)}, or not finite")
        return tensor.to(self.model.device)

    def _bytes(self, name: str) -> bytes:
        return self.tensors[name].numpy().tobytes()


def _check_tree(
    branches: list[Branch[Outcome]],
    levels: deque[list[Branch[Outcome]]],
    pathways: list[Pathway[EncodedMemory, Outcome]],
    pending: list[int],
) -> None:
    """Raise ValueError unless levels, parents, children and pathways fit together as `ObjectTree` leaves them."""
    if not pathways or [branch for level in levels for branch in level] != branches:
        raise ValueError("a tree without pathways, or with branches on no level")
    if [level[0].frame for level in levels] != pending or any(
        branch.frame != level[0].frame for level in levels for branch in level
    ):
        raise ValueError("frames of branches that are not those that wait")
    for above, level in zip([None, *levels], levels):
        if any((branch.parent is None) if above else (branch.parent is not None) for branch in level):
            raise ValueError("a branch without a parent, or above the first")
        if above and any(branch.parent not in above for branch in level):
            raise ValueError("a branch whose parent is on another frame")
        for parent in above or ():
            if parent.children != sum(branch.parent is parent for branch in level):
                raise ValueError("a branch with a wrong number of children")
    newest = levels[-1] if levels else []
    if any(branch.children for branch in newest) or any(
        pathway.branch is not None and pathway.branch not in newest for pathway in pathways
    ):
        raise ValueError("a pathway that does not stand on the newest frame")
    if levels and any(pathway.branch is None for pathway in pathways):
        raise ValueError("a pathway that stands nowhere")


def style_of(data: Json) -> ObjectStyle:
    """Decode an object's style; raises ValueError if it is none."""
    try:
        return ObjectStyle(data["name"], tuple(data["colour"]), data["hidden"], data["locked"])
    except PromptError as error:
        raise ValueError(str(error)) from error


def whole(value: object, least: int = 0) -> int:
    """Return a frame, a number or a count; raises ValueError if it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= FOREVER:
        raise ValueError(f"{value!r} is not a whole number from {least}")
    return value


def real(value: object) -> float:
    """Return a finite number; raises ValueError if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(float(value)):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)
