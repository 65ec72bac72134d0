"""A SAM 2 with a trunk of your own: register it, build, save, load, and follow an object (docs/own-relative.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from common import setup
from torch import Tensor, nn

import sam2long
from sam2long.model import PRESETS, load_model
from sam2long.model.checkpoints.loading import fresh_model, save_model
from sam2long.model.trunks import register_trunk


@dataclass(frozen=True)
class ToyConfig:
    """Numbers of the trunk. Checkpoints store them, so that a file says which network it belongs to."""

    width: int = 16

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps of strides 4, 8, 16 and 32."""
        return tuple(self.width * 2**level for level in range(4))

    @property
    def stride(self) -> int:
        """Stride of the third map, and of memories."""
        return 16

    @property
    def working_width(self) -> int:
        """Tells how much memory an image takes while it is encoded."""
        return self.width


class Toy(nn.Module):
    """Four strided convolutions."""

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        inputs = [3, *config.widths[:-1]]
        steps = [4, 2, 2, 2]
        self.levels = nn.ModuleList(
            nn.Conv2d(before, width, step, stride=step)
            for before, width, step in zip(inputs, config.widths, steps, strict=True)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map [batch, 3, height, width] to four maps [batch, rows, columns, channels], finest first."""
        x, maps = images, []
        for level in self.levels:
            x = level(x).relu()
            maps.append(x.permute(0, 2, 3, 1))
        return maps


register_trunk("toy", ToyConfig, Toy)

run = setup("Follow an object with a trunk of your own; its weights are random, and so is the mask.")
config = replace(PRESETS["nano"], name="toy", trunk=ToyConfig(), image_size=256)
file = run.out / "toy.safetensors"
save_model(fresh_model(config), file)

session = sam2long.Session(load_model(file), run.video)
session.add_points(frame=0, object_id=1, points=[(100, 100)])
print(f"{config.name}: {sum(1 for _ in session.propagate())} frames, image size {config.image_size}")
