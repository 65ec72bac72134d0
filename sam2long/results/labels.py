"""What objects are called in files that ask for the name of a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CLASS = "object"
"""Class of objects without a name."""


@dataclass(frozen=True)
class Labels:
    """Names of objects; those of the same name are of one class.

    Attributes:
        names: names by object id, of the objects that have one.
    """

    names: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Names from JSON may hold half of a surrogate pair, which no file can.
        whole = {object_id: name.encode("utf-8", "replace").decode("utf-8") for object_id, name in self.names.items()}
        object.__setattr__(self, "names", whole)

    def of(self, object_id: int) -> str:
        """Name of an object, or "object"."""
        return self.names.get(object_id, CLASS)

    def classes(self, object_ids: Iterable[int]) -> list[str]:
        """Distinct names in the order of the object ids."""
        return list(dict.fromkeys(self.of(object_id) for object_id in sorted(object_ids)))
