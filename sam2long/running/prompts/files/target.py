"""The video that prompts are for: its size, and which of its frames a file of another tool means."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from sam2long.errors import PromptError
from sam2long.tracking.prompting.prompts import FrameSize
from sam2long.video.source import VideoSource

_MOST_DIGITS = 9
_NAMED = 3
"""How many unknown names a message shows."""


@dataclass(frozen=True)
class FrameName:
    """How a file names a frame.

    Attributes:
        name: of its image, with or without folder and suffix, or None.
        number: from 0, or from 1 throughout; None if the file gives none.
        used: whether anything is marked on it.
    """

    name: str | None
    number: int | None = None
    used: bool = True

    @cached_property
    def file(self) -> str:
        """Name of the image without folders."""
        return PurePosixPath((self.name or "").replace("\\", "/")).name

    @cached_property
    def stem(self) -> str:
        """Name of the image without folders and suffix."""
        return PurePosixPath(self.file).stem

    @cached_property
    def last_number(self) -> int | None:
        """The last number in the name, or None."""
        digits = re.findall(r"[0-9]+", self.stem)
        return int(digits[-1]) if digits and len(digits[-1]) <= _MOST_DIGITS else None


class Target:
    """Finds frames of a video by name or number.

    Attributes:
        name: of the video, for messages.
        size: of its frames.
        count: number of its frames, or None.
    """

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self.name = source.name
        self.size = FrameSize(source.height, source.width)
        self.count = source.frame_count

    def check_size(self, width: int, height: int, where: str) -> None:
        """Raise PromptError if a file is made for a video of another size."""
        if (width, height) != (self.size.width, self.size.height):
            raise PromptError(
                f"{where}: made for {width}x{height} pixels, but {self.name} has {self.size.width}x{self.size.height}"
            )

    def frames(self, asked: Sequence[FrameName], where: str) -> list[int | None]:
        """Return the frame that each name means; None for names of other videos, with a warning if they are used.

        An image folder's own names come first, then numbers, then the numbers in names, and last the order, if there
        are as many names as frames. Several numbers that leave out 0 and go one too far count from 1.

        Raises:
            PromptError: no name is known.
        """
        by_name = [self._by_name(item) for item in asked]
        if None not in by_name:
            return by_name
        some = any(frame is not None for frame, item in zip(by_name, asked) if item.used)
        if some and self._has_names:
            return self._without_others(asked, by_name, where)
        for numbers, known in (
            ([item.number for item in asked], self._indices),
            (self._ultralytics(asked), self._indices),
            ([item.last_number for item in asked], self._numbers),
        ):
            if (frames := self._by_number(numbers, known, where)) is not None:
                return frames
        if len(asked) == self.count:
            warnings.warn(
                f"{where}: its names are not those of {self.name}; its frames are taken in order", stacklevel=3
            )
            return list(range(len(asked)))
        if len(asked) == 1 and not re.search("[0-9]", asked[0].stem):
            return [0]
        if some:
            return self._without_others(asked, by_name, where)
        unknown = [item for item in asked if item.last_number not in self._numbers] or asked
        raise PromptError(f"{where}: {_list(unknown)} {_is(unknown)} no frame of {self._described()}")

    @cached_property
    def _has_names(self) -> bool:
        """Whether the frames are images with names of their own."""
        return self.count is not None and self._source.file_name(0) != VideoSource.file_name(self._source, 0)

    @cached_property
    def _names(self) -> dict[str, int]:
        names: dict[str, int] = {}
        for index in reversed(range(self.count or 0)):
            file = self._source.file_name(index)
            names |= {self._source.frame_name(index): index, PurePosixPath(file).stem: index, file: index}
        return names

    @cached_property
    def _indices(self) -> dict[int, int]:
        return {index: index for index in range(self.count or 0)}

    @cached_property
    def _numbers(self) -> dict[int, int]:
        """Frames by the number in their name; for a video file, and for images without such numbers, by index."""
        found = [FrameName(self._source.file_name(index)).last_number for index in range(self.count or 0)]
        if not self._has_names or None in found or len(set(found)) < len(found):
            return self._indices
        return {number: index for index, number in enumerate(found) if number is not None}

    def _by_name(self, item: FrameName) -> int | None:
        return None if item.name is None else self._names.get(item.file, self._names.get(item.stem))

    def _by_number(
        self, numbers: Sequence[int | None], known: Mapping[int, int], where: str
    ) -> list[int | None] | None:
        given = [number for number in numbers if number is not None]
        if len(given) < len(numbers):
            return None
        if self.count is None:
            return list(given)
        if all(number in known for number in given):
            return [known[number] for number in given]
        from_0 = 0 in known and 0 not in given and len(given) > 1
        if from_0 and all(number - 1 in known for number in given):
            warnings.warn(
                f"{where} numbers {self.count} frames up to {max(given)}: read as numbers from 1", stacklevel=4
            )
            return [known[number - 1] for number in given]
        return None

    def _ultralytics(self, asked: Sequence[FrameName]) -> list[int | None]:
        """Frames of names like `match_7`, which Ultralytics gives to labels of frames of a video; it counts from 1."""
        ours = [re.fullmatch(rf"{re.escape(self.name)}_([0-9]{{1,{_MOST_DIGITS}}})", item.stem) for item in asked]
        return [int(match[1]) - 1 if match and not self._has_names else None for match in ours]

    def _without_others(self, asked: Sequence[FrameName], frames: list[int | None], where: str) -> list[int | None]:
        others = [item for item, frame in zip(asked, frames) if frame is None and item.used]
        if others:
            warnings.warn(
                f"{where}: {_list(others)} {_is(others)} no frame of {self._described()}, and left out", stacklevel=4
            )
        return frames

    def _described(self) -> str:
        if self.count is None:
            return self.name
        last = self.count - 1
        if not self._has_names:
            return f"{self.name}, which has frames 0 to {last}"
        return f"{self.name}, which has {self._source.file_name(0)} to {self._source.file_name(last)}"


def _list(asked: Sequence[FrameName]) -> str:
    names = [item.file[:60] if item.name is not None else f"frame {item.number}" for item in asked]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _is(asked: Sequence[FrameName]) -> str:
    return "is" if len(asked) == 1 else "are"
