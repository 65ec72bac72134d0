"""File names as people give them: with a tilde, with colons, with anything a file system allows."""

from __future__ import annotations

from pathlib import Path


def user_path(name: str | Path) -> Path:
    """Return the path that a user means: `~/clip.mp4` is in the home folder, `~clip.mp4` is a file of that name."""
    path = Path(name)
    try:
        return path if path.exists() else path.expanduser()
    except (RuntimeError, OSError):  # no user of that name, or a name that no file can have
        return path


def ffmpeg_url(path: Path) -> str:
    """Return what FFmpeg takes for this file and no other: it reads `12:30:05.mp4` as a protocol named 12."""
    return f"file:{path}"
