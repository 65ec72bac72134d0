"""The state of one object in a session: its prompts, which of its results are up to date, and its live tree."""

from __future__ import annotations

from dataclasses import dataclass, field

from sam2long.model.memory.encoded import EncodedMemory
from sam2long.tracking.frame.tracker import Tree
from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.prompts import ObjectPrompt
from sam2long.tracking.prompting.reference import Reference
from sam2long.tree import Node

FOREVER = 2**62
"""A frame number beyond the end of any video."""


@dataclass(frozen=True)
class Cut:
    """The span of results that an edit made outdated, or that an undo hides.

    Attributes:
        layer: number of the edit; results of this layer and later ones are up to date.
        sign: 1 for forward results, -1 for backward ones.
        first: first frame of the span.
        last: last frame of the span, inclusive.
        since: results of earlier layers are not touched.
        undone: whether it hides what was tracked while an edit held that is undone now.
    """

    layer: int
    sign: int
    first: int
    last: int
    since: int = 0
    undone: bool = False

    def hits(self, layer: int, frame: int, stride: int) -> bool:
        """Whether this cut hides a result."""
        return self.since <= layer < self.layer and stride * self.sign > 0 and self.first <= frame <= self.last


@dataclass
class LiveTree:
    """An object's tree as it was when tracking stopped; it can continue from there.

    Attributes:
        tree: the memory tree.
        stride: of the propagation, negative when going backward.
        next_frame: the frame that the tree would visit next.
        pending: visited frames that are not decided yet, with their times in seconds.
    """

    tree: Tree
    stride: int
    next_frame: int
    pending: dict[int, float] = field(default_factory=dict)

    @property
    def sign(self) -> int:
        """1 when going forward, -1 backward."""
        return 1 if self.stride > 0 else -1

    def touches(self, cut: Cut) -> bool:
        """Whether a cut makes the tree outdated: its span has a pending frame or the one just before `next_frame`."""
        visited = (self.next_frame - self.sign, *self.pending)
        return self.sign == cut.sign and any(cut.first <= frame <= cut.last for frame in visited)


@dataclass
class Track:
    """The state of one object.

    Attributes:
        prompts: by frame.
        conditionings: conditioning frames of the prompts, by frame; computed when first needed.
        cuts: spans of outdated results, oldest first.
        live: its tree where tracking stopped last, or None if that cannot continue.
        born: layer of its first prompt; earlier results with its id are of an object that was removed.
        references: memories of it from elsewhere, by which it is found where no prompt comes before.
    """

    prompts: dict[int, ObjectPrompt] = field(default_factory=dict)
    conditionings: dict[int, Conditioning] = field(default_factory=dict)
    cuts: list[Cut] = field(default_factory=list)
    live: LiveTree | None = None
    born: int = 0
    references: tuple[Reference, ...] = ()

    def has_entered(self, frame: int, sign: int) -> bool:
        """Whether it is followed on a frame: from its first prompt in the direction of the visit, or by references."""
        return bool(self.references) or any((frame - prompted) * sign >= 0 for prompted in self.prompts)

    def stands(self, layer: int, frame: int, stride: int) -> bool:
        """Whether a result is up to date."""
        return not any(cut.hits(layer, frame, stride) for cut in self.cuts)

    def visited(self, layer: int, frame: int, stride: int) -> bool:
        """Whether a result, up to date or outdated, is of this object with edits that are not undone."""
        return layer >= self.born and not any(cut.undone and cut.hits(layer, frame, stride) for cut in self.cuts)

    def span_of(self, frame: int, sign: int, layer: int) -> Cut:
        """The results of one direction that depend on a prompt on `frame`: from it to just before the next prompt.

        If neither a prompt nor a reference comes before it in that direction, the frames before it are included.
        """
        kept = bool(self.references)
        others = [other for other in self.prompts if other != frame]
        ahead = [other for other in others if (other - frame) * sign > 0]
        behind = [other for other in others if (other - frame) * sign < 0]
        if sign > 0:
            return Cut(layer, sign, frame if behind or kept else 0, min(ahead) - 1 if ahead else FOREVER)
        return Cut(layer, sign, max(ahead) + 1 if ahead else 0, frame if behind or kept else FOREVER)

    def nodes(self) -> list[Node[EncodedMemory]]:
        """Nodes of the conditioning frames computed so far, by frame number."""
        return [self.conditionings[frame].node for frame in sorted(self.conditionings)]
