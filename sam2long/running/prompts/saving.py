"""Writes prompts as a prompt file of ours, with masks as images in a folder beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from sam2long.errors import OutputError
from sam2long.running.prompts.parsed import Prompt, describe, object_prompts


def write_prompt_file(prompts: Sequence[Prompt], path: Path, overwrite: bool = False) -> list[Path]:
    """Write `path`, and black and white masks `NAME-masks/FRAME-OBJECT.png` if there are any.

    Returns:
        the files, the prompt file last.

    Raises:
        OutputError: a file exists and `overwrite` is not set, or cannot be written; then nothing is left behind.
    """
    folder = path.with_name(f"{path.stem}-masks")
    masks: dict[Path, Callable[[Path], None]] = {}
    entries = describe(prompts)
    for entry, group in zip(entries, object_prompts(prompts)):
        if group.masks:
            file = folder / f"{group.frame:05d}-{group.object_id}.png"
            masks[file] = partial(_write_mask, group.masks[0].mask)
            entry.pop("from", None)
            entry["mask"] = f"{folder.name}/{file.name}"
    lines = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    text = f'{{"prompts": [\n  {lines}\n]}}\n'.encode("utf-8", "replace")
    _write_all({**masks, path: lambda part: _write_bytes(text, part)}, folder, overwrite)
    return [*masks, path]


def _write_mask(mask: object, part: Path) -> None:
    from PIL import Image

    Image.fromarray(mask).save(part, "PNG")  # type: ignore[arg-type]


def _write_bytes(data: bytes, part: Path) -> None:
    part.write_bytes(data)


def _write_all(files: dict[Path, Callable[[Path], None]], folder: Path, overwrite: bool) -> None:
    """Write all files beside their places, and only then move them there."""
    for file in files:
        if file.exists() and not overwrite:
            raise OutputError(f"{file} exists already; choose another name, or add --overwrite")
    parts = {file: file.with_name(f".{file.name}.part") for file in files}
    created = len(files) > 1 and not folder.exists()
    try:
        if len(files) > 1:
            folder.mkdir(exist_ok=True)
        for file, write in files.items():
            write(parts[file])
        for file, part in parts.items():
            part.replace(file)
    except OSError as error:
        for part in parts.values():
            part.unlink(missing_ok=True)
        if created:
            with suppress(OSError):
                folder.rmdir()
        raise OutputError(f"{error.filename or folder} cannot be written: {error.strerror or error}") from error
