"""The commands of the guides run as they are, one after the other, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# they wait for a user
INTERACTIVE = ("sam2long studio",)


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of every block of a page; commands have no language."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="commands of a Unix shell")
@pytest.mark.parametrize(
    ("page", "files"),
    [
        ("annotator", ["final/cvat.xml", "final/yolo/data.yaml", "final/yolo/images/00011.jpg", "final/overlay.mp4"]),
        ("biologist", ["cell/measurements.csv", "cell/contours.geojson", "cell/contours/00011.svg"]),
        ("rotoscoper", ["delivery/alpha.mov", "delivery/mattes/001.mkv", "delivery/exr/00011.exr", "web/alpha.webm"]),
    ],
)
def test_a_guide_runs(tmp_path: Path, page: str, files: list[str]) -> None:
    paths = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for language, text in blocks(ROOT / "docs" / "guides" / f"{page}.md"):
        if not text.startswith(INTERACTIVE) and shutil.which(text.split()[0], path=paths["PATH"]):
            words = [sys.executable, "-c", text] if language == "python" else ["bash", "-euo", "pipefail", "-c", text]
            done = subprocess.run(
                words, cwd=tmp_path, env=os.environ | paths, capture_output=True, check=False, encoding="utf-8"
            )
            assert done.returncode == 0, f"{text}\n{done.stderr}"
    assert [name for name in files if not (tmp_path / name).exists()] == []
