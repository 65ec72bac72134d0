"""What may not be read or written is told in one line before any work; root gives up its right to everything first."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    os.name != "posix" or (os.geteuid() == 0 and shutil.which("setpriv") is None),
    reason="needs the permissions of Linux or macOS, and setpriv if run by root",
)
LIKE_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")


@pytest.fixture
def place(clip: Path, tiny_model: Path) -> Iterator[Path]:
    """A folder that anybody may read and nobody may write, with a folder `open` in which they may."""
    folder = Path(tempfile.mkdtemp(prefix="permissions-"))
    shutil.copy(clip, folder / "clip.mp4")
    shutil.copy(clip, folder / "closed.mp4")
    shutil.copy(tiny_model, folder / "tiny.safetensors")
    (folder / "closed.mp4").chmod(0)
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def track(place: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `sam2long track WORDS...` there, without root's rights."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sam2long", "track", *words, "--quiet"]
        if os.geteuid() == 0:
            command = [*LIKE_ANYBODY, *command]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("closed.mp4", "--out", "open/run"), "closed.mp4 cannot be opened: Permission denied"),
        (("clip.mp4", "--out", "run"), "the output folder run cannot be written: Permission denied"),
        (
            ("clip.mp4", "--out", "open/run", "--session", "run.s2l"),
            "cannot save the session to run.s2l: Permission denied",
        ),
    ],
)
def test_one_line_and_nothing_written(
    place: Path, track: Callable[..., subprocess.CompletedProcess[str]], words: tuple[str, ...], said: str
) -> None:
    ended = track(*words, "--box", "4,16,20,32", "--model", "tiny.safetensors")
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [f"error: {said}"]
    assert not list((place / "open").iterdir())
