"""Fixed sets of videos for evaluation, and the seeds that training may use."""

from __future__ import annotations

from dataclasses import dataclass

from sam2long.errors import ConfigError
from sam2long.synthetic.kinds import KINDS
from sam2long.synthetic.scene import Scene, SceneConfig

SUITE_VERSION = "v1"
VIDEOS = 12
FIRST_TRAINING_SEED = 1_000_000
"""Seeds below are for measuring, demonstrations and tests; training starts here."""
_SEEDS_PER_SUITE = 1000


@dataclass(frozen=True)
class SuiteVideo:
    """One video of a suite: its name, and what `Scene` needs to make it."""

    name: str
    config: SceneConfig
    seed: int

    def scene(self) -> Scene:
        """The video itself."""
        return Scene(self.config, self.seed)


@dataclass(frozen=True)
class Suite:
    """A named, versioned set of videos; the version changes whenever a video does."""

    name: str
    version: str
    videos: tuple[SuiteVideo, ...]


def training_seed(n: int) -> int:
    """The n-th seed for training, n >= 0; no suite has it.

    Raises:
        ConfigError: n is negative, which would reach into the suites' seeds.
    """
    if n < 0:
        raise ConfigError(f"training seeds are numbered from 0, not {n}")
    return FIRST_TRAINING_SEED + n


def _suite(index: int, name: str, kinds: tuple[str, ...], frames: int) -> Suite:
    """A suite of `VIDEOS` videos at 256 x 256 that takes the kinds in turn; `index` picks its block of seeds."""
    first = (index + 1) * _SEEDS_PER_SUITE
    videos = tuple(
        SuiteVideo(f"{name}-{n:02d}", SceneConfig(kinds[n % len(kinds)], frames), first + n) for n in range(VIDEOS)
    )
    return Suite(name, SUITE_VERSION, videos)


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        _suite(0, "easy", ("easy",), 120),
        _suite(1, "occlusion", ("occlusion",), 240),
        _suite(2, "lookalike", ("lookalike",), 240),
        _suite(3, "long", ("long",), 2000),
        _suite(4, "validation", KINDS, 180),
    )
}
"""The suites by name; `validation` is for watching a training run, the others for what is reported."""
