"""How an object is named and shown; it has no influence on tracking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sam2long.errors import PromptError
from sam2long.results.palette import bright_colour

MOST_NAME = 200
"""Maximum number of characters in a name."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class ObjectStyle:
    """Name and look of an object.

    Attributes:
        name: up to 200 characters.
        colour: (red, green, blue), each 0..255.
        hidden: whether a viewer should hide it.
        locked: whether an editor should refuse to change it.

    Raises:
        PromptError: the name is empty or too long, or the colour is not valid.
    """

    name: str
    colour: Colour
    hidden: bool = False
    locked: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or len(self.name) > MOST_NAME:
            raise PromptError(f"an object's name must have 1 to {MOST_NAME} characters")
        if len(self.colour) != 3 or not all(type(part) is int and 0 <= part <= 255 for part in self.colour):
            raise PromptError(f"{self.colour!r} is not a valid colour; use (red, green, blue), each 0 to 255")
        if not (isinstance(self.hidden, bool) and isinstance(self.locked, bool)):
            raise PromptError("hidden and locked must be True or False")


def default_style(object_id: int) -> ObjectStyle:
    """The style of an object that was given none: "object 3", in its bright palette colour."""
    red, green, blue = (int(part) for part in bright_colour(object_id))
    return ObjectStyle(f"object {object_id}", (red, green, blue))


def given_names(names: Mapping[int, str]) -> dict[int, str]:
    """Leave out, of names by object id, those that objects have by default."""
    return {object_id: name for object_id, name in names.items() if name != default_style(object_id).name}
