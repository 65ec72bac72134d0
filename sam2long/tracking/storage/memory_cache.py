"""Keeps the memories that were encoded anew from stored results, as corrections of one frame need them repeatedly."""

from __future__ import annotations

from collections import OrderedDict

from sam2long.model.memory.encoded import EncodedMemory

_KEPT = 32
"""Number of memories that are kept; each has up to 1 MB."""


class MemoryCache:
    """Encoded memories by the serial number of their result, `StoredResult.written`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, EncodedMemory] = OrderedDict()

    def get(self, written: int) -> EncodedMemory | None:
        """The memory of a result, or None if it is not kept."""
        if written in self._kept:
            self._kept.move_to_end(written)
        return self._kept.get(written)

    def keep(self, written: int, memory: EncodedMemory) -> None:
        """Keep a memory; the least recently used ones are dropped."""
        self._kept[written] = memory
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
