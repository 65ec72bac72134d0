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
        iou: L1 between predicted and true IoU, as in SAM 2.
        iou_entropy: cross-entropy between them, which pulls a sure but wrong prediction back where L1 hardly does, and
            asks for the mean of what is likely where L1 asks for the median.
        presence: cross-entropy of the object score.
        absent: weight, in that, of rows that do not show their object.
        gaze: cross-entropy of where memory attention looks; 0 leaves it alone.
        edge: cross-entropy near the object's edge, of the mask at the image's size.
        answered: whether the predicted IoU is to be that of the answer: where the object is judged absent, that of
            saying nothing, and 0 where something else is shown. SAM 2 asks only for that of masks where it is present.
    """

    cross_entropy: float
    positive: float
    focal: float
    dice: float = 1.0
    iou: float = 1.0
    iou_entropy: float = 0.0
    presence: float = 1.0
    absent: float = 1.0
    gaze: float = 0.0
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
    """

    frames: int = 0
    coasted: int = 0

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
class Stage:
    """One stretch of training with fixed settings.

    Attributes:
        name: shown in the log.
        steps: optimiser steps.
        image_size: side of the network's image, pixels.
        kinds: (kind of scene, weight) from which clips are drawn.
        clips: clips in a batch.
        frames: frames of a clip, the prompted one included.
        strides: frames of the scene from one frame of a clip to the next, drawn evenly for every step.
        objects: tracked objects of a clip (rows of a batch are clips x objects).
        crop: smallest and largest side of the part of the picture that is shown, as a fraction of the scene's side.
        prompts: mix of prompts.
        losses: weights.
        rate: learning rate at the stage's first and last step, linear between.
        reuse: how often a rendered batch is used, each time with other augmentation, prompts and objects.
        dull_left_out: probability that a clip is passed over in which no object vanishes.
        vanishing: share of a clip's later frames, above which an object must be absent to count as vanishing there.
        jumpy: probability that a clip's crop jumps now and then, so that objects must be found by their looks.
        corrected: probability that the objects of a batch are corrected by a click on one of its later frames.
        window: how the frames of a clip are learnt from.
        object_aware: probability that a batch remembers as the memory tree does, good frames only.
        encoder_frozen: whether the image encoder stays as it is, as in SAM 2's own last stage on long clips.
        kept: whether the state at its end stays beside the run's, in a file of the stage's name, to be averaged with.
        merges: an earlier stage that was kept: this one begins with the mean of that one's weights and the last one's.
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
    dull_left_out: float = 0.0
    vanishing: float = 0.0
    jumpy: float = 0.0
    corrected: float = 0.0
    window: Window = Window()
    object_aware: float = 0.0
    encoder_frozen: bool = False
    kept: bool = False
    merges: str = ""
