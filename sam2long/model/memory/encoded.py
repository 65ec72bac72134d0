"""What later frames attend to; the tree and the tracker need not know whether it is a map or tokens."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class EncodedMemory:
    """The memory of one object on one frame.

    Attributes:
        spatial: `SAM2Config.memory_shape`, a map or tokens; only the network looks inside. Empty if the frame is too
            far back to be attended to in space.
        pointer: object pointer, [dim].
    """

    spatial: Tensor
    pointer: Tensor

    @classmethod
    def pointer_only(cls, pointer: Tensor) -> EncodedMemory:
        """Return the memory of a frame of which only the pointer is needed."""
        return cls(pointer.new_empty(0), pointer)

    @property
    def has_spatial(self) -> bool:
        """Whether there is more than the pointer."""
        return self.spatial.numel() > 0
