"""Remembers the masks after rounds of clicks, so that a further round costs one run of the decoder."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from sam2long.model.memory.memory_attention import Memory
from sam2long.tracking.prompting.prompts import Clicks, ObjectPrompt, Tracked

_KEPT = 4
"""Number of runs that are kept: those of the prompt that is being refined, and of clicks that are tried out."""


@dataclass(frozen=True, eq=False)
class ClickRun:
    """What the decoder made of some rounds of clicks.

    Attributes:
        frame: frame number.
        refines: the mask that the first round refined, or None.
        rounds: the rounds.
        context: memory that the frame attended to, or None.
        image: [1, dim, grid, grid] features of the frame, conditioned on `context`.
        masks: [1, 1, size / 4, size / 4] logits after the last round.
    """

    frame: int
    refines: Tracked | None
    rounds: tuple[Clicks, ...]
    context: Memory | None
    image: Tensor
    masks: Tensor


class ClickMemo:
    """The latest runs of a session."""

    def __init__(self) -> None:
        self._runs: list[ClickRun] = []

    def find(self, frame: int, prompt: ObjectPrompt, context: Memory | None) -> ClickRun | None:
        """The longest run from which a prompt goes on: same frame, start, first rounds and memory; None without one."""
        fitting = [run for run in self._runs if run.frame == frame and _goes_on(prompt, run) and _same(run, context)]
        longest = max(fitting, key=lambda run: len(run.rounds), default=None)
        if longest is not None:
            self.keep(longest)
        return longest

    def keep(self, run: ClickRun) -> None:
        """Keep a run as the latest one."""
        self._runs = [*(other for other in self._runs if other is not run), run][-_KEPT:]


def _goes_on(prompt: ObjectPrompt, run: ClickRun) -> bool:
    known = len(run.rounds)
    return known < len(prompt.rounds) and prompt.rounds[:known] == run.rounds and prompt.refines == run.refines


def _same(run: ClickRun, context: Memory | None) -> bool:
    if run.context is None or context is None:
        return run.context is context
    pairs = [(getattr(run.context, field.name), getattr(context, field.name)) for field in fields(Memory)]
    return all(one is other if one is None or other is None else torch.equal(one, other) for one, other in pairs)
