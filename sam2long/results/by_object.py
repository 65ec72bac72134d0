"""A mapping by object id whose values are computed on each look-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ByObject(Mapping[int, T], Generic[T]):
    """Read-only mapping for values too large to hold for all objects at once; each look-up computes its value anew."""

    def __init__(self, makers: Mapping[int, Callable[[], T]]) -> None:
        self._makers = dict(makers)

    def __getitem__(self, object_id: int) -> T:
        return self._makers[object_id]()

    def __iter__(self) -> Iterator[int]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, object_id: object) -> bool:
        return object_id in self._makers

    def __repr__(self) -> str:
        return f"<values of objects {', '.join(map(str, self._makers))}>"
