"""A batch of objects through their clips as plain SAM 2 tracks them, with gradients through the memory.

What the network remembers of a frame is its own choice and its own mask, never the truth, so that it learns to live
with its errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.model import SAM2, MaskProposals, Memory
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.mask_decoder import NO_OBJECT_LOGIT
from sam2long.model.prompt_encoder import Label
from sam2long.model.sam2 import MASK_PROMPT_LOGIT
from sam2long.training.augment import Rows
from sam2long.training.prompts import Prompts

SINGLE = (True, False, False, False)
MULTIPLE = (False, True, True, True)


@dataclass(frozen=True)
class FrameProposals:
    """What the network says of one frame.

    Attributes:
        proposals: of all rows.
        eligible: bool [rows, 4], the masks that this frame may be answered with.
    """

    proposals: MaskProposals
    eligible: Tensor

    def chosen(self) -> Tensor:
        """int64 [rows]: number of the eligible mask of highest predicted IoU."""
        return self.proposals.ious.masked_fill(~self.eligible, -1).argmax(1)

    def chosen_masks(self) -> Tensor:
        """Logits [rows, size / 4, size / 4] of the chosen masks, nothing where the object is judged absent."""
        rows = torch.arange(len(self.eligible), device=self.eligible.device)
        masks = self.proposals.masks[rows, self.chosen()]
        return torch.where((self.proposals.object_scores > 0)[:, None, None], masks, NO_OBJECT_LOGIT)


@dataclass
class RolledMemory:
    """Memories of the frames so far, oldest first; the first one is the prompted frame's."""

    maps: list[Tensor] = field(default_factory=list)
    pointers: list[Tensor] = field(default_factory=list)

    def gather(self, slots: int, most_pointers: int) -> Memory:
        """Arrange the prompted frame's memory and the latest ones for the next frame as SAM 2 does."""
        maps = [self.maps[0], *self.maps[1:][:-slots:-1]]
        pointers = [self.pointers[0], *self.pointers[1:][:-most_pointers:-1]]
        rows, device = len(maps[0]), maps[0].device
        times = torch.tensor([len(self.pointers), *range(1, len(pointers))], device=device) / (most_pointers - 1)
        return Memory(
            maps=torch.stack(maps, 1),
            slots=torch.arange(len(maps), device=device).expand(rows, -1),
            pointers=torch.stack(pointers, 1),
            times=times.to(maps[0].dtype).expand(rows, -1),
        )


def roll_out(model: SAM2, rows: Rows, prompts: Prompts) -> Iterator[FrameProposals]:
    """Track every row through its clip; yields the proposals of each frame, the prompted one first."""
    frames = _encode_frames(model, rows)
    memory = RolledMemory()
    for number, features in enumerate(frames):
        if number == 0:
            frame = _prompted_frame(model, features, rows.masks[:, 0], prompts)
            masks, scores = _prompted_masks(frame, rows.masks[:, 0], prompts.masked)
        else:
            conditioned = model.attend(
                features.stride16, memory.gather(model.config.memory_slots, model.config.max_pointers)
            )
            proposals = model.decode(conditioned, features, model.no_prompts(len(conditioned)))
            frame = FrameProposals(proposals, _eligible(MULTIPLE, len(conditioned), conditioned.device))
            masks, scores = frame.chosen_masks(), proposals.object_scores
        yield frame
        if number < rows.frames - 1:
            memory.maps.append(model.encode_memory(features.stride16, masks.unsqueeze(1), scores, binary=number == 0))
            memory.pointers.append(_chosen_pointers(frame))


def _encode_frames(model: SAM2, rows: Rows) -> Iterator[ImageFeatures]:
    """Encode all frames of all clips at once; yields the features of one frame of every row after the other."""
    clips, frames = rows.images.shape[:2]
    features = model.encode_image(rows.images.flatten(0, 1))
    maps = [
        part.reshape(clips, frames, *part.shape[1:]) for part in (features.stride4, features.stride8, features.stride16)
    ]
    for number in range(frames):
        yield ImageFeatures(*(part[rows.clips, number] for part in maps))


def _prompted_frame(model: SAM2, features: ImageFeatures, truth: Tensor, prompts: Prompts) -> FrameProposals:
    parts: list[MaskProposals] = []
    device = truth.device
    masked = prompts.masked
    if masked:
        inputs = model.mask_prompt_downsample(truth[:masked, None].to(features.stride16.dtype))
        points = torch.zeros(masked, 1, 2, device=device)
        padding = torch.full((masked, 1), int(Label.PADDING), device=device)
        part = _part(features, slice(0, masked))
        parts.append(model.decode(part.stride16, part, model.encode_prompts(points, padding, inputs)))
    if masked < len(truth):
        tokens = model.encode_prompts(prompts.points.to(device), prompts.labels.to(device))
        part = _part(features, slice(masked, None))
        parts.append(model.decode(model.without_memory(part.stride16), part, tokens))
    after = MULTIPLE if prompts.ambiguous else SINGLE
    eligible = torch.cat([_eligible(SINGLE, masked, device), _eligible(after, len(truth) - masked, device)])
    return FrameProposals(_joined(parts), eligible)


def _prompted_masks(frame: FrameProposals, truth: Tensor, masked: int) -> tuple[Tensor, Tensor]:
    """Logits and object scores to remember: a mask prompt is kept as it is."""
    masks, scores = frame.chosen_masks(), frame.proposals.object_scores
    side = masks.shape[-1]
    given = F.interpolate(truth[:masked, None].float(), size=(side, side), mode="bilinear", antialias=True).squeeze(1)
    logits = (given * 2 - 1) * MASK_PROMPT_LOGIT
    certain = torch.full_like(scores[:masked], MASK_PROMPT_LOGIT)
    return torch.cat([logits.to(masks.dtype), masks[masked:]]), torch.cat([certain, scores[masked:]])


def _chosen_pointers(frame: FrameProposals) -> Tensor:
    rows = torch.arange(len(frame.eligible), device=frame.eligible.device)
    return frame.proposals.pointers[rows, frame.chosen()]


def _eligible(which: tuple[bool, ...], rows: int, device: torch.device) -> Tensor:
    return torch.tensor(which, device=device).expand(rows, -1)


def _part(features: ImageFeatures, rows: slice) -> ImageFeatures:
    return ImageFeatures(features.stride4[rows], features.stride8[rows], features.stride16[rows])


def _joined(parts: list[MaskProposals]) -> MaskProposals:
    return MaskProposals(
        torch.cat([part.masks for part in parts]),
        torch.cat([part.ious for part in parts]),
        torch.cat([part.pointers for part in parts]),
        torch.cat([part.object_scores for part in parts]),
    )
