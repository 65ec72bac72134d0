"""Text files are read and written as UTF-8, whatever the system's own encoding is (Windows: not UTF-8)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("sam2long", "tests", "benchmarks", "examples")

_NO_FILES = {"context", "codec_context"}
"""Names of things with an `open()` that opens no file."""


def calls_without_encoding(text: str) -> Iterator[ast.Call]:
    """Calls that read or write text and leave the encoding to the system."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and not any(word.arg == "encoding" for word in node.keywords):
            mode = _text_mode(node)
            if mode is not None and re.fullmatch(r"[rwax]?t?\+?", mode):
                yield node


def _text_mode(call: ast.Call) -> str | None:
    """The mode that a call opens a file in, "" if it names none; None if it opens no file of ours."""
    function, method = call.func, isinstance(call.func, ast.Attribute)
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in ("read_text", "write_text"):
        # `Path.write_text`; a function of that name takes care of it itself.
        return "" if method else None
    if name not in ("open", "fdopen", "NamedTemporaryFile", "TemporaryFile"):
        return None
    if method and name == "open":
        owner = getattr(function, "value", None)
        return None if getattr(owner, "id", getattr(owner, "attr", "")) in _NO_FILES else _literal(call, 0)
    return _literal(call, 1 if name in ("open", "fdopen") else 0)


def _literal(call: ast.Call, place: int) -> str | None:
    named = [word.value for word in call.keywords if word.arg == "mode"]
    value = named[0] if named else call.args[place] if len(call.args) > place else None
    if value is None:
        # `Path.open()` and `open(path)` read text.
        return "" if len(call.args) == place else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def test_every_text_file_names_its_encoding() -> None:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in files
        for call in calls_without_encoding(path.read_text(encoding="utf-8"))
    ]
    assert files and not found, f'add encoding="utf-8" at {", ".join(found)}'


@pytest.mark.parametrize(
    ("line", "wanting"),
    [
        ("path.read_text()", True),
        ("path.write_text('x')", True),
        ("path.write_text('x', encoding='utf-8')", False),
        ("write_text(path, 'x')", False),
        ("path.open('a')", True),
        ("path.open()", True),
        ("path.open(mode='w', newline='')", True),
        ("path.open('rb')", False),
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("open(path, 'wb')", False),
        ("archive.open('name.npy', 'w')", False),
        ("Image.open(path)", False),
        ("Session.open(path, model)", False),
        ("context.open()", False),
        ("os.fdopen(number, 'w')", True),
    ],
)
def test_what_counts(line: str, wanting: bool) -> None:
    assert len(list(calls_without_encoding(line))) == wanting
