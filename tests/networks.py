"""Whole networks with random weights, small enough for tests."""

from __future__ import annotations

from dataclasses import replace

from sam2long.model import HieraConfig, PerceiverConfig, RepViTConfig, RotaryViTConfig, SAM2Config, ViTConfig

SMALL = SAM2Config(
    "small-test",
    HieraConfig(width=16, heads=1, depths=(1, 1, 2, 1), global_blocks=(3,), windows=(4, 2, 4, 2), position_grid=(4, 4)),
    image_size=128,
    dim=64,
    memory_dim=16,
    attention_layers=2,
    attention_mlp=64,
    decoder_mlp=64,
    decoder_heads=2,
)
"""Every part of the published ones: global and windowed blocks, two layers of memory attention."""

SMALL_EDGETAM = replace(
    SMALL,
    name="small-edgetam-test",
    trunk=RepViTConfig((8, 16, 24, 32), (1, 2, 3, 1)),
    occlusion_memory=False,
    pointer_time=False,
    perceiver=PerceiverConfig(latents=12, side=4, mlp=96),
)
"""Memories are tokens, of which only some have a place."""

SMALL_EFFICIENTTAM = replace(
    SMALL,
    name="small-efficienttam-test",
    trunk=ViTConfig(32, 2, depth=3, global_blocks=(1,), window=3, position_side=4),
    occlusion_memory=False,
    pointer_time=False,
    pooling="scores",
)
"""One map, windows that do not divide it, and pooled memories."""

SMALL_SAM3 = replace(
    SMALL,
    name="small-sam3-test",
    trunk=RotaryViTConfig(32, 2, depth=3, global_blocks=(1,), window=3, position_side=3, mlp=48),
    image_size=112,
    max_prompted=4,
    simple_pyramid=True,
)
"""A stride of 14, and windows and learned positions that do not divide the map of 8 x 8."""

RELATIVES = (
    replace(SMALL, name="small-medsam2-test", image_size=96),
    SMALL_EDGETAM,
    SMALL_EFFICIENTTAM,
    SMALL_SAM3,
)
"""One of each kind."""

MICRO = SAM2Config(
    "micro-test",
    HieraConfig(width=16, heads=1, depths=(1, 1, 1, 1), global_blocks=(2,)),
    image_size=64,
    dim=32,
    memory_dim=8,
    attention_layers=1,
    attention_mlp=32,
    decoder_mlp=32,
)
"""Milliseconds per frame, for tests that run whole commands."""
