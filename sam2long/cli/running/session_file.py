"""`--session FILE`: a run that is saved as it goes, and goes on or is corrected when the file is named again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sam2long.errors import ConfigError, SessionError
from sam2long.tracking.saving.archive import Header, read_header
from sam2long.tree import TreeConfig


@dataclass(frozen=True)
class SavedRun:
    """What a session file says before a network is loaded.

    Attributes:
        prompted: (frame, object id) of every mark in it.
        tree: the memory tree's numbers.
        max_delay: see `Session`.
    """

    prompted: frozenset[tuple[int, int]]
    tree: TreeConfig
    max_delay: int | None


def read_saved(path: Path | None) -> SavedRun | None:
    """What `--session` names, or None if there is no such file yet.

    Raises:
        SessionError: a file that cannot be opened.
        ConfigError: its folder does not exist.
    """
    if path is None:
        return None
    if not path.parent.is_dir():
        raise ConfigError(f"--session {path}: there is no folder {path.parent}")
    if not path.exists():
        return None
    header = read_header(path)
    return SavedRun(_marks(header, path), header.tree, header.options["max_delay"])


def check_settings(saved: SavedRun, path: Path, given: TreeConfig, max_delay: int | None) -> None:
    """A run that goes on keeps its settings.

    Raises:
        ConfigError: others are asked for.
    """
    if given not in (TreeConfig(), saved.tree) or max_delay not in (None, saved.max_delay):
        raise ConfigError(
            f"{path} was made with other settings of the memory tree; leave them out, or name a new session file"
        )


def _marks(header: Header, path: Path) -> frozenset[tuple[int, int]]:
    try:
        return frozenset(
            (int(prompt["frame"]), int(item["id"])) for item in header.data["objects"] for prompt in item["prompts"]
        )
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise SessionError(f"{path} is damaged, or no session file ({error})") from error
