"""What a stage of training shows and asks, as data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss.

    Attributes:
        cross_entropy: balanced cross-entropy of mask pixels; gets a network off the empty mask quickly.
        positive: weight of object pixels in it.
        focal: SAM 2's focal loss of mask pixels.
        dice: SAM 2's dice loss.
        iou: cross-entropy of the predicted IoU; SAM 2 takes L1.
        presence: cross-entropy of the object score.
        absent: weight in it of frames without the object: a frame wrongly shown spoils what is remembered, one wrongly
            left out does not.
        edge: cross-entropy near the object's edge, of the mask at the image's size.
        answered: whether the predicted IoU is to be that of the answer: where the object is judged absent, that of
            saying nothing, and 0 where something else is shown. SAM 2 asks only for that of masks where it is present.
    """

    cross_entropy: float = 0.0
    positive: float = 1.0
    focal: float = 0.0
    dice: float = 1.0
    iou: float = 1.0
    presence: float = 1.0
    absent: float = 1.0
    edge: float = 0.0
    answered: bool = False


@dataclass(frozen=True)
class PromptMix:
    """Probabilities of the prompt on a clip's first frame; clicks take what is left."""

    mask: float
    box: float


@dataclass(frozen=True)
class Window:
    """How the frames of a clip are learnt from.

    Attributes:
        frames: from one update of the weights to the next along a clip, through which gradients flow; 0 for one update
            at the clip's end. What is remembered from earlier windows is taken as it is.
        coasted: the first of them, which are only tracked, as in use, without loss and gradients; the prompted frame
            is always learnt from.
        apart: whether no gradient flows from one frame to another: memories are taken as they are.
    """

    frames: int = 0
    coasted: int = 0
    apart: bool = False

    def coasts(self, number: int) -> bool:
        """Whether frame `number` of a clip is only tracked."""
        return number > 0 and self.frames > 0 and number % self.frames < self.coasted

    def begins(self, number: int) -> bool:
        """Whether frame `number` of a clip is the first after an update of the weights."""
        return number > 0 and self.frames > 0 and number % self.frames == 0

    def runs(self, frames: int) -> list[int]:
        """Lengths of the runs of a clip's frames within one window that are all learnt from or all only tracked."""
        if not self.frames:
            return [frames]
        return [len(list(run)) for _, run in groupby(range(frames), lambda n: (n // self.frames, self.coasts(n)))]


@dataclass(frozen=True)
class Staging:
    """What happens in the clips of a stage.

    Attributes:
        eventful: probability that an object of a pseudo-video is crossed by another, and that one leaves.
        twins: probability that a pseudo-video shows one of its cut-outs twice.
        scenes: kinds of the synthetic scenes that clips are cut from, each with its share.
    """

    eventful: float = 0.3
    twins: float = 0.3
    scenes: tuple[tuple[str, float], ...] = (
        ("easy", 0.25),
        ("mixed", 0.2),
        ("occlusion", 0.2),
        ("lookalike", 0.15),
        ("exit", 0.12),
        ("long", 0.08),
    )


@dataclass(frozen=True)
class Stage:
    """One stretch of training with fixed settings.

    Attributes:
        name: shown in the log; the state at the stage's end is kept under it.
        steps: optimiser steps.
        image_size: side of the network's image, pixels.
        clips: clips in a batch.
        frames: frames of a clip, the prompted one included.
        objects: tracked objects of a clip (rows of a batch are clips x objects).
        prompts: mix of prompts.
        losses: weights.
        rate: learning rate at the stage's first and last step, linear between.
        synthetic: share of the clips that is cut from synthetic scenes; the others are composed of photos.
        staging: what happens in the clips.
        refined: probability that the objects marked by points are corrected at once, by up to three clicks on the first
            frame.
        corrected: probability that the objects of a batch are corrected by a click on one of its later frames.
        object_aware: probability that a batch remembers as the memory tree does, good frames only.
        window: how the frames of a clip are learnt from.
        learning: parts of the network that learn, by name; all of it but the trunk if empty.
        tuned_blocks: how many of the trunk's last blocks learn too, at a tenth of the rate.
        beside: a stage whose batches are taken at every second step, as SAM 2 trains on images and videos alternately;
            its own number of steps and rate don't count.
    """

    name: str
    steps: int
    image_size: int
    clips: int
    frames: int
    objects: int
    prompts: PromptMix
    losses: LossWeights
    rate: tuple[float, float]
    synthetic: float = 0.0
    staging: Staging = Staging()
    refined: float = 0.0
    corrected: float = 0.0
    object_aware: float = 0.0
    window: Window = Window()
    learning: tuple[str, ...] = ()
    tuned_blocks: int = 0
    beside: Stage | None = None

    def at(self, step: int) -> Stage:
        """What is shown and asked at a step."""
        return self if self.beside is None or step % 2 == 0 else self.beside
