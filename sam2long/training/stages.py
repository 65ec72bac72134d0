"""The curriculum of `nano` as data: what each stage of training shows and asks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss.

    Attributes:
        cross_entropy: balanced cross-entropy of mask pixels; gets a network off the empty mask quickly.
        positive: weight of object pixels in it.
        focal: SAM 2's focal loss of mask pixels.
        dice: SAM 2's dice loss.
        iou: L1 between predicted and true IoU.
        presence: cross-entropy of the object score.
    """

    cross_entropy: float
    positive: float
    focal: float
    dice: float = 1.0
    iou: float = 1.0
    presence: float = 1.0


@dataclass(frozen=True)
class PromptMix:
    """Probabilities of the prompt on a clip's first frame; clicks take what is left."""

    mask: float
    box: float


@dataclass(frozen=True)
class Stage:
    """One stretch of training with fixed settings.

    Attributes:
        name: shown in the log.
        steps: optimiser steps.
        image_size: side of the network's image, pixels.
        kinds: (kind of scene, weight) from which clips are drawn.
        clips: clips in a batch.
        frames: frames of a clip, the prompted one included.
        strides: frames of the scene from one frame of a clip to the next, drawn evenly.
        objects: tracked objects of a clip (rows of a batch are clips x objects).
        crop: smallest and largest side of the part of the picture that is shown, as a fraction of the scene's side.
        prompts: mix of prompts.
        losses: weights.
        rate: learning rate at the stage's first and last step, linear between.
        reuse: how often a rendered batch is used, each time with other augmentation, prompts and objects.
    """

    name: str
    steps: int
    image_size: int
    kinds: tuple[tuple[str, float], ...]
    clips: int
    frames: int
    strides: tuple[int, ...]
    objects: int
    crop: tuple[float, float]
    prompts: PromptMix
    losses: LossWeights
    rate: tuple[float, float]
    reuse: int


BALANCED = LossWeights(cross_entropy=1.0, positive=5.0, focal=0.0)
SAM = LossWeights(cross_entropy=0.0, positive=1.0, focal=20.0)

CPU_CURRICULUM = (
    Stage(
        name="pairs",
        steps=1200,
        image_size=128,
        kinds=(("easy", 0.8), ("mixed", 0.2)),
        clips=12,
        frames=2,
        strides=(1, 2, 3),
        objects=2,
        crop=(0.5, 1.0),
        prompts=PromptMix(mask=1.0, box=0.0),
        losses=BALANCED,
        rate=(5e-4, 5e-4),
        reuse=6,
    ),
)

CURRICULA = {"cpu": CPU_CURRICULUM}
