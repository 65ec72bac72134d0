"""The lowest versions that pyproject.toml allows are those that `make test-lowest` tries."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def script() -> ModuleType:
    if sys.version_info < (3, 11):
        pytest.skip("reads TOML, which takes Python 3.11")
    spec = importlib.util.spec_from_file_location("lowest", ROOT / ".ci" / "lowest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def padded(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in version.split(".")]
    return (*numbers, *[0] * (4 - len(numbers)))


def test_the_committed_set_has_the_lower_bounds(script: ModuleType) -> None:
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    listed = dict(line.split("==") for line in lines if not line.startswith("#"))
    found = {plain(name): version for name, version in listed.items()}
    wanted = {plain(name): version for name, version in script.lowest().items()}
    assert {name: padded(found[name]) for name in wanted} == {name: padded(version) for name, version in wanted.items()}
    assert script.HEAD.splitlines() == lines[: len(script.HEAD.splitlines())]
