"""The guide to a relative of one's own, followed to the letter, and the example that it points to."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sam2long.errors import ConfigError
from sam2long.model.trunk_config import TRUNKS
from sam2long.model.trunks import _BUILDERS, build_trunk, register_trunk

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trunks(monkeypatch):
    monkeypatch.setattr("sam2long.model.trunks._BUILDERS", dict(_BUILDERS))
    before = dict(TRUNKS)
    yield
    TRUNKS.clear()
    TRUNKS.update(before)


def test_the_guide(trunks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "own-relative.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    names = {"__name__": "guide"}
    sys.modules["guide"] = type(sys)("guide")  # dataclasses look their module up
    try:
        exec(compile("\n".join(blocks), "docs/own-relative.md", "exec"), names)
    finally:
        del sys.modules["guide"]
    assert names["session"].model.config == names["config"]
    assert [result.frame for result in names["results"]] == [0, 1, 2, 3]
    assert all(result.masks[1].shape == (96, 128) for result in names["results"])


@pytest.mark.slow
def test_the_example(tmp_path):
    command = [sys.executable, "examples/own_relative.py", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "toy: 40 frames, image size 256\n"


def test_a_name_belongs_to_one_trunk(trunks):
    with pytest.raises(ConfigError, match="already a trunk called 'hiera'"):
        register_trunk("hiera", int, int)
    with pytest.raises(ConfigError, match="no trunk is registered for int"):
        build_trunk(3)
