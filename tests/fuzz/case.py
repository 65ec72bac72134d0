"""One case: a command line, the files it finds, and what must hold when it has ended."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from PIL import Image

RESULTS = {"masks", "objects", "overlay.mp4", "coco.json", "ytvis.json", "masks.npz", "trace.csv", "summary.json"}
LEFT_BY_THE_DEAD = {".sam2long-lock", ".sam2long-unfinished"}
"""Of earlier runs, which a later one may remove."""
_KEPT = re.compile(r"\d+ frames?, up to frame \d+, kept in ")
_LIBTIFF = re.compile(r"(TIFF\w+|_TIFF\w+|MissingRequired|\w+Decode\w*|\w+Setup\w*): .*\.$")
"""What the library prints about a damaged TIFF, past Python."""


@dataclass(frozen=True)
class Case:
    """A command to run in a folder of its own.

    Attributes:
        words: of the command line, after `sam2long`.
        out: its output folder, if it has one.
        files: other files that it may write or replace.
    """

    words: list[str]
    out: Path | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Ended:
    """How a command ended; `failure` is the traceback of what no command may raise."""

    status: int | None
    out: str
    err: str
    failure: str | None = None


Tree = dict[Path, str]


def run(words: list[str]) -> Ended:
    """Run `sam2long WORDS...` in this process, with what libraries in C print on standard error."""
    from sam2long.cli import app

    before, sys.argv = sys.argv, ["sam2long", *words]
    status, failure = None, None
    with _captured() as (out, err):
        try:
            app.main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
        except BaseException:
            failure = traceback.format_exc()
        finally:
            sys.argv = before
    return Ended(status, out[0], err[0], failure)


@contextmanager
def _captured() -> Iterator[tuple[list[str], list[str]]]:
    """Standard output and error, as files and as Python's streams; strict as in a terminal with UTF-8."""
    streams, texts, saved = (sys.stdout, sys.stderr), ([], []), (os.dup(1), os.dup(2))
    for stream in streams:
        stream.flush()
    files = [tempfile.TemporaryFile("w+b") for _ in saved]  # noqa: SIM115
    for number, file in enumerate(files, 1):
        os.dup2(file.fileno(), number)
    sys.stdout = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), "utf-8", errors="strict", write_through=True)
    sys.stderr = io.TextIOWrapper(os.fdopen(os.dup(2), "wb"), "utf-8", errors="backslashreplace", write_through=True)
    try:
        yield texts
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.close()
        sys.stdout, sys.stderr = streams
        for number, (descriptor, file, text) in enumerate(zip(saved, files, texts), 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
            file.seek(0)
            text.append(file.read().decode("utf-8", "backslashreplace"))
            file.close()


def look(folder: Path) -> Tree:
    """What is in a folder: every path with its kind and a digest of its content."""
    tree: Tree = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink():
                tree[path] = f"link to {path.readlink()}"
            elif path.is_dir():
                tree[path] = "folder"
            else:
                tree[path] = hashlib.sha1(path.read_bytes()).hexdigest() if path.is_file() else "special"
    return tree


def complaints(case: Case, ended: Ended, before: Tree, after: Tree, leftovers: list[str]) -> list[str]:
    """What does not hold; `leftovers` are names in the temporary folder."""
    if ended.failure is not None:
        return [f"a traceback: {ended.failure.strip().splitlines()[-1][:300]}"]
    if ended.status not in (0, 2):
        return [f"exit status {ended.status}"]
    found = _of_lines(ended)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    wrote = ended.status == 0 or any(_KEPT.match(line) for line in ended.err.splitlines())
    found += [
        f"{path}: not to be touched, {_change(path, before, after)}"
        for path in sorted(changed)
        if not _may(path, case, wrote)
    ]
    if wrote and case.out is not None and case.words[0] == "track":
        found += _of_results(case.out)
    found += [f"{name} is left in the temporary folder" for name in leftovers]
    return found


def _of_lines(ended: Ended) -> list[str]:
    lines = ended.err.split("\n")
    if lines.pop():
        return ["the last line on standard error does not end"]
    errors = [line for line in lines if line.startswith("error: ")]
    others = [
        line
        for line in lines
        if not line.startswith(("error: ", "warning: ")) and not _KEPT.match(line) and not _LIBTIFF.match(line)
    ]
    found = [f"on standard error: {line[:200]!r}" for line in others[:3]]
    if ended.status == 2 and (len(errors) != 1 or not lines[-1].startswith("error: ")):
        found.append(f"{len(errors)} lines of error, the last line is {lines[-1:]}")
    if ended.status == 0 and errors:
        found.append(f"status 0 with {errors[0][:200]!r}")
    if "Traceback" in ended.err or "Traceback" in ended.out:
        found.append("a traceback among the lines")
    return found


def _change(path: Path, before: Tree, after: Tree) -> str:
    return f"was {before.get(path, 'not there')}, is {after.get(path, 'gone')}"


def _may(path: Path, case: Case, wrote: bool) -> bool:
    """Whether a command may change a path."""
    if case.words[0] == "eval" and case.out is not None and case.out in (path, *path.parents):
        return True  # finished videos are kept, and the next run goes on from them
    linked = case.out is not None and case.out.is_symlink() and case.out.resolve() in path.parents
    if linked and case.out is not None:
        path = case.out / path.relative_to(case.out.resolve())
    if case.out is not None and case.out in path.parents:
        inside = path.relative_to(case.out).parts[0]
        return inside in LEFT_BY_THE_DEAD or (wrote and inside in RESULTS)
    if case.out is not None and wrote and (path == case.out or path in case.out.parents):
        return True
    return wrote and path in case.files


def _of_results(out: Path) -> list[str]:
    """Results are whole files, and nothing unfinished lies beside them."""
    found = [f"{path} is left" for path in out.rglob(".sam2long*")]
    if not (out / "summary.json").is_file():
        return [*found, "there is no summary.json"]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"), parse_constant=_no_number)
    for name in summary["files"]:
        try:
            _open(out / name)
        except Exception as error:
            found.append(f"{name} cannot be opened: {type(error).__name__}: {error}")
    return found


def _open(path: Path) -> None:
    if path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    elif path.is_dir():
        for picture in path.rglob("*.png"):
            Image.open(picture).load()
    elif path.suffix == ".mp4":
        with av.open(str(path)) as container:
            assert next(container.decode(video=0), None) is not None
    else:
        assert path.stat().st_size


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
