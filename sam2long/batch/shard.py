"""A fixed part of the jobs, for processes that share them out without talking to each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sam2long.errors import ConfigError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """Every `of`-th job, from number `number` on; 1/1 is all of them.

    Attributes:
        number: 1 to `of`.
        of: number of parts.

    Raises:
        ConfigError: there is no such part.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ConfigError(f"--shard {self.number}/{self.of}: expected K/N with K from 1 to N, such as 3/16")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `3/16`."""
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
        if match is None:
            raise ConfigError(f"--shard {text}: expected K/N with K from 1 to N, such as 3/16")
        return cls(int(match[1]), int(match[2]))

    @property
    def name(self) -> str:
        """File name of the shard."""
        return f"{self.number}-of-{self.of}"

    def is_apart_from(self, name: str) -> bool:
        """Whether a shard of this name has none of this one's jobs."""
        return name.endswith(f"-of-{self.of}") and name != self.name

    def of_jobs(self, jobs: Sequence[Item]) -> list[Item]:
        """The jobs of this shard; they stay the same when others are appended to the list."""
        return list(jobs[self.number - 1 :: self.of])
