"""One job of a batch: a video, what to follow in it, and how."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sam2long.errors import ConfigError, JobError, OutputError
from sam2long.results.postprocessing import NOTHING, Postprocessing
from sam2long.results.scale import Scale
from sam2long.results.writers.checks import check_formats
from sam2long.running.prompts.files.choice import PromptFrames
from sam2long.running.prompts.parsed import Prompt
from sam2long.running.prompts.prompt_file import parse_entries
from sam2long.running.prompts.reading import GivenPrompts, read_prompts
from sam2long.running.run import FrameRange
from sam2long.tracking.scenes import MODES
from sam2long.tree import TreeConfig
from sam2long.video import VideoSource

_ID = re.compile(r"[^\x00-\x1f/\\.][^\x00-\x1f/\\]{0,199}\Z")
_RESERVED = ("report.jsonl", "report.html")


@dataclass(frozen=True)
class Job:
    """One video of a batch.

    Attributes:
        id: names the job and its folder of results.
        video: path of the video, as for `sam2long track`.
        prompts: path of a prompt file of this or another tool (docs/prompt-files.md), or entries as in ours.
        point: clicks, in the words of `track --point`.
        box: boxes, in the words of `track --box`.
        mask: masks, in the words of `track --mask`.
        like: objects remembered from elsewhere, in the words of `track --like`.
        like_mask: masks of the pictures in `like`, in the same order.
        session: session file to start from and to save to; its prompts need not be given again.
        settings: settings of this job only, by the names in `SETTINGS`.

    Raises:
        JobError: the id cannot be the name of a folder, there is nothing to follow, or a setting is unknown or wrong.
    """

    id: str
    video: str
    prompts: str | Sequence[Mapping[str, Any]] | None = None
    point: Sequence[str] = ()
    box: Sequence[str] = ()
    mask: Sequence[str] = ()
    like: Sequence[str] = ()
    like_mask: Sequence[str] = ()
    session: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ID.match(self.id) or self.id in _RESERVED:
            raise JobError(f"job id {self.id[:80]!r} cannot be the name of a folder; use letters, digits, '-' and '_'")
        if not self.video:
            raise JobError(f"job {self.id} has no video")
        if not (self.prompts or self.point or self.box or self.mask or self.like or self.session):
            raise JobError(
                f"job {self.id} has nothing to follow: give prompts, a point, a box, a mask, a like or a session"
            )
        for name, value in self.settings.items():
            _check_setting(self.id, name, value)

    @property
    def digest(self) -> str:
        """Short hexadecimal SHA-256 of everything that can change the results, as it is written in the job list."""
        # Without `like`, the digest is that of earlier versions, whose batches can still be resumed.
        words = {name: value for name, value in asdict(self).items() if value or not name.startswith("like")}
        return hashlib.sha256(json.dumps(words, sort_keys=True, default=list).encode()).hexdigest()[:16]

    def located(self, folder: Path) -> Job:
        """The same job with paths relative to `folder` made absolute, for workers that run elsewhere."""

        def absolute(path: str) -> str:
            return str(folder.absolute() / path)

        entries = self.prompts
        if isinstance(entries, str):
            entries = absolute(entries)
        elif entries is not None:
            entries = tuple(
                {**entry, "mask": absolute(entry["mask"])} if isinstance(entry.get("mask"), str) else dict(entry)
                for entry in entries
            )
        return replace(
            self,
            video=absolute(self.video),
            prompts=entries,
            mask=tuple(absolute(word) for word in self.mask),
            like=tuple(absolute(word) for word in self.like),
            like_mask=tuple(absolute(word) for word in self.like_mask),
            session=None if self.session is None else absolute(self.session),
        )

    def given_prompts(self) -> GivenPrompts:
        """Read all prompts as far as they need no video; none if only a session is given.

        Raises:
            PromptError: a prompt cannot be read.
        """
        file = Path(self.prompts) if isinstance(self.prompts, str) else None
        inline = self.prompts if self.prompts and file is None else ()
        entries = parse_entries(list(inline), f"job {self.id}", Path()) if inline else []
        frames = PromptFrames.parse(str(self.settings.get("prompt_frames", "first")))
        given = read_prompts(self.point, self.box, self.mask, file, frames, needed=False)
        return replace(given, prompts=entries + given.prompts)

    def read_prompts(self, source: VideoSource) -> list[Prompt]:
        """Read all prompts for the opened video; raises PromptError as `given_prompts`, or if they do not fit it."""
        return self.given_prompts().for_video(source).prompts


@dataclass(frozen=True)
class Settings:
    """How videos are tracked; fields as in `sam2long.running.run.Run`, and `fps` as in `open_video`."""

    formats: tuple[str, ...] = ("png", "overlay", "coco")
    tree: TreeConfig = field(default_factory=TreeConfig)
    max_delay: int | None = None
    frames: FrameRange = field(default_factory=FrameRange)
    fps: float | None = None
    levels: tuple[float, float] | None = None
    cuts: str = "keep"
    scale: Scale | None = None
    postprocessing: Postprocessing = NOTHING

    def of(self, job: Job) -> Settings:
        """The settings of one job: its own where it has any.

        Raises:
            ConfigError: they do not fit together, or are out of range.
        """
        own = {name: SETTINGS[name](value) for name, value in job.settings.items() if name != "prompt_frames"}
        greedy = own.pop("greedy", False)
        tree = {name: own.pop(name) for name in _TREE if name in own}
        frames = {item.name: own.pop(item.name) for item in fields(FrameRange) if item.name in own}
        edges = {item.name: own.pop(item.name) for item in fields(Postprocessing) if item.name in own}
        if greedy and tree:
            raise ConfigError(f"job {job.id}: greedy runs SAM 2 without the memory tree and takes no {min(tree)}")
        settings = replace(
            self,
            tree=TreeConfig.greedy() if greedy else replace(self.tree, **tree),
            frames=replace(self.frames, **frames),
            postprocessing=replace(self.postprocessing, **edges),
            **own,
        )
        try:
            settings.check()
        except OutputError as error:
            raise ConfigError(f"job {job.id}: {error}") from None
        return settings

    def check(self) -> None:
        """Check that the formats can be written, as far as no video is needed; raises OutputError."""
        check_formats(self.formats, self.scale, self.postprocessing)

    def described(self) -> dict[str, object]:
        """The settings as JSON, to compare with those of an earlier batch."""
        content: dict[str, object] = json.loads(json.dumps(asdict(self)))
        # Defaults are left out as in batches of earlier versions, which can still be resumed.
        if self.cuts == "keep":
            del content["cuts"]
        if self.postprocessing == NOTHING:
            del content["postprocessing"]
        return content


def _whole(value: object) -> int:
    if isinstance(value, str):
        return int(value)
    if type(value) is not int:
        raise ValueError
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]


def _prompt_frames(value: object) -> PromptFrames:
    return PromptFrames.parse(str(value))


def _pair(value: object) -> tuple[float, float]:
    low, high = value.split(",") if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    return _number(low), _number(high)


def _mode(value: object) -> str:
    if value not in MODES:
        raise ValueError
    return str(value)


SETTINGS: Mapping[str, Callable[[Any], Any]] = {
    "start": _whole,
    "end": _whole,
    "stride": _whole,
    "reverse": _flag,
    "fps": _number,
    "levels": _pair,
    "scale": lambda value: Scale.parse(str(value)),
    "max_delay": _whole,
    "prompt_frames": _prompt_frames,
    "pathways": _whole,
    "iou_threshold": _number,
    "uncertainty_threshold": _number,
    "modulation": _pair,
    "merge": _whole,
    "cuts": _mode,
    "greedy": _flag,
    "soft": _flag,
    "feather": _number,
    "grow": _whole,
    "fill_holes": _flag,
    "largest": _flag,
}
"""Settings that a job may have of its own: the options of `sam2long track`, with underscores, and how each is read."""

_TREE = ("pathways", "iou_threshold", "uncertainty_threshold", "modulation", "merge")


def _check_setting(job_id: str, name: str, value: object) -> None:
    if name not in SETTINGS:
        raise JobError(f"job {job_id} has an unknown setting {name!r}; known: {', '.join(SETTINGS)}")
    try:
        SETTINGS[name](value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise JobError(f"job {job_id}: {value!r} is not a valid {name}") from None
