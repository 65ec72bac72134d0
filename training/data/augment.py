"""From rendered clips to the rows of a training step: which objects, mirrored or not, in which light."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sam2long.model.config import SAM2Config
from training.data.clips import ClipBatch
from training.data.scenes import SMALLEST_AREA, vanishing


@dataclass(frozen=True)
class Rows:
    """Objects to track, one per row; several rows may share a clip.

    Attributes:
        images: float32 [clips, frames, 3, size, size], normalised.
        masks: bool [rows, frames, size, size], the visible pixels of each row's object.
        clips: int64 [rows], the clip of each row.
    """

    images: Tensor
    masks: Tensor
    clips: Tensor

    @property
    def frames(self) -> int:
        """Frames of a clip."""
        return self.masks.shape[1]

    def to(self, device: torch.device) -> Rows:
        """The same on another device."""
        return Rows(self.images.to(device), self.masks.to(device), self.clips.to(device))


def make_rows(batch: ClipBatch, objects: int, config: SAM2Config, generator: torch.Generator) -> Rows:
    """Draw `objects` rows of every clip (the same object twice where too few show) and augment.

    Objects that vanish in their clip are drawn first.
    Rows come shuffled, so that a prefix of them is a random sample. Work is done where the batch lives, but random
    numbers are drawn on the CPU, so that they are the same ones everywhere.
    """
    device = batch.ids.device
    clips = torch.arange(len(batch.ids)).repeat_interleave(objects)
    numbers = torch.cat([_draw_objects(ids, objects, generator) for ids in batch.ids.cpu()])
    order = torch.randperm(len(clips), generator=generator)
    clips, numbers = clips[order].to(device), numbers[order].to(device)
    images, ids = augment(batch.images, batch.ids, generator)
    masks = ids[clips] == numbers[:, None, None, None]
    return Rows(normalise(images, config.mean, config.std), masks, clips)


def normalise(images: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Tensor:
    """Values 0..255 [..., height, width, 3] to normalised float32 [..., 3, height, width]."""
    return (
        (
            (images.float() / 255 - images.new_tensor(mean, dtype=torch.float32))
            / images.new_tensor(std, dtype=torch.float32)
        )
        .movedim(-1, -3)
        .contiguous()
    )


def _draw_objects(ids: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` ids that show on a clip's first frame, slivers only where there is nothing else."""
    areas = torch.bincount(ids[0].flatten())
    areas[0] = 0
    visible = (areas >= areas.max().clamp(1, SMALLEST_AREA)).nonzero()[:, 0]
    going = torch.isin(visible, torch.tensor(vanishing(ids.numpy()), dtype=torch.int64))
    order = (torch.rand(len(visible), generator=generator) - going.float()).argsort()
    return visible[order].to(ids.dtype).repeat(-(-count // len(visible)))[:count]


def augment(images: Tensor, ids: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror each clip sideways or not, and change its light; images become float32, 0..255."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    turned = torch.stack([image.flip(2) if flip else image for image, flip in zip(images, mirrored, strict=True)])
    turned_ids = torch.stack([part.flip(2) if flip else part for part, flip in zip(ids, mirrored, strict=True)])
    return _relight(turned, generator), turned_ids


def _relight(images: Tensor, generator: torch.Generator) -> Tensor:
    """Change contrast and brightness of each channel a little, alike on all frames of a clip.

    An ImageNet trunk knows colours, so that they must stay what they are.
    """
    clips = len(images)
    contrast = torch.empty(clips, 1, 1, 1, 3).uniform_(0.85, 1.15, generator=generator)
    brightness = torch.empty(clips, 1, 1, 1, 3).uniform_(-15, 15, generator=generator)
    return ((images.float() - 128) * contrast.to(images.device) + 128 + brightness.to(images.device)).clamp(0, 255)
