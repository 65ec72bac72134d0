"""Reads the fields of the page's messages; whatever is wrong is a MessageError in plain words."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from sam2long.errors import UserError

MOST_BYTES = 4 * 2**20
"""Maximum length of a text message."""

_MOST_ID = 2**53

Message = dict[str, Any]


class MessageError(UserError):
    """A message of the page that is not valid, or asks for what cannot be done now."""


def parse(text: str) -> Message:
    """Parse a message: a JSON object with a `type`.

    Raises:
        MessageError: it is none.
    """
    try:
        message = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MessageError("the message is not valid JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise MessageError("a message must be a JSON object with a type")
    number = message.get("id")
    if number is not None and (type(number) is not int or abs(number) > _MOST_ID):
        raise MessageError("the id of a message must be a whole number")
    return message


class Fields:
    """The fields of one message.

    Methods raise MessageError if a field is missing or not valid.
    """

    def __init__(self, message: Message) -> None:
        self._message = message

    def has(self, name: str) -> bool:
        """Whether a field is given and not null."""
        return self._message.get(name) is not None

    def whole(self, name: str, most: int, least: int = 0) -> int:
        """A whole number from `least` to `most`."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise MessageError(f"{name} must be a whole number from {least} to {most}")
        return value

    def real(self, name: str) -> float:
        """A finite number."""
        return _real(self._get(name), name)

    def reals(self, name: str, count: int) -> list[float]:
        """A list of so many finite numbers."""
        values = self._get(name)
        if not isinstance(values, list) or len(values) != count:
            raise MessageError(f"{name} must be a list of {count} numbers")
        return [_real(value, name) for value in values]

    def wholes(self, name: str) -> list[int]:
        """A list of whole numbers, 0 or more."""
        values = self._get(name)
        if not isinstance(values, list) or not all(type(value) is int and value >= 0 for value in values):
            raise MessageError(f"{name} must be a list of whole numbers")
        return values

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise MessageError(f"{name} must be true or false")
        return value

    def text(self, name: str) -> str:
        """Text."""
        value = self._get(name)
        if not isinstance(value, str):
            raise MessageError(f"{name} must be text")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self._get(name)
        if value not in allowed:
            raise MessageError(f"{name} must be one of: {', '.join(allowed)}")
        return str(value)

    def some_of(self, name: str, allowed: tuple[str, ...]) -> list[str]:
        """A list of at least one of a few words, each once."""
        values = self._get(name)
        if not isinstance(values, list) or not values or any(value not in allowed for value in values):
            raise MessageError(f"{name} must be a list of some of: {', '.join(allowed)}")
        return list(dict.fromkeys(values))

    def colour(self, name: str) -> tuple[int, int, int]:
        """A colour, "#rrggbb"."""
        value = self._get(name)
        if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise MessageError(f"{name} must be a colour such as #20a0ff")
        red, green, blue = (int(value[place : place + 2], 16) for place in (1, 3, 5))
        return red, green, blue

    def _get(self, name: str) -> Any:
        if not self.has(name):
            raise MessageError(f"{name} is missing")
        return self._message[name]


def _real(value: Any, name: str) -> float:
    # Huge whole numbers have no float.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e9 or not math.isfinite(value):
        raise MessageError(f"{name} must be a number")
    return float(value)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
