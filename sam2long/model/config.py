"""Configurations of the network: SAM 2, its relatives, and the bundled small model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite

from sam2long.errors import ConfigError
from sam2long.model.trunk_config import (
    EfficientNetConfig,
    HieraConfig,
    RepViTConfig,
    RotaryViTConfig,
    TrunkConfig,
    ViTConfig,
    check_whole,
)


@dataclass(frozen=True)
class PerceiverConfig:
    """Spatial perceiver, which turns each memory map into few tokens; by default EdgeTAM's (arXiv 2501.07256).

    Attributes:
        latents: tokens that read the whole map and have no place.
        side: side of the grid of the other tokens, each of which reads a window of the map.
        layers: number of layers.
        mlp: hidden width of the feed-forward parts.
    """

    latents: int = 256
    side: int = 16
    layers: int = 2
    mlp: int = 256

    def __post_init__(self) -> None:
        check_whole(self, ("latents", "side", "layers", "mlp"))


@dataclass(frozen=True)
class SAM2Config:
    """Configuration of a SAM 2 video model.

    Attributes:
        name: preset name, used in messages.
        trunk: trunk of the image encoder.
        image_size: side of the square network input in pixels; a multiple of 32, or of the patch of a plain trunk.
        dim: channels of features, tokens and object pointers.
        memory_dim: channels of a memory map; `dim` must be a multiple of it.
        attention_layers: number of memory attention layers.
        attention_mlp: hidden width of the feed-forward part of memory attention.
        decoder_mlp: hidden width of the mask decoder's transformer.
        decoder_heads: attention heads of the mask decoder's transformer.
        memory_slots: number of spatial memories a frame attends to: the prompted frame and the last
            `memory_slots - 1` frames.
        max_pointers: number of object pointers a frame attends to, including the prompted frame's.
        max_prompted: number of prompted frames, the closest ones, whose spatial memories a frame attends to; None for
            all of them.
        occlusion_memory: whether memories of frames on which the object is absent get SAM 2.1's occlusion embedding.
        pointer_time: whether object pointers get SAM 2.1's temporal encoding.
        simple_pyramid: whether the neck makes the fine maps out of a trunk's single one (SAM 3); without it, the mask
            decoder of such a network does without fine maps.
        perceiver: compresses memory maps into tokens; None keeps the maps.
        pooling: how memory attention pools the keys and values of maps 2x2 when there are several: "scores" (makes up
            for the smaller number in the attention scores, EfficientTAM/1), "keys" (adds the same constant to the
            pooled keys instead, EfficientTAM/2) or None.
        mean: mean of each RGB channel in 0..1, subtracted from the input.
        std: standard deviation of each RGB channel, by which the input is divided.
    """

    name: str
    trunk: TrunkConfig
    image_size: int = 1024
    dim: int = 256
    memory_dim: int = 64
    attention_layers: int = 4
    attention_mlp: int = 2048
    decoder_mlp: int = 2048
    decoder_heads: int = 8
    memory_slots: int = 7
    max_pointers: int = 16
    max_prompted: int | None = None
    occlusion_memory: bool = True
    pointer_time: bool = True
    simple_pyramid: bool = False
    perceiver: PerceiverConfig | None = None
    pooling: str | None = None
    mean: tuple[float, float, float] = field(default=(0.485, 0.456, 0.406))
    std: tuple[float, float, float] = field(default=(0.229, 0.224, 0.225))

    def __post_init__(self) -> None:
        check_whole(self, ("image_size", "dim", "memory_dim", "attention_layers", "attention_mlp", "decoder_mlp"))
        check_whole(self, ("decoder_heads", "memory_slots", "max_pointers"))
        if self.max_prompted is not None:
            check_whole(self, ("max_prompted",))
        for name in ("occlusion_memory", "pointer_time", "simple_pyramid"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} must be true or false")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3 or not all(isinstance(value, (int, float)) and isfinite(value) for value in values):
                raise ConfigError(f"{name} must be three finite numbers, not {values!r}")
        if min(self.std) <= 0:
            raise ConfigError(f"std {self.std!r} must be above 0")
        if self.dim % (2 * self.decoder_heads):
            raise ConfigError(f"dim {self.dim} is not a multiple of twice decoder_heads {self.decoder_heads}")
        if self.pooling not in (None, "scores", "keys") or (self.pooling and self.perceiver):
            raise ConfigError(
                f"pooling is {self.pooling!r}; it must be 'scores', 'keys' or None, None with a perceiver"
            )
        if len(self.trunk.widths) not in (1, 4):
            raise ConfigError(f"the trunk has {len(self.trunk.widths)} maps; it must have four or one")
        if self.simple_pyramid and len(self.trunk.widths) > 1:
            raise ConfigError("simple_pyramid is for a trunk with a single map")
        if self.image_size % self._size_step:
            raise ConfigError(f"image size {self.image_size} is not a multiple of {self._size_step}")
        if self.perceiver is not None and self.grid % self.perceiver.side:
            step = self.trunk.stride * self.perceiver.side
            raise ConfigError(f"image size {self.image_size} is not a multiple of {step}, which {self.name} needs")
        if self.dim % self.memory_dim:
            raise ConfigError(f"dim {self.dim} is not a multiple of memory_dim {self.memory_dim}")

    @property
    def _size_step(self) -> int:
        """What image sizes are a multiple of: pooled maps, and those below a coarser one, have even sides."""
        even = len(self.trunk.widths) > 1 or self.pooling is not None
        return self.trunk.stride * (2 if even else 1)

    @property
    def fine_maps(self) -> bool:
        """Whether the mask decoder gets the fine and middle maps too."""
        return len(self.trunk.widths) > 1 or self.simple_pyramid

    @property
    def grid(self) -> int:
        """Side of the coarse feature map, and of memory maps."""
        return self.image_size // self.trunk.stride

    @property
    def memory_grid(self) -> int:
        """Side of the grid of those tokens of a spatial memory that have a place."""
        return self.grid if self.perceiver is None else self.perceiver.side

    @property
    def memory_tokens(self) -> int:
        """Tokens of a spatial memory."""
        return self.memory_grid**2 + (0 if self.perceiver is None else self.perceiver.latents)

    @property
    def memory_shape(self) -> tuple[int, ...]:
        """Shape of a spatial memory."""
        if self.perceiver is not None:
            return (self.memory_tokens, self.memory_dim)
        return (self.memory_dim, self.grid, self.grid)

    @property
    def mask_size(self) -> int:
        """Side of the decoder's mask logits: with a stride of 16, a quarter of the image size."""
        return 4 * self.grid

    @property
    def memory_mask_size(self) -> int:
        """Side of the masks that the memory encoder reads: with a stride of 16, the image size."""
        return 16 * self.grid


_HIERAS = {
    "tiny": HieraConfig(96, 1, (1, 2, 7, 2), (5, 7, 9)),
    "small": HieraConfig(96, 1, (1, 2, 11, 2), (7, 10, 13)),
    "base-plus": HieraConfig(112, 2, (2, 3, 16, 3), (12, 16, 20), position_grid=(14, 14)),
    "large": HieraConfig(144, 2, (2, 6, 36, 4), (23, 33, 43), windows=(8, 4, 16, 8)),
}

NANO = SAM2Config(
    "nano",
    EfficientNetConfig(),
    image_size=384,
    dim=128,
    attention_layers=2,
    attention_mlp=512,
    decoder_mlp=512,
    decoder_heads=4,
    # (value - 127) / 128, as the trunk was pretrained
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
)
"""The small model bundled with the package, trained by this project on clips composed of photos; see docs/nano.md."""

PRESETS: dict[str, SAM2Config] = {
    **{
        f"sam2-hiera-{size}": SAM2Config(f"sam2-hiera-{size}", trunk, occlusion_memory=False, pointer_time=False)
        for size, trunk in _HIERAS.items()
    },
    **{f"sam2.1-hiera-{size}": SAM2Config(f"sam2.1-hiera-{size}", trunk) for size, trunk in _HIERAS.items()},
    "medsam2": SAM2Config("medsam2", _HIERAS["tiny"], image_size=512),
    "edgetam": SAM2Config(
        "edgetam",
        RepViTConfig(),
        attention_layers=2,
        occlusion_memory=False,
        pointer_time=False,
        perceiver=PerceiverConfig(),
    ),
    **{
        f"efficienttam-{size}{variant}": SAM2Config(
            f"efficienttam-{size}{variant}",
            trunk,
            image_size=512 if variant == "-512" else 1024,
            occlusion_memory=False,
            pointer_time=False,
            pooling=pooling,
        )
        for size, trunk in {"s": ViTConfig(384, 6), "ti": ViTConfig(192, 3)}.items()
        for variant, pooling in {"": None, "-1": "scores", "-2": "keys", "-512": None}.items()
    },
    "sam3": SAM2Config(
        "sam3",
        RotaryViTConfig(1024, 16),
        image_size=1008,
        max_prompted=4,
        simple_pyramid=True,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
    "nano": NANO,
}


def preset(name: str, image_size: int | None = None) -> SAM2Config:
    """Return the preset called `name`, optionally with another image size in pixels.

    Raises:
        ConfigError: there is no such preset, or the image size is not valid.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown model {name!r}; known: {', '.join(PRESETS)}")
    config = PRESETS[name]
    return config if image_size is None else replace(config, image_size=image_size)
