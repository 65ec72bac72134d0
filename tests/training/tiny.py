from __future__ import annotations

from sam2long.model.config import HieraConfig, SAM2Config
from training.curricula import BALANCED
from training.stages import PromptMix, Stage

TINY = SAM2Config(
    name="tiny",
    trunk=HieraConfig(width=8, heads=1, depths=(1, 1, 2, 1), global_blocks=(3,), windows=(4, 4, 4, 2)),
    image_size=64,
    dim=32,
    memory_dim=16,
    attention_layers=1,
    attention_mlp=32,
    decoder_mlp=32,
    decoder_heads=2,
)
STAGE = Stage(
    name="test",
    steps=3,
    image_size=64,
    kinds=(("easy", 1.0),),
    clips=2,
    frames=3,
    strides=(1, 2),
    objects=2,
    crop=(0.6, 1.0),
    prompts=PromptMix(mask=0.5, box=0.25),
    losses=BALANCED,
    rate=(1e-3, 1e-3),
    reuse=2,
)
