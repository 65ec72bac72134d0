"""Run every example and the notebook, as CI does; stops at the first that fails."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
NO_EXAMPLES = ("common.py", "run_all.py")


def main() -> None:
    """Run the scripts in processes of their own, then the notebook in a kernel."""
    for script in sorted(HERE.glob("*.py")):
        if script.name not in NO_EXAMPLES:
            print(f"== {script.name}", flush=True)
            with tempfile.TemporaryDirectory() as out:
                subprocess.run([sys.executable, script, "--out", out], check=True)
    for notebook in sorted(HERE.glob("*.ipynb")):
        print(f"== {notebook.name}", flush=True)
        cells = nbformat.read(notebook, as_version=4)
        NotebookClient(cells, timeout=600, resources={"metadata": {"path": str(HERE)}}).execute()


if __name__ == "__main__":
    main()
