"""Prints the lowest version of every dependency that pyproject.toml allows, as constraints for pip.

With the path of a pip it prints all that is installed there, for constraints-lowest.txt. `make lock-lowest` does both.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import tomllib
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
EXTRAS = ("report", "supervision", "test")
"""Without the rest of `dev`: tools, and Transformers, which asks for newer libraries than we do."""
HEAD = """\
# The lowest versions that pyproject.toml allows, and what they need (`make lock-lowest`; `make test-lowest`).
# torch is that of constraints.txt instead: a CPU build of it exists, where lower ones cost gigabytes of CUDA.
"""


def lowest() -> dict[str, str]:
    """Version by name, of everything that this Python wants, but for what that needs in turn."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(item for extra in EXTRAS for item in extras[extra])]
    pinned = re.search(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    asked = [item for item in map(Requirement, wanted) if item.marker is None or item.marker.evaluate()]
    return {**{item.name: next(iter(item.specifier)).version for item in asked}, "torch": pinned[1]}


def installed(pip: str) -> str:
    """What is installed beside a pip, as constraints."""
    words = [pip, "freeze", "--exclude-editable"]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    # "2.13.0+cpu" is only on the disk of some machine.
    return HEAD + re.sub(r"\+\S+$", "", done.stdout, flags=re.MULTILINE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(installed(sys.argv[1]), end="")
    else:
        print("\n".join(f"{name}=={version}" for name, version in lowest().items()))
