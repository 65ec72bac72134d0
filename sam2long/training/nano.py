"""The architecture of `nano`: the same network as the published ones, with smaller numbers."""

from __future__ import annotations

from sam2long.model.config import HieraConfig, SAM2Config

# Windows divide the maps of 128, 192 and 256 px images, so nothing is padded.
NANO = SAM2Config(
    name="nano",
    trunk=HieraConfig(width=32, heads=1, depths=(1, 2, 6, 1), global_blocks=(5, 7), windows=(8, 4, 4, 2)),
    image_size=192,
    dim=128,
    memory_dim=64,
    attention_layers=2,
    attention_mlp=512,
    decoder_mlp=512,
    decoder_heads=4,
)
