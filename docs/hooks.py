"""Pages of the site that are written elsewhere: the command line's own help, and files that lie beside `docs/`."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
BESIDE = {
    "benchmarks.md": "benchmarks/README.md",
    "examples.md": "examples/README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that have no file in `docs/`."""
    for page, file in BESIDE.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_site_links(text, ROOT / file, config["repo_url"])))
    files.append(File.generated(config, "command-line.md", content=_command_line()))
    for picture in (ROOT / "benchmarks").glob("*.png"):
        files.append(File.generated(config, picture.name, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links to files beside `docs/` into links of the site, or of the repository."""
    source = page.file.abs_src_path
    return _site_links(markdown, Path(source), config["repo_url"]) if source else markdown


def _site_links(text: str, source: Path, repository: str) -> str:
    pages = {(ROOT / file).resolve(): page for page, file in BESIDE.items()}

    def replaced(link: re.Match[str]) -> str:
        target, anchor = (source.parent / link[1]).resolve(), link[2] or ""
        if target in pages:
            return f"]({pages[target]}{anchor})"
        if (ROOT / "docs") in target.parents:
            return f"]({target.relative_to(ROOT / 'docs').as_posix()}{anchor})"
        if target.suffix == ".png" or not target.exists():
            return link[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"]({repository}/{kind}/main/{target.relative_to(ROOT).as_posix()}{anchor})"

    return LINK.sub(replaced, text)


def _command_line() -> str:
    """The help of every command, as typer writes it."""
    command = [sys.executable, "-m", "typer", "sam2long.cli.app", "utils", "docs", "--name", "sam2long"]
    text = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", cwd=ROOT).stdout
    return "# The command line\n\n" + html.unescape(text).split("\n", 1)[1].replace("<", "&lt;")
