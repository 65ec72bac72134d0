"""Reads job lists: JSON lines, CSV, or a folder of videos with prompts beside them (docs/batch.md)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sam2long.batch.job import SETTINGS, Job
from sam2long.errors import JobError, UserError
from sam2long.video.source import IMAGE_SUFFIXES

VIDEO_SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg",
    ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".mxf", ".y4m", ".gif",
))  # fmt: skip
"""Files of a folder that are taken for videos."""

_WORDS = ("point", "box", "mask", "like", "like_mask")
_KEYS = ("id", "video", "prompts", *_WORDS, "session", *SETTINGS)


def read_jobs(path: Path) -> list[Job]:
    """Read a job list; paths in it are relative to its folder, and absolute in the jobs returned.

    Args:
        path: a `.jsonl` or `.csv` file, or a folder.

    Raises:
        JobError: it cannot be read, it is empty, a job is wrong (with its line), or an id occurs twice.
    """
    if path.is_dir():
        return checked(_in_folder(path))
    readers = {".jsonl": _in_lines, ".csv": _in_table}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise JobError(f"{path} is not a job list; expected a folder, a .jsonl or a .csv file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise JobError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise JobError(f"{path}: not a UTF-8 text file") from None
    return checked(_job(record, f"{path}, line {line}", path.parent) for line, record in reader(path, text))


def checked(jobs: Iterable[Job]) -> list[Job]:
    """The jobs as a list.

    Raises:
        JobError: there are none, or an id occurs twice, also in another case.
    """
    found: dict[str, Job] = {}
    for job in jobs:
        if job.id.casefold() in found:
            raise JobError(f"two jobs have the id {job.id!r}; every job needs its own")
        found[job.id.casefold()] = job
    if not found:
        raise JobError("the job list is empty")
    return list(found.values())


def _in_lines(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise JobError(f"{path}, line {number}: bad JSON: {error}") from None
        if not isinstance(record, dict):
            raise JobError(f"{path}, line {number}: expected an object in braces, {{...}}")
        yield number, record


def _in_table(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), restkey="", strict=True)
    try:
        for record in reader:
            if "" in record:
                raise JobError(f"{path}, line {reader.line_num}: more values than columns")
            yield reader.line_num, {key: value.strip() for key, value in record.items() if value and value.strip()}
    except csv.Error as error:
        raise JobError(f"{path}, line {reader.line_num}: bad CSV: {error}") from None


def _job(record: Mapping[str, Any], where: str, folder: Path) -> Job:
    for key in record:
        if key not in _KEYS:
            raise JobError(f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}")
    for key in ("id", "video", "session"):
        if not isinstance(record.get(key, ""), str):
            raise JobError(f"{where}: {key} must be text")
    if "video" not in record:
        raise JobError(f"{where}: 'video' is missing")
    prompts = record.get("prompts")
    if not (prompts is None or isinstance(prompts, str) or _all(prompts, dict)):
        raise JobError(f"{where}: prompts must be the path of a prompt file, or a list of entries of one")
    try:
        return Job(
            id=record.get("id") or Path(record["video"]).stem,
            video=record["video"],
            prompts=prompts,
            session=record.get("session"),
            **{key: _words(record.get(key, ()), key, where) for key in _WORDS},
            settings={key: record[key] for key in SETTINGS if key in record},
        ).located(folder)
    except UserError as error:
        raise JobError(f"{where}: {error}") from None


def _words(value: object, key: str, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(";"))
    if isinstance(value, list | tuple) and _all(value, str):
        return tuple(value)
    raise JobError(f"{where}: {key} must be text as for track --{key.replace('_', '-')}, or a list of such texts")


def _all(values: object, kind: type) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, kind) for value in values)


def _in_folder(folder: Path) -> Iterator[Job]:
    """Videos in the order of their names, each with `NAME.json`, `NAME.png` or `NAME.s2l` beside it."""
    entries = sorted(folder.iterdir())
    for entry in entries:
        is_images = entry.is_dir() and any(file.suffix.lower() in IMAGE_SUFFIXES for file in entry.iterdir())
        if entry.name.startswith(".") or not (is_images or entry.suffix.lower() in VIDEO_SUFFIXES):
            continue
        beside = entry if is_images else entry.with_suffix("")
        found = {kind: beside.with_name(f"{beside.name}.{kind}") for kind in ("json", "png", "s2l")}
        given = {kind: str(path.absolute()) for kind, path in found.items() if path.is_file()}
        if not given:
            raise JobError(
                f"{entry} has no prompts; expected {', '.join(path.name for path in found.values())} beside it"
            )
        yield Job(
            id=beside.name,
            video=str(entry.absolute()),
            prompts=given.get("json"),
            mask=(given["png"],) if "png" in given else (),
            session=given.get("s2l"),
        )
