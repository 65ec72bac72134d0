"""Prompts as a user would give them, drawn from the true masks of a clip's first frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.model.decoder.prompt_encoder import Label
from training.stages import PromptMix

MOST_CLICKS = 3
_BOX_NOISE = 0.1


@dataclass(frozen=True)
class Prompts:
    """Prompts of the rows of a batch: the first `masked` rows get their mask, the others all the same kind of points.

    Attributes:
        masked: number of rows with a mask prompt.
        points: float32 [rows - masked, points, 2], (x, y) in pixels.
        labels: int64 [rows - masked, points], values of `Label`.
    """

    masked: int
    points: Tensor
    labels: Tensor

    @property
    def ambiguous(self) -> bool:
        """Whether the points are a single click, which SAM 2 answers with three masks."""
        return self.points.shape[1] == 1


def draw_prompts(masks: Tensor, mix: PromptMix, generator: torch.Generator) -> Prompts:
    """Draw prompts for masks bool [rows, size, size], none of them empty."""
    masked = round(len(masks) * mix.mask)
    rest = masks[masked:]
    if torch.rand((), generator=generator) * (1 - mix.mask) < mix.box:
        points, labels = draw_boxes(rest, generator)
    else:
        count = int(torch.randint(1, MOST_CLICKS + 1, (), generator=generator))
        points, labels = draw_clicks(rest, count, generator)
    return Prompts(masked, points, labels)


def draw_clicks(masks: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`count` different places inside each mask: float32 [rows, count, 2] and labels; small masks repeat places."""
    points = torch.zeros(len(masks), count, 2)
    for row, mask in enumerate(masks):
        places = mask.nonzero().flip(1)
        chosen = torch.randperm(len(places), generator=generator)[:count]
        points[row] = places[chosen.repeat(-(-count // len(chosen)))[:count]].float()
    return points, torch.full((len(masks), count), int(Label.POSITIVE))


def draw_corrections(predicted: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A click on what is wrong in each row, as SAM 2 trains: float32 [rows, 1, 2] and labels int64 [rows, 1].

    Args:
        predicted: logits [rows, mask_size, mask_size].
        masks: bool [rows, size, size], the truth.
        generator: draws the place, anywhere in the wrong part; anywhere in the mask where nothing is wrong.
    """
    size = (masks.shape[-2], masks.shape[-1])
    shown = F.interpolate(predicted[:, None].float(), size=size, mode="bilinear").squeeze(1) > 0
    points = torch.zeros(len(masks), 1, 2)
    labels = torch.full((len(masks), 1), int(Label.POSITIVE))
    for row, (guess, mask) in enumerate(zip(shown.cpu(), masks.cpu(), strict=True)):
        wrong = guess ^ mask
        places = (wrong if wrong.any() else mask).nonzero()
        if len(places):
            y, x = places[int(torch.randint(len(places), (), generator=generator))].tolist()
            points[row, 0] = torch.tensor([x, y])
            labels[row, 0] = int(Label.POSITIVE if mask[y, x] else Label.NEGATIVE)
    return points.to(masks.device), labels.to(masks.device)


def draw_boxes(masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Bounding boxes as corners float32 [rows, 2, 2], each shaken by up to a tenth of its side, and labels."""
    boxes = torch.zeros(len(masks), 4)
    for row, mask in enumerate(masks):
        (top, bottom), (left, right) = (_ends(mask.any(axis)) for axis in (1, 0))
        boxes[row] = torch.tensor([left, top, right, bottom], dtype=torch.float32)
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    noise = torch.empty_like(boxes).uniform_(-_BOX_NOISE, _BOX_NOISE, generator=generator)
    shaken = (boxes + noise * sides).clamp(0, masks.shape[-1] - 1)
    labels = torch.tensor([int(Label.BOX_TOP_LEFT), int(Label.BOX_BOTTOM_RIGHT)]).repeat(len(masks), 1)
    return shaken.reshape(-1, 2, 2), labels


def _ends(line: Tensor) -> tuple[int, int]:
    places = line.nonzero()
    return int(places[0]), int(places[-1])
