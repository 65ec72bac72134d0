"""The curricula of `nano`: its stages, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.stages import LossWeights, PromptMix, Stage, Window

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

_SMALL_STREAM = replace(
    _SILENCE,
    name="small-stream",
    steps=190,
    image_size=128,
    kinds=(("occlusion", 0.3), ("mixed", 0.2), ("easy", 0.15), ("lookalike", 0.15), ("exit", 0.1), ("long", 0.1)),
    clips=40,
    frames=16,
    strides=(1, 1, 2, 2, 4),
    crop=(0.42, 0.75),
    rate=(6e-4, 3.3e-4),
    reuse=2,
    dull_left_out=0.6,
    losses=replace(_SILENCE.losses, iou=0.0, iou_entropy=1.0),
    encoder_frozen=False,
)
"""Parts of pictures at a quarter of the size: a frame costs a fifth, so objects vanish and return five times as often
before the network's eyes."""

_REFRESH = replace(
    _SMALL_STREAM,
    name="refresh",
    steps=45,
    image_size=256,
    clips=12,
    frames=24,
    crop=(0.75, 1.0),
    rate=(3.3e-4, 1e-5),
    reuse=1,
)
"""Back to whole pictures. By itself the end is no better than that of `silence`; the mean of both is."""

_STEADY = replace(
    _REFRESH,
    name="steady",
    steps=600,
    clips=8,
    frames=8,
    strides=(1, 1, 2, 2, 4, 8),
    objects=3,
    rate=(6e-4, 1e-5),
    dull_left_out=0.5,
    window=Window(),
    merges="silence",
)
"""Whole pictures in larger batches, the gradients through all eight frames."""

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
    replace(_SILENCE, kept=True),
    _SMALL_STREAM,
    _REFRESH,
    _STEADY,
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
