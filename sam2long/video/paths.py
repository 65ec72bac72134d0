"""Handles user-supplied file names with tildes, colons or other unusual characters."""

from __future__ import annotations

from pathlib import Path


def user_path(name: str | Path) -> Path:
    """Return the path that a user means: `~/clip.mp4` is in the home folder, `~clip.mp4` a file of that name."""
    path = Path(name)
    try:
        return path if path.exists() else path.expanduser()
    except (RuntimeError, OSError):  # no such user, or not a valid file name
        return path


def ffmpeg_url(path: Path) -> str:
    """Return a URL that FFmpeg reads as exactly this file; it would take `12:30:05.mp4` for a protocol named 12."""
    return f"file:{path}"
