"""Configurations of image trunks: what the checkpoints store of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sam2long.errors import ConfigError

_MOST = 65536
"""Larger than any number of a network: a file that asks for more is damaged."""

_EFFICIENTNET_STAGES = 7

_LARGEST_PATCH = 16
"""Masks are resized to the grid of larger patches with antialiasing, which the network does not do."""


def check_whole(config: object, names: tuple[str, ...], least: int = 1) -> None:
    """Check that these fields of a configuration are whole numbers, or tuples of them.

    Raises:
        ConfigError: a number is not whole, below `least`, or larger than a network can have.
    """
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
        check_whole(self, ("width", "heads", "depths", "windows", "position_grid"))
        check_whole(self, ("global_blocks",), least=0)
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
    def stride(self) -> int:
        """Stride of the third map."""
        return 16

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
        check_whole(self, ("depths", "channels", "stem"))
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
    def stride(self) -> int:
        """Stride of the third map."""
        return 16

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
        check_whole(self, ("widths", "depths", "expansion"))
        for name in ("widths", "depths"):
            found = getattr(self, name)
            if not isinstance(found, tuple) or len(found) != 4:
                raise ConfigError(f"{name} must have four values, not {found!r}")

    @property
    def stride(self) -> int:
        """Stride of the third map."""
        return 16

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
        patch: side in pixels of the patch that a token stands for, at most 16.
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
        check_whole(self, ("width", "heads", "depth", "window", "patch", "position_side"))
        check_whole(self, ("global_blocks",), least=0)
        if not isinstance(self.global_blocks, tuple):
            raise ConfigError(f"global_blocks must be a list of block numbers, not {self.global_blocks!r}")
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.patch > _LARGEST_PATCH:
            raise ConfigError(f"patch is {self.patch}; it must be {_LARGEST_PATCH} or less")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the single map."""
        return (self.width,)

    @property
    def stride(self) -> int:
        """Stride of the single map."""
        return self.patch

    @property
    def working_width(self) -> int:
        """Channels of the widest intermediate maps, if they all had stride 4; tells how much memory an image takes."""
        return max(1, self.width * 4 // self.patch)


@dataclass(frozen=True)
class RotaryViTConfig(ViTConfig):
    """Trunk of the image encoder: a plain vision transformer with rotary positions; by default the size of SAM 3's.

    Attributes:
        mlp: hidden width of the feed-forward parts.
        position_side: side of the grid of learned positions, which is repeated over the image.
    """

    depth: int = 32
    global_blocks: tuple[int, ...] = (7, 15, 23, 31)
    window: int = 24
    patch: int = 14
    position_side: int = 24
    mlp: int = 4736

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self, ("mlp",))
        if self.width % (4 * self.heads):
            raise ConfigError(f"width {self.width} is not a multiple of four times heads {self.heads}")


class TrunkConfig(Protocol):
    """What the rest of the network must know of a trunk; a frozen dataclass of numbers, tuples and texts."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the four maps, each half as large as the one before; or of a single map."""

    @property
    def stride(self) -> int:
        """Pixels of the image per pixel of the single or the third map, along each side; usually 16."""

    @property
    def working_width(self) -> int:
        """Channels of the first intermediate maps, if they all had stride 4; tells how much memory an image takes."""


TRUNKS: dict[str, type[Any]] = {
    "hiera": HieraConfig,
    "efficientnet": EfficientNetConfig,
    "repvit": RepViTConfig,
    "vit": ViTConfig,
    "rotary-vit": RotaryViTConfig,
}
"""Configurations of trunks by the name that checkpoints store."""
