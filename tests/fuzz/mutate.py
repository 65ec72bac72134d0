"""Damage to bytes, JSON values and words, drawn from a `random.Random`, so that a seed gives the same again."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

ODD_BYTES = (
    b"\0",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff" * 8,
    b"\0" * 8,
    b"%s%n",
    b"\r\n",
    b"\xef\xbb\xbf",
)
ODD_NUMBERS = (
    "0", "-0", "1", "-1", "2", "3", "1.5", "0.1", "-0.5", "255", "256", "65536", "2147483647", "2147483648",
    "-2147483649", "9223372036854775808", "1e3", "1e308", "1e309", "-1e309", "nan", "inf", "-inf", "1_000",
    "0x10", "0b1", "١٢", "1e-320", "00012", "+5", "1,", ",1", "1.", ".5", ".", "-", "e",
)  # fmt: skip
ODD_WORDS = (
    "",
    " ",
    "#",
    "@",
    "@@1",
    "#1#2",
    "@1@2",
    "\n",
    "a\nb",
    "\x1b[31mred",
    "\u2028",
    "ü" * 300,
    "a/" * 200,
    "x" * 300,
    "\udcff",
    "{}",
    "%s",
    "--",
    "-",
    "-1",
    "..",
    ".",
    "/",
    "/dev/null",
    "~",
    "~nobody/x",
    "*",
    "[",
    "**",
    "CON",
    "file:///etc/passwd",
    "http://127.0.0.1:9/x.mp4",
    "pipe:0",
)
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 300, 10**9, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf"),
    "", "x", "0", "\udcff", "a\nb", "../../x", "x" * 1000, [], {}, [[]], [0], [None], {"x": 1}, [[[[[[1]]]]]],
)  # fmt: skip


def mutate(draw: Random, data: bytes, other: bytes = b"") -> bytes:
    """Damage a few places of a file; `other` is one to splice parts of."""
    changes: list[Callable[[Random, bytes], bytes]] = [_flip, _flip, _overwrite, _overwrite, _zero, _drop, _repeat]
    if other:
        changes.append(lambda draw, data: _splice(draw, data, other))
    if draw.random() < 0.15:
        return truncate(draw, data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        data = draw.choice(changes)(draw, data)
    return data


def truncate(draw: Random, data: bytes) -> bytes:
    """Cut a file off, often near one of its ends."""
    cut = draw.choice((draw.randrange(len(data) + 1), draw.randrange(min(64, len(data) + 1))))
    return data[: draw.choice((cut, len(data) - cut))]


def _place(draw: Random, data: bytes) -> int:
    """Headers lie at the ends of files."""
    inside = draw.randrange(len(data) + 1)
    return draw.choice((inside, inside, min(inside % 256, len(data)), max(0, len(data) - inside % 1024)))


def _flip(draw: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 3, 10))):
        if changed:
            changed[min(_place(draw, data), len(data) - 1)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _overwrite(draw: Random, data: bytes) -> bytes:
    at, odd = _place(draw, data), draw.choice((*ODD_BYTES, draw.randbytes(draw.randrange(1, 40))))
    return data[:at] + odd + data[at + len(odd) :]


def _zero(draw: Random, data: bytes) -> bytes:
    at, length = _place(draw, data), draw.choice((4, 64, 1024))
    return data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]


def _drop(draw: Random, data: bytes) -> bytes:
    at = _place(draw, data)
    return data[:at] + data[at + draw.choice((1, 4, 100, 2000)) :]


def _repeat(draw: Random, data: bytes) -> bytes:
    at, length = _place(draw, data), draw.choice((1, 4, 100, 2000))
    return data[: at + length] + data[at:]


def _splice(draw: Random, data: bytes, other: bytes) -> bytes:
    at, begin = _place(draw, data), _place(draw, other)
    length = draw.choice((16, 300, 5000))
    return data[:at] + other[begin : begin + length] + data[at + draw.choice((0, length)) :]


def odd_number(draw: Random) -> str:
    """A word where a number is expected."""
    return draw.choice((*ODD_NUMBERS, str(draw.randrange(-5, 70)), f"{draw.uniform(-5, 70):.3f}"))


def mutate_words(draw: Random, text: str) -> str:
    """Change a word of the command line: a few characters, or a number in it."""
    kind = draw.randrange(5)
    at = draw.randrange(len(text) + 1)
    if kind == 0:
        return draw.choice(ODD_WORDS)
    if kind == 1:
        return text[:at] + draw.choice("@#,.-+e0123456789 \n\t'\"/\\ü٣") + text[at:]
    if kind == 2:
        return text[:at] + text[at + 1 :]
    if kind == 3:
        parts = text.split(",")
        parts[draw.randrange(len(parts))] = odd_number(draw)
        return ",".join(parts)
    return text + draw.choice("@#") + odd_number(draw)


def mutate_value(draw: Random, value: Any, changes: int = 1) -> Any:
    """Change something somewhere in a JSON value."""
    value = copy.deepcopy(value)
    for _ in range(changes):
        value = _change(draw, value)
    return value


def _change(draw: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and draw.random() < 0.85:
        key = draw.choice(sorted(value))
        kind = draw.random()
        if kind < 0.12:
            del value[key]
        elif kind < 0.2:
            value[draw.choice((key + "x", key.upper(), "", "x"))] = value.pop(key)
        else:
            value[key] = _change(draw, value[key])
        return value
    if isinstance(value, list) and value and draw.random() < 0.85:
        at = draw.randrange(len(value))
        kind = draw.random()
        if kind < 0.12:
            del value[at]
        elif kind < 0.25:
            value.insert(at, copy.deepcopy(value[at]))
        else:
            value[at] = _change(draw, value[at])
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and draw.random() < 0.4:
        return value + draw.choice((-1, 1, 0.5, 1000, -1000))
    return copy.deepcopy(draw.choice(ODD_VALUES))


def dump(value: Any) -> bytes:
    """JSON with whatever Python's writer lets pass, lone surrogates included."""
    return json.dumps(value).encode()


def mutate_json(draw: Random, data: bytes) -> bytes:
    """Change the bytes of a JSON file, or a value in it."""
    kind = draw.random()
    if kind < 0.2:
        return mutate(draw, data)
    if kind < 0.25:
        return draw.choice(
            (b"", b"[" * 100_000, b"9" * 5000, b"\xff\xfe{\0}\0", b'{"prompts": [], "prompts": []}', b"\0")
        )
    return dump(mutate_value(draw, json.loads(data), draw.choice((1, 1, 2, 3))))


def mutate_zip(draw: Random, source: Path, target: Path, changes: dict[str, Callable[[Random, bytes], bytes]]) -> None:
    """Change, drop, repeat or rename one member of a zip; `changes` says how by the end of its name."""
    with zipfile.ZipFile(source) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    at = draw.randrange(len(members))
    name, data = members[at]
    kind = draw.random()
    if kind < 0.1:
        del members[at]
    elif kind < 0.15:
        members[at] = draw.choice((name + "x", "../" + name, "")), data
    else:
        change = next((change for end, change in changes.items() if name.endswith(end)), mutate)
        members[at] = name, change(draw, data)
    with zipfile.ZipFile(target, "w") as file:
        for name, data in members:
            file.writestr(name or "x", data, draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def rewrite(source: Path, target: Path, member: str, change: Callable[[Any], Any]) -> None:
    """Copy a zip with one JSON member changed."""
    with zipfile.ZipFile(source) as file, zipfile.ZipFile(target, "w") as changed:
        for name in file.namelist():
            data = file.read(name)
            changed.writestr(name, dump(change(json.loads(data))) if name == member else data)
