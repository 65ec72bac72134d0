"""The curriculum of `nano` as data: what each stage of training shows and asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby


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


BALANCED = LossWeights(cross_entropy=1.0, positive=5.0, focal=0.0)
NEARLY_EVEN = LossWeights(cross_entropy=1.0, positive=2.0, focal=0.0)
SAM = LossWeights(cross_entropy=0.0, positive=1.0, focal=20.0)

_EASY = (("easy", 0.7), ("mixed", 0.3))
_HARD = (("easy", 0.4), ("mixed", 0.2), ("occlusion", 0.15), ("lookalike", 0.15), ("exit", 0.05), ("long", 0.05))

_OFTEN_GONE = (("easy", 0.25), ("mixed", 0.2), ("occlusion", 0.2), ("lookalike", 0.15), ("exit", 0.12), ("long", 0.08))

_MASKS = PromptMix(mask=1.0, box=0.0)
_MOSTLY_MASKS = PromptMix(mask=0.75, box=0.15)
_ALL_PROMPTS = PromptMix(mask=0.5, box=0.25)

_PAIRS = Stage(
    name="pairs",
    steps=400,
    image_size=128,
    kinds=_EASY,
    clips=12,
    frames=2,
    strides=(1, 2, 3),
    objects=2,
    crop=(0.4, 0.9),
    prompts=_MASKS,
    losses=BALANCED,
    rate=(5e-4, 5e-4),
    reuse=6,
)
_QUADS = replace(
    _PAIRS,
    name="quads",
    steps=800,
    kinds=_HARD,
    clips=8,
    frames=4,
    strides=(1, 2, 3, 4),
    crop=(0.3, 0.6),
    prompts=_MOSTLY_MASKS,
    losses=NEARLY_EVEN,
    rate=(5e-4, 4e-4),
    reuse=4,
)

_CROPS = replace(
    _QUADS,
    name="crops",
    steps=500,
    kinds=_OFTEN_GONE,
    strides=(1, 2, 4, 8),
    objects=3,
    crop=(0.4, 0.7),
    losses=SAM,
    rate=(1.5e-3, 1.5e-3),
)
_OCTETS = replace(_CROPS, name="octets", steps=200, clips=4, frames=8, rate=(1.3e-3, 1.07e-3))
_SETTLE = replace(_CROPS, name="settle", steps=560, rate=(1e-3, 3e-4), reuse=2)
_WHOLE = replace(
    _SETTLE, name="whole", steps=200, image_size=192, clips=4, frames=6, crop=(0.75, 1.0), rate=(3e-4, 1e-5)
)

_GONE_AND_BACK = (
    ("easy", 0.2),
    ("mixed", 0.15),
    ("occlusion", 0.3),
    ("lookalike", 0.15),
    ("exit", 0.12),
    ("long", 0.08),
)
_APART = replace(
    _SETTLE,
    name="apart",
    steps=700,
    kinds=_GONE_AND_BACK,
    strides=(1, 2, 4, 8, 16, 32),
    objects=2,
    crop=(0.5, 0.9),
    rate=(1e-3, 1e-3),
    reuse=3,
    losses=replace(SAM, gaze=0.5),
    dull_left_out=0.7,
    jumpy=0.4,
    corrected=0.2,
)
"""A quarter of the frames lack the object (3% before); what comes back is elsewhere and must be known by its looks."""
_AGAIN = replace(
    _APART, name="again", steps=350, image_size=192, frames=5, crop=(0.7, 1.0), rate=(8e-4, 5e-4), jumpy=0.25
)
_CALM = replace(
    _AGAIN,
    name="calm",
    steps=350,
    strides=(1, 1, 2, 4, 8, 16),
    crop=(0.75, 1.0),
    rate=(5e-4, 1.7e-4),
    reuse=2,
    dull_left_out=0.4,
    jumpy=0.1,
)
_FULL = replace(_CALM, name="full", steps=260, image_size=256, crop=(0.85, 1.0), rate=(2e-4, 1e-5))
_LASTING = replace(
    _FULL,
    name="lasting",
    steps=400,
    clips=4,
    frames=10,
    strides=(1, 1, 2, 3, 4, 8),
    crop=(0.6, 1.0),
    rate=(4e-4, 2.8e-4),
)
"""Clips long enough for the network to meet its own mistakes, which five frames hardly show it."""
_LAST = replace(
    _LASTING, name="last", steps=300, strides=(1, 1, 1, 2, 2, 4), crop=(0.8, 1.0), rate=(2.8e-4, 1e-5), jumpy=0.05
)

_EDGES = replace(
    _LAST,
    name="edges",
    steps=270,
    kinds=_HARD,
    clips=16,
    frames=3,
    strides=(1, 1, 2, 3, 4, 8),
    crop=(0.6, 1.0),
    rate=(6e-4, 6e-4),
    dull_left_out=0.2,
    losses=replace(SAM, edge=1.0),
    corrected=0.1,
)
"""Many short clips, to learn where exactly an object ends."""
_STREAM = replace(
    _LAST,
    name="stream",
    steps=50,
    frames=32,
    strides=(1, 1, 2, 3),
    rate=(5e-4, 3.4e-4),
    reuse=1,
    losses=replace(SAM, edge=1.0, gaze=0.5),
    corrected=0.1,
    window=Window(4),
    object_aware=0.5,
)
"""Tracking for as long as in use, with its own mistakes and with the tree's memory; the weights change on the way."""

_STREAM_LAST = replace(_STREAM, name="stream-last", steps=54, rate=(2.8e-4, 1e-5), window=Window(8))

_LONG_STREAM = replace(
    _STREAM_LAST,
    name="long-stream",
    steps=71,
    clips=12,
    strides=(1, 1, 2, 2, 4),
    rate=(4e-4, 2.3e-4),
    losses=replace(SAM, edge=1.0, presence=2.0, answered=True),
    window=Window(8, coasted=4),
    encoder_frozen=True,
)
"""Three times as many clips for the same time: with the true masks remembered the encoder's features suffice to tell
when an object is gone, so what is left to learn is to remember well."""

_ABSENCES = replace(
    _LONG_STREAM,
    name="absences",
    steps=35,
    kinds=(("occlusion", 0.45), ("mixed", 0.2), ("exit", 0.15), ("long", 0.1), ("lookalike", 0.1)),
    rate=(3e-4, 1.85e-4),
    dull_left_out=0.75,
    vanishing=0.2,
)
"""In long clips 0.4 of the dull ones left out means little: half of them lack their object on one frame or another."""

_SILENCE = replace(
    _ABSENCES, name="silence", steps=48, rate=(2.2e-4, 1e-5), losses=replace(_ABSENCES.losses, absent=3.0)
)
"""Until here the network shows something unless the object is likelier gone than not, and that poisons its memory."""

CALIBRATION = replace(_SILENCE, name="calibration", steps=14, frames=48, strides=(1, 2), corrected=0.0)
"""Long clips of whole pictures, tracked without gradients."""

CPU_CURRICULUM = (
    _PAIRS,
    _QUADS,
    replace(
        _QUADS,
        name="sharp",
        steps=170,
        image_size=192,
        clips=4,
        frames=6,
        crop=(0.6, 1.0),
        losses=SAM,
        rate=(4e-4, 2.8e-4),
    ),
    _CROPS,
    _OCTETS,
    _SETTLE,
    _WHOLE,
    _APART,
    _AGAIN,
    _CALM,
    _FULL,
    _LASTING,
    _LAST,
    _EDGES,
    _STREAM,
    _STREAM_LAST,
    _LONG_STREAM,
    _ABSENCES,
    _SILENCE,
)

_GPU_QUADS = replace(
    _APART,
    name="quads",
    steps=2000,
    clips=96,
    objects=3,
    crop=(0.4, 0.8),
    prompts=_ALL_PROMPTS,
    losses=replace(NEARLY_EVEN, gaze=0.5),
    rate=(1.5e-3, 1.5e-3),
    reuse=6,
)
_GPU_OCTETS = replace(
    _GPU_QUADS,
    name="octets",
    steps=1500,
    image_size=192,
    clips=64,
    frames=8,
    strides=(1, 2, 4, 8, 16),
    crop=(0.5, 1.0),
    losses=replace(SAM, gaze=0.5),
    rate=(1.2e-3, 8e-4),
)

GPU_CURRICULUM = (
    replace(_PAIRS, steps=1500, clips=96, rate=(1.5e-3, 1.5e-3)),
    _GPU_QUADS,
    _GPU_OCTETS,
    replace(
        _GPU_OCTETS,
        name="full",
        image_size=256,
        clips=48,
        crop=(0.6, 1.0),
        rate=(8e-4, 4e-4),
        losses=replace(SAM, gaze=0.5, edge=1.0),
    ),
    replace(_SILENCE, name="stream", steps=400, clips=48, kinds=_GONE_AND_BACK, prompts=_ALL_PROMPTS),
)

CURRICULA = {"cpu": CPU_CURRICULUM, "gpu": GPU_CURRICULUM}
"""By name: `cpu` for two cores and some hours, `gpu` for one large device and half an hour."""


def scaled(curriculum: Sequence[Stage], factor: float) -> tuple[Stage, ...]:
    """The same curriculum with `factor` times as many steps in every stage."""
    return tuple(replace(stage, steps=max(1, round(stage.steps * factor))) for stage in curriculum)
