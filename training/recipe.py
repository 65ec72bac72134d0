"""The recipe of `nano`: its stages, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sam2long.model.config import NANO
from training.stages import LossWeights, PromptMix, Stage, Staging, Window

__all__ = ["NANO", "RECIPE", "scaled"]

_SAM = LossWeights(focal=20.0, edge=1.0)

_MARKS = Stage(
    name="marks",
    steps=1300,
    image_size=256,
    clips=24,
    frames=1,
    objects=3,
    prompts=PromptMix(mask=0.0, box=0.35),
    losses=_SAM,
    rate=(6e-4, 4e-4),
    synthetic=0.3,
    refined=0.5,
)

_TWINS = Staging(
    eventful=0.6,
    twins=0.6,
    scenes=(("easy", 0.1), ("mixed", 0.15), ("occlusion", 0.25), ("lookalike", 0.3), ("exit", 0.05), ("long", 0.15)),
)

RECIPE: tuple[Stage, ...] = (
    Stage(
        name="pairs",
        steps=300,
        image_size=192,
        clips=16,
        frames=2,
        objects=2,
        prompts=PromptMix(mask=1.0, box=0.0),
        losses=LossWeights(cross_entropy=1.0, positive=5.0),
        rate=(5e-4, 5e-4),
        synthetic=0.1,
    ),
    Stage(
        name="triples",
        steps=450,
        image_size=192,
        clips=10,
        frames=3,
        objects=2,
        prompts=PromptMix(mask=0.8, box=0.1),
        losses=LossWeights(cross_entropy=1.0, positive=2.0),
        rate=(6e-4, 6e-4),
        synthetic=0.1,
    ),
    Stage(
        name="clips",
        steps=330,
        image_size=256,
        clips=8,
        frames=5,
        objects=2,
        prompts=PromptMix(mask=0.65, box=0.2),
        losses=_SAM,
        rate=(6e-4, 3e-4),
        synthetic=0.15,
        corrected=0.1,
        object_aware=0.3,
        tuned_blocks=8,
    ),
    Stage(
        name="clicks",
        steps=500,
        image_size=256,
        clips=8,
        frames=3,
        objects=2,
        prompts=PromptMix(mask=0.25, box=0.3),
        losses=_SAM,
        rate=(5e-4, 3e-4),
        synthetic=0.3,
        refined=0.6,
        corrected=0.5,
    ),
    _MARKS,
    Stage(
        name="events",
        steps=1100,
        image_size=256,
        clips=4,
        frames=12,
        objects=2,
        prompts=PromptMix(mask=0.5, box=0.2),
        losses=replace(_SAM, answered=True, absent=3.0),
        rate=(3e-4, 1e-5),
        synthetic=0.5,
        staging=Staging(eventful=0.6),
        refined=0.5,
        corrected=0.4,
        object_aware=0.5,
        window=Window(4, coasted=1),
        beside=_MARKS,
    ),
    Stage(
        name="identity",
        steps=500,
        image_size=384,
        clips=4,
        frames=24,
        objects=3,
        prompts=PromptMix(mask=0.7, box=0.15),
        losses=replace(_SAM, answered=True, absent=3.0),
        rate=(3e-4, 0.0),
        synthetic=0.6,
        staging=_TWINS,
        refined=0.5,
        corrected=0.2,
        object_aware=0.75,
        window=Window(4, coasted=2, apart=True),
        learning=("memory_attention", "mask_decoder", "pointer_projection"),
        beside=replace(_MARKS, image_size=384, clips=8),
    ),
)


def scaled(recipe: Sequence[Stage], factor: float) -> tuple[Stage, ...]:
    """The same recipe with `factor` times as many steps in every stage."""
    return tuple(replace(stage, steps=max(1, round(stage.steps * factor))) for stage in recipe)
