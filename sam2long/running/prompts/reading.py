"""Reads all prompts of a run: words of the command line, our own prompt files, and files of other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sam2long.errors import PromptError
from sam2long.running.prompts.files.choice import FIRST, PromptFrames, as_prompts, taken, with_keys
from sam2long.running.prompts.files.detections import marks_of
from sam2long.running.prompts.files.kinds import Found, recognise
from sam2long.running.prompts.files.marks import Mark
from sam2long.running.prompts.files.target import Target
from sam2long.running.prompts.grammar import parse_prompts
from sam2long.running.prompts.parsed import Prompt, apply_prompts, check_prompts, object_ids, object_prompts
from sam2long.running.prompts.prompt_file import parse_prompt_file
from sam2long.tracking import Session
from sam2long.video import VideoSource


@dataclass(frozen=True)
class ReadPrompts:
    """Prompts, and a line that says what was taken from another tool's file, or None."""

    prompts: list[Prompt]
    note: str | None = None


@dataclass(frozen=True)
class GivenPrompts:
    """All prompts of a command line or a job, as far as they can be read without the video.

    Attributes:
        prompts: from words, and from a prompt file of ours.
        file: another tool's file or folder, which has to wait for the video, or None.
        frames: which marked frames of that file become prompts.
    """

    prompts: list[Prompt]
    file: Found | None = None
    frames: PromptFrames = FIRST

    def for_video(self, source: VideoSource) -> ReadPrompts:
        """Return all prompts for a video.

        Raises:
            PromptError: the file cannot be read, or does not fit the video.
        """
        if self.file is None:
            return ReadPrompts(self.prompts)
        found = _read_found(self.file, source, self.frames)
        object_prompts(prompts := [*self.prompts, *found.prompts])
        return ReadPrompts(prompts, found.note)


def read_prompts(
    points: Iterable[str],
    boxes: Sequence[str],
    masks: Iterable[str],
    path: Path | None,
    frames: PromptFrames = FIRST,
    needed: bool = True,
) -> GivenPrompts:
    """Read all prompts of a command line and, if `path` is given, of a file or folder of any known kind.

    Raises:
        PromptError: a prompt cannot be read, or there is none although one is needed.
    """
    prompts = parse_prompts(points, boxes, masks)
    file = None if path is None else recognise(path)
    if file is not None and file.read is None:
        prompts += parse_prompt_file(file.content, file.path)
        file = None
    if prompts or (needed and file is None):
        object_prompts(prompts)
    return GivenPrompts(prompts, file, frames)


def read_file(path: Path, source: VideoSource, frames: PromptFrames) -> ReadPrompts:
    """Read a file or folder of prompts of any known kind, recognised by its content.

    Raises:
        PromptError: it cannot be read, is of no known kind, or does not fit the video.
    """
    return _read_found(recognise(path), source, frames)


def read_detections(given: Mapping[int, Any], source: VideoSource, frames: PromptFrames) -> ReadPrompts:
    """Read `supervision.Detections` by frame; raises PromptError."""
    target = Target(source)
    marks = [mark for frame, item in given.items() for mark in marks_of(item, frame, target)]
    return _chosen(marks, frames, target, Path("detections"), "detections")


def load_prompts(
    given: str | Path | Mapping[int, Any] | Any,
    session: Session,
    *,
    frame: int | None = None,
    prompt_frames: str | int = "first",
) -> dict[int, list[int]]:
    """Add prompts to a session, from a file of this or another tool (docs/prompt-files.md) or from detections.

    Args:
        given: path of a file or folder; or `supervision.Detections`, with `frame`; or a dictionary of them by frame.
        session: where the prompts go. Objects get their names from the file, unless it has none.
        frame: frame of a single `supervision.Detections`.
        prompt_frames: which marked frames of an object become prompts: "first", "all", or a number N for every N-th.

    Returns:
        the prompted frames of each object id.

    Raises:
        PromptError: the prompts cannot be read, or do not fit the video; the session is unchanged.
        ConfigError: `prompt_frames` is none of these.
    """
    frames = PromptFrames.parse(str(prompt_frames))
    if isinstance(given, str | Path):
        read = read_file(Path(given), session.source, frames)
    elif isinstance(given, Mapping):
        read = read_detections(given, session.source, frames)
    elif frame is None:
        raise PromptError("detections need the frame that they are on: load_prompts(detections, session, frame=0)")
    else:
        read = read_detections({frame: given}, session.source, frames)
    check_prompts(read.prompts, session.source)
    apply_prompts(read.prompts, session)
    return {i: sorted({p.frame for p in read.prompts if p.object_id == i}) for i in object_ids(read.prompts)}


def _read_found(found: Found, source: VideoSource, frames: PromptFrames) -> ReadPrompts:
    if found.read is None:
        return ReadPrompts(parse_prompt_file(found.content, found.path))
    target = Target(source)
    return _chosen(found.read(found.path, found.content, target), frames, target, found.path, found.kind)


def _chosen(marks: list[Mark], frames: PromptFrames, target: Target, path: Path, kind: str) -> ReadPrompts:
    keyed = with_keys(marks, str(path))
    chosen = taken(keyed, frames)
    prompts = as_prompts(chosen, target, path)
    objects = len(object_ids(prompts))
    left = sum(mark.keyframe for mark in keyed) - sum(mark.keyframe for mark in chosen)
    note = f"{path}: {kind}, {objects} object{'s' * (objects != 1)}, prompted on {_frames(prompts)}"
    if frames.step is None and left > 0:
        note += f"; {left} later mark{'s' * (left != 1)} not used (--prompt-frames all or N)"
    return ReadPrompts(prompts, note)


def _frames(prompts: Iterable[Prompt]) -> str:
    numbers = sorted({prompt.frame for prompt in prompts})
    some = ", ".join(map(str, numbers[:5])) + ", ..." * (len(numbers) > 5)
    return f"frame{'s' * (len(numbers) != 1)} {some}"
