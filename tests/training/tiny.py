from __future__ import annotations

from dataclasses import replace

from sam2long.model.config import SAM2Config
from sam2long.model.trunk_config import EfficientNetConfig, HieraConfig
from training.stages import LossWeights, PromptMix, Stage

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
LITE = replace(
    TINY, name="tiny-lite", trunk=EfficientNetConfig((1, 1, 2, 1, 1, 1, 1), (4, 6, 8, 8, 10, 12, 16), stem=4)
)
STAGE = Stage(
    name="test",
    steps=3,
    image_size=64,
    clips=2,
    frames=3,
    objects=2,
    prompts=PromptMix(mask=0.5, box=0.25),
    losses=LossWeights(cross_entropy=1.0, positive=5.0),
    rate=(1e-3, 1e-3),
    tuned_blocks=2,
)
