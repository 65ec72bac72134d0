"""What a file or folder is: a video, a session, a run or a checkpoint, and what is in it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from sam2long.errors import SessionError, UserError
from sam2long.results.writers.folder import SUMMARY
from sam2long.tracking.saving.archive import is_session, read_header, read_observations
from sam2long.video.open import open_video

Facts = dict[str, Any]
"""Facts by name, ready for JSON; the first, `kind`, is "video", "session", "run" or "checkpoint"."""

_WEIGHTS = (".pt", ".pth", ".bin", ".safetensors")


def describe(name: str) -> Facts:
    """Describe a path.

    Raises:
        UserError: it is nothing that we know, does not exist, or is damaged; of the kind that fits.
    """
    path = Path(name)
    if path.is_dir() and (path / SUMMARY).is_file():
        return _run(path)
    if path.suffix.lower() in _WEIGHTS or (path / "model.safetensors").is_file():
        return _checkpoint(path)
    if path.is_file() and is_session(path):
        return _session(path)
    return _video(name)


def _video(name: str) -> Facts:
    with open_video(name) as source:
        count = source.frame_count
        return {
            "kind": "video",
            "width": source.width,
            "height": source.height,
            "frames": count,
            "frames_per_second": round(source.fps, 3),
            "seconds": None if count is None else round(count / source.fps, 3),
            "pixel_aspect": float(source.pixel_aspect),
        }


def _session(path: Path) -> Facts:
    header = read_header(path)
    visited = Counter(item.object_id for item in read_observations(path))
    try:
        names = {item["id"]: item["name"] for item in header.data.get("styles", ())}
        return {
            "kind": "session",
            "video": header.source,
            "width": header.video.width,
            "height": header.video.height,
            "frames": header.video.frames,
            "model": header.data["model"]["name"],
            "pathways": header.tree.pathways,
            "made_by": f"sam2long {header.data['made_by']}",
            "objects": [
                {
                    "id": item["id"],
                    "name": names.get(item["id"], f"object {item['id']}"),
                    "prompted_frames": sorted(prompt["frame"] for prompt in item["prompts"]),
                    "frames_with_results": visited[item["id"]],
                }
                for item in header.data["objects"]
            ],
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise SessionError(f"{path} is damaged or not a session file ({error!r})") from error


def _run(path: Path) -> Facts:
    try:
        summary = json.loads((path / SUMMARY).read_text(encoding="utf-8"))
        settings = summary["settings"]
        return {
            "kind": "run",
            "video": summary["video"]["name"],
            "width": summary["video"]["width"],
            "height": summary["video"]["height"],
            "frames": summary["video"]["frame_count"],
            "frames_written": summary["frames_written"],
            "complete": summary["complete"],
            "stopped": summary["stopped"],
            "objects": [{"id": number} for number in summary["objects"]],
            "model": settings["model"],
            "pathways": settings["tree"]["pathways"],
            "files": summary["files"],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path / SUMMARY} cannot be read as the summary of a run ({error!r})") from error


def _checkpoint(path: Path) -> Facts:
    from sam2long.model.checkpoints.loading import read_checkpoint
    from sam2long.model.checkpoints.recognition import recognise
    from sam2long.model.checkpoints.unwrap import file_in

    state, stored = read_checkpoint(path)
    config = stored or recognise(state, path)
    return {
        "kind": "checkpoint",
        "model": config.name,
        "image_size": config.image_size,
        "parameters": sum(value.numel() for value in state.values()),
        "stored_as": sorted({str(value.dtype).removeprefix("torch.") for value in state.values()}),
        "bytes": file_in(path).stat().st_size,
    }
