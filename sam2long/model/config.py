"""Configurations of the network: SAM 2, its relatives, and the bundled small model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Protocol

from sam2long.errors import ConfigError

_MOST = 65536
"""Larger than any number of a network: a file that asks for more is damaged."""

_EFFICIENTNET_STAGES = 7


def _check_whole(config: object, names: tuple[str, ...], least: int = 1) -> None:
    for name in names:
        found = getattr(config, name)
        for value in found if isinstance(found, tuple) else (found,):
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
                raise ConfigError(f"{name} must be a whole number from {least} to {_MOST}, not {value!r}")


@dataclass(frozen=True)
class HieraConfig:
    """Trunk of the image encoder: Hiera (arXiv 2306.00989) with absolute windowed positions (arXiv 2311.05613).

    Attributes:
        width: channels of the first stage, doubled in each later stage.
        heads: attention heads of the first stage, doubled in each later stage.
        depths: number of blocks in each of the four stages (strides 4, 8, 16, 32).
        global_blocks: indices of the blocks with global instead of windowed attention.
        windows: side of the attention windows in each stage, in tokens of that stage.
        position_grid: height and width of the learned position embedding, which is resized to the image.
    """

    width: int
    heads: int
    depths: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    position_grid: tuple[int, int] = (7, 7)

    def __post_init__(self) -> None:
        _check_whole(self, ("width", "heads", "depths", "windows", "position_grid"))
        _check_whole(self, ("global_blocks",), least=0)
        if not isinstance(self.global_blocks, tuple):
            raise ConfigError(f"global_blocks must be a list of block numbers, not {self.global_blocks!r}")
        if (len(self.depths), len(self.windows), len(self.position_grid)) != (4, 4, 2):
            raise ConfigError("depths and windows must have four values, position_grid two")
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} is not a multiple of heads {self.heads}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each of the four stages."""
        return tuple(self.width * 2**stage for stage in range(len(self.depths)))

    @property
    def working_width(self) -> int:
        """Channels of the first intermediate maps, if they all had stride 4; tells how much memory an image takes."""
        return self.width


@dataclass(frozen=True)
class EfficientNetConfig:
    """Trunk of the image encoder: EfficientNet-Lite (github.com/tensorflow/tpu); by default the smallest, Lite0.

    Attributes:
        depths: number of blocks in each of the seven stages (strides 2, 4, 8, 16, 16, 32, 32).
        channels: output channels of each stage.
        stem: channels of the first convolution, at stride 2.
    """

    depths: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)
    channels: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    stem: int = 32

    def __post_init__(self) -> None:
        _check_whole(self, ("depths", "channels", "stem"))
        for name in ("depths", "channels"):
            found = getattr(self, name)
            if not isinstance(found, tuple) or len(found) != _EFFICIENTNET_STAGES:
                raise ConfigError(f"{name} must have {_EFFICIENTNET_STAGES} values, not {found!r}")

    @property
    def map_stages(self) -> tuple[int, ...]:
        """Indices of the last stage of each stride from 4 on."""
        return (1, 2, 4, 6)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the four maps, strides 4 to 32."""
        return tuple(self.channels[stage] for stage in self.map_stages)

    @property
    def working_width(self) -> int:
        """Channels of the first intermediate maps, if they all had stride 4; tells how much memory an image takes."""
        return 4 * self.stem


@dataclass(frozen=True)
class RepViTConfig:
    """Trunk of the image encoder: RepViT (arXiv 2307.09283); by default RepViT-M1, as in EdgeTAM.

    Attributes:
        widths: channels of each of the four stages (strides 4, 8, 16, 32).
        depths: number of blocks in each stage.
        expansion: factor by which the mixers of channels widen them.
    """

    widths: tuple[int, ...] = (48, 96, 192, 384)
    depths: tuple[int, ...] = (2, 2, 14, 2)
    expansion: int = 2

    def __post_init__(self) -> None:
        _check_whole(self, ("widths", "depths", "expansion"))
        for name in ("widths", "depths"):
            found = getattr(self, name)
            if not isinstance(found, tuple) or len(found) != 4:
                raise ConfigError(f"{name} must have four values, not {found!r}")

    @property
    def working_width(self) -> int:
        """Channels of the first intermediate maps, if they all had stride 4; tells how much memory an image takes."""
        return self.widths[0] * self.expansion


@dataclass(frozen=True)
class ViTConfig:
    """Trunk of the image encoder: a plain vision transformer (ViTDet, arXiv 2203.16527), with a single map.

    Attributes:
        width: channels of every block.
        heads: attention heads of every block.
        depth: number of blocks.
        global_blocks: indices of the blocks with global instead of windowed attention.
        window: side of the attention windows in tokens.
        patch: side in pixels of the patch that a token stands for.
        position_side: side of the grid of learned positions, which is resized to the image.
    """

    width: int
    heads: int
    depth: int = 12
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    window: int = 14
    patch: int = 16
    position_side: int = 14

    def __post_init__(self) -> None:
        _check_whole(self, ("width", "heads", "depth", "window", "patch", "position_side"))
        _check_whole(self, ("global_blocks",), least=0)
        if not isinstance(self.global_blocks, tuple):
            raise ConfigError(f"global_blocks must be a list of block numbers, not {self.global_blocks!r}")
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.patch != 16:
            raise ConfigError(f"patch is {self.patch}; only patches of 16 pixels are supported")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the single map, stride 16."""
        return (self.width,)

    @property
    def working_width(self) -> int:
        """Channels of the widest intermediate maps, if they all had stride 4; tells how much memory an image takes."""
        return max(1, self.width // 4)


class TrunkConfig(Protocol):
    """What the rest of the network must know of a trunk; a frozen dataclass of numbers, tuples and texts."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the four maps, strides 4 to 32; or of a single map, stride 16."""

    @property
    def working_width(self) -> int:
        """Channels of the first intermediate maps, if they all had stride 4; tells how much memory an image takes."""


TRUNKS: dict[str, type[Any]] = {
    "hiera": HieraConfig,
    "efficientnet": EfficientNetConfig,
    "repvit": RepViTConfig,
    "vit": ViTConfig,
}
"""Configurations of trunks by the name that checkpoints store."""


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
        _check_whole(self, ("latents", "side", "layers", "mlp"))


@dataclass(frozen=True)
class SAM2Config:
    """Configuration of a SAM 2 video model.

    Attributes:
        name: preset name, used in messages.
        trunk: trunk of the image encoder.
        image_size: side of the square network input in pixels; a multiple of 32.
        dim: channels of features, tokens and object pointers.
        memory_dim: channels of a memory map; `dim` must be a multiple of it.
        attention_layers: number of memory attention layers.
        attention_mlp: hidden width of the feed-forward part of memory attention.
        decoder_mlp: hidden width of the mask decoder's transformer.
        decoder_heads: attention heads of the mask decoder's transformer.
        memory_slots: number of spatial memories a frame attends to: the prompted frame and the last
            `memory_slots - 1` frames.
        max_pointers: number of object pointers a frame attends to, including the prompted frame's.
        occlusion_memory: whether memories of frames on which the object is absent get SAM 2.1's occlusion embedding.
        pointer_time: whether object pointers get SAM 2.1's temporal encoding.
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
    occlusion_memory: bool = True
    pointer_time: bool = True
    perceiver: PerceiverConfig | None = None
    pooling: str | None = None
    mean: tuple[float, float, float] = field(default=(0.485, 0.456, 0.406))
    std: tuple[float, float, float] = field(default=(0.229, 0.224, 0.225))

    def __post_init__(self) -> None:
        _check_whole(self, ("image_size", "dim", "memory_dim", "attention_layers", "attention_mlp", "decoder_mlp"))
        _check_whole(self, ("decoder_heads", "memory_slots", "max_pointers"))
        if not (isinstance(self.occlusion_memory, bool) and isinstance(self.pointer_time, bool)):
            raise ConfigError("occlusion_memory and pointer_time must be true or false")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3 or not all(isinstance(value, (int, float)) and isfinite(value) for value in values):
                raise ConfigError(f"{name} must be three finite numbers, not {values!r}")
        if min(self.std) <= 0:
            raise ConfigError(f"std {self.std!r} must be above 0")
        if self.dim % (2 * self.decoder_heads):
            raise ConfigError(f"dim {self.dim} is not a multiple of twice decoder_heads {self.decoder_heads}")
        if self.image_size % 32:
            raise ConfigError(f"image size {self.image_size} is not a multiple of 32")
        if self.pooling not in (None, "scores", "keys") or (self.pooling and self.perceiver):
            raise ConfigError(
                f"pooling is {self.pooling!r}; it must be 'scores', 'keys' or None, None with a perceiver"
            )
        if len(self.trunk.widths) not in (1, 4):
            raise ConfigError(f"the trunk has {len(self.trunk.widths)} maps; it must have four, or one of stride 16")
        if self.perceiver is not None and self.grid % self.perceiver.side:
            step = 16 * self.perceiver.side
            raise ConfigError(f"image size {self.image_size} is not a multiple of {step}, which {self.name} needs")
        if self.dim % self.memory_dim:
            raise ConfigError(f"dim {self.dim} is not a multiple of memory_dim {self.memory_dim}")

    @property
    def fine_maps(self) -> bool:
        """Whether the mask decoder gets the maps of strides 4 and 8 too."""
        return len(self.trunk.widths) > 1

    @property
    def grid(self) -> int:
        """Side of the stride-16 feature map, and of memory maps."""
        return self.image_size // 16

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
        """Side of the decoder's mask logits: a quarter of the image size."""
        return self.image_size // 4


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
