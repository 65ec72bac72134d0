"""What the pages promise about the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sam2long
from sam2long import compat
from sam2long.results import writers

ROOT = Path(__file__).parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
    *(ROOT / "examples").glob("*.md"),
]
GENERATED = {"benchmarks.md", "examples.md", "changelog.md", "contributing.md", "command-line.md"}


def test_every_public_name_is_on_the_api_page() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^::: sam2long\.(?:[\w.]+\.)?(\w+)$", page, re.MULTILINE))
    public = {*sam2long.__all__, *compat.__all__, "open_writers", "WriterSet"} - {"__version__"}
    assert public <= shown
    assert set(writers.__all__) >= {"open_writers", "WriterSet"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
        assert (page.parent / target).exists() or target in GENERATED, f"{page.name}: {target}"
