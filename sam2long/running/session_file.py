"""`--session FILE`: saves a run as it goes; running with the same file again resumes or corrects it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sam2long.errors import ConfigError, SessionError
from sam2long.tracking.saving.archive import Header, read_header
from sam2long.tracking.style import given_names
from sam2long.tree import TreeConfig


@dataclass(frozen=True)
class SavedRun:
    """Contents of a session file that can be read without a network.

    Attributes:
        prompted: (frame, object id) of every prompt in the file.
        tree: configuration of the memory tree.
        max_delay: see `Session`.
        names: names by object id, of the objects that were given one.
    """

    prompted: frozenset[tuple[int, int]]
    tree: TreeConfig
    max_delay: int | None
    names: Mapping[int, str] = field(default_factory=dict)


def read_saved(path: Path | None) -> SavedRun | None:
    """Read the file given with `--session`; None if it does not exist yet.

    Raises:
        SessionError: the file cannot be opened.
        ConfigError: its folder does not exist.
    """
    if path is None:
        return None
    if not path.parent.is_dir():
        raise ConfigError(f"--session {path}: the folder {path.parent} does not exist")
    if not path.exists():
        return None
    header = read_header(path)
    return SavedRun(_prompted(header, path), header.tree, header.options["max_delay"], names_in(header, path))


def check_settings(saved: SavedRun, path: Path, given: TreeConfig, max_delay: int | None) -> None:
    """Check that a resumed run keeps its settings.

    Raises:
        ConfigError: the options differ from those of the saved run.
    """
    if given not in (TreeConfig(), saved.tree) or max_delay not in (None, saved.max_delay):
        raise ConfigError(
            f"{path} was saved with other memory-tree settings; omit these options, also from sam2long.toml, or use a "
            "new session file"
        )


def _prompted(header: Header, path: Path) -> frozenset[tuple[int, int]]:
    try:
        return frozenset(
            (int(prompt["frame"]), int(item["id"])) for item in header.data["objects"] for prompt in item["prompts"]
        )
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise SessionError(f"{path} is damaged or not a session file ({error})") from error


def names_in(header: Header, path: Path) -> dict[int, str]:
    """The names in a session file by object id, of the objects that were given one; raises SessionError."""
    try:
        return given_names({int(item["id"]): str(item["name"]) for item in header.data.get("styles", ())})
    except (LookupError, TypeError, ValueError) as error:
        raise SessionError(f"{path} is damaged or not a session file ({error})") from error
