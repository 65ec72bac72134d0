"""Joins sessions of one video that were propagated apart, over ranges that follow each other."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sam2long.errors import OutputError, SessionError
from sam2long.tracking.saving.archive import read_header, result_members, scene_cuts


def join_sessions(parts: Sequence[Path], path: Path) -> None:
    """Write a session with the results of all parts, which continues where the last part stopped.

    Args:
        parts: session files of the same video, network, settings and prompts, in the order of their ranges.
        path: the file to write.

    Raises:
        SessionError: a part cannot be read, or is of another video, network or settings.
        OutputError: the file cannot be written.
    """
    headers = [read_header(part) for part in parts]
    for part, header in zip(parts, headers, strict=True):
        same = all(
            getattr(header, name) == getattr(headers[-1], name) for name in ("video", "tree", "weights", "options")
        )
        if not same or header.data["layer"] != headers[-1].data["layer"]:
            raise SessionError(f"{part} and {parts[-1]} are not parts of one run")
    partial = path.with_name(f".{path.name}.joined")
    try:
        with zipfile.ZipFile(partial, "w") as joined:
            _write(joined, parts, set().union(*(scene_cuts(header.data) for header in headers)))
        partial.replace(path)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise OutputError(f"cannot join sessions in {path}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _write(joined: zipfile.ZipFile, parts: Sequence[Path], cuts: set[tuple[int, int]]) -> None:
    traces, number = [], 0
    for part in parts:
        with zipfile.ZipFile(part) as file:
            if part == parts[-1]:  # where tracking goes on
                data = {**json.loads(file.read("session.json")), "cuts": sorted(cuts)}
                joined.writestr("session.json", json.dumps(data, indent=1))
                joined.writestr("memory.safetensors", file.read("memory.safetensors"))
            for name in result_members(file):
                joined.writestr(f"results/{number:06d}.safetensors", file.read(name))
                number += 1
            traces.append(file.read("traces.jsonl"))
    joined.writestr("traces.jsonl", b"".join(traces), zipfile.ZIP_DEFLATED)
