"""What a session knows of one object: its prompts, which of its results still stand, and where its tree is."""

from __future__ import annotations

from dataclasses import dataclass, field

from sam2long.tracking.outcome import EncodedMemory
from sam2long.tracking.prompting.conditioning import Conditioning
from sam2long.tracking.prompting.prompts import ObjectPrompt
from sam2long.tracking.tracker import Tree
from sam2long.tree import Node

FOREVER = 2**62
"""Past the last frame of any video."""


@dataclass(frozen=True)
class Cut:
    """An edit made the results of a span outdated.

    Attributes:
        layer: number of the edit; results of this and later layers stand.
        sign: 1 for results of going forward, -1 for backward.
        first: first frame of the span.
        last: last frame of the span, inclusive.
    """

    layer: int
    sign: int
    first: int
    last: int

    def hits(self, layer: int, frame: int, stride: int) -> bool:
        """Whether a result is outdated by this edit."""
        return layer < self.layer and stride * self.sign > 0 and self.first <= frame <= self.last


@dataclass
class LiveTree:
    """A tree that stopped somewhere and can go on from there.

    Attributes:
        tree: the pathways.
        stride: of the propagation, negative when going backward.
        next_frame: the frame it would visit next.
        pending: times in seconds of the frames visited but not decided yet, by frame.
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
        """Whether the tree has taken in, or would begin inside, what a cut makes outdated."""
        taken = (self.next_frame - self.sign, *self.pending)
        return self.sign == cut.sign and any(cut.first <= frame <= cut.last for frame in taken)


@dataclass
class Track:
    """One object.

    Attributes:
        prompts: by frame.
        conditionings: what became of the prompts, by frame; made when first needed.
        cuts: edits that made results outdated, oldest first.
        live: the tree where it stopped last, if it can go on.
    """

    prompts: dict[int, ObjectPrompt] = field(default_factory=dict)
    conditionings: dict[int, Conditioning] = field(default_factory=dict)
    cuts: list[Cut] = field(default_factory=list)
    live: LiveTree | None = None

    def entry(self, sign: int) -> int:
        """The first prompted frame in the direction of the visit."""
        return min(self.prompts) if sign > 0 else max(self.prompts)

    def stands(self, layer: int, frame: int, stride: int) -> bool:
        """Whether a result is up to date."""
        return not any(cut.hits(layer, frame, stride) for cut in self.cuts)

    def span_of(self, frame: int, sign: int, layer: int) -> Cut:
        """What depends on a prompt on `frame` in one direction: from it to just before the next prompt there.

        Without an earlier prompt it is also what lies on the other side.
        """
        others = [other for other in self.prompts if other != frame]
        ahead = [other for other in others if (other - frame) * sign > 0]
        behind = [other for other in others if (other - frame) * sign < 0]
        if sign > 0:
            return Cut(layer, sign, frame if behind else 0, min(ahead) - 1 if ahead else FOREVER)
        return Cut(layer, sign, max(ahead) + 1 if ahead else 0, frame if behind else FOREVER)

    def nodes(self) -> list[Node[EncodedMemory]]:
        """What the prompts are remembered by, as far as they have been looked at, in the order of their frames."""
        return [self.conditionings[frame].node for frame in sorted(self.conditionings)]
