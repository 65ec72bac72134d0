"""Mask decoder: predicts four masks, their scores and object pointers from image features and prompts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.decoder.prompt_encoder import PromptTokens
from sam2long.model.decoder.two_way import TwoWayTransformer
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.layers import MLP, LayerNorm2d

NO_OBJECT_LOGIT = -1024.0
"""Mask logit of every pixel if the object is predicted to be absent (SAM 2)."""

_STABILITY_DELTA = 0.05
_STABILITY_THRESHOLD = 0.98


@dataclass(frozen=True)
class Candidates:
    """Candidate masks, `count` per batch row (3 while tracking, 1 for an unambiguous prompt).

    Attributes:
        masks: [batch, count, mask_size, mask_size] logits; -1024 everywhere if the object is absent.
        ious: [batch, count] predicted IoU, 0..1.
        pointers: [batch, count, dim] object pointers.
        object_scores: [batch] logits; > 0 means visible.
    """

    masks: Tensor
    ious: Tensor
    pointers: Tensor
    object_scores: Tensor

    def choose(self, rows: Tensor, numbers: Tensor) -> Candidates:
        """Select candidate `numbers[i]` of batch row `rows[i]`; returns a batch of `len(rows)` with a count of 1."""
        return Candidates(
            self.masks[rows, numbers].unsqueeze(1),
            self.ious[rows, numbers].unsqueeze(1),
            self.pointers[rows, numbers].unsqueeze(1),
            self.object_scores[rows],
        )

    def best(self) -> Candidates:
        """Select the candidate with the highest predicted IoU of each row."""
        rows = torch.arange(len(self.ious), device=self.ious.device)
        return self.choose(rows, self.ious.argmax(1))


@dataclass(frozen=True)
class MaskProposals:
    """Output of one decoder call: mask 0 is for unambiguous prompts, masks 1..3 are the candidates.

    Attributes:
        masks: [batch, 4, mask_size, mask_size] logits, whether or not the object is visible.
        ious: [batch, 4] predicted IoU, 0..1.
        pointers: [batch, 4, dim] object pointers; the no-object pointer where the object is absent.
        object_scores: [batch] logits; > 0 means visible.
    """

    masks: Tensor
    ious: Tensor
    pointers: Tensor
    object_scores: Tensor

    def candidates(self) -> Candidates:
        """Return the three candidates for tracking and ambiguous prompts."""
        return self._visible(self.masks[:, 1:], self.ious[:, 1:], self.pointers[:, 1:])

    def single(self) -> Candidates:
        """Return the mask of an unambiguous prompt or, if it is unstable, the best of the other three, as in SAM 2.

        The pointer is always that of the single-mask token, as in SAM 2.
        """
        best = self.ious[:, 1:].argmax(1) + 1
        number = torch.where(stability(self.masks[:, 0]) >= _STABILITY_THRESHOLD, torch.zeros_like(best), best)
        rows = torch.arange(len(best), device=best.device)
        return self._visible(
            self.masks[rows, number].unsqueeze(1), self.ious[rows, number].unsqueeze(1), self.pointers[:, :1]
        )

    def _visible(self, masks: Tensor, ious: Tensor, pointers: Tensor) -> Candidates:
        seen = (self.object_scores > 0)[:, None, None, None]
        return Candidates(masks.masked_fill(~seen, NO_OBJECT_LOGIT), ious, pointers, self.object_scores)


def stability(masks: Tensor) -> Tensor:
    """Stability scores [batch], 0..1, of mask logits [batch, height, width] under changes of the threshold (SAM 2)."""
    inner = (masks > _STABILITY_DELTA).flatten(1).sum(1).float()
    outer = (masks > -_STABILITY_DELTA).flatten(1).sum(1).float()
    return torch.where(outer > 0, inner / outer, torch.ones_like(outer))


class MaskDecoder(nn.Module):
    """A two-way transformer between tokens and image, followed by upscaling and dynamic filters.

    Parameters are named by SAM 2's strides, as in saved files and in the digests of sessions; SAM 3's are finer.
    """

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        dim = config.dim
        self.transformer = TwoWayTransformer(dim, config.decoder_heads, config.decoder_mlp)
        self.object_token = nn.Parameter(torch.zeros(1, dim))
        self.iou_token = nn.Parameter(torch.zeros(1, dim))
        self.mask_tokens = nn.Parameter(torch.zeros(4, dim))
        self.project_stride4 = nn.Conv2d(dim, dim // 8, 1) if config.fine_maps else None
        self.project_stride8 = nn.Conv2d(dim, dim // 4, 1) if config.fine_maps else None
        self.upscale8 = nn.ConvTranspose2d(dim, dim // 4, 2, stride=2)
        self.upscale_norm = LayerNorm2d(dim // 4)
        self.upscale4 = nn.ConvTranspose2d(dim // 4, dim // 8, 2, stride=2)
        self.mask_filters = nn.ModuleList(MLP(dim, dim, dim // 8, 3) for _ in range(4))
        self.iou_head = MLP(dim, dim, 4, 3)
        self.object_score_head = MLP(dim, dim, 1, 3)

    def forward(
        self, image: Tensor, features: ImageFeatures, prompts: PromptTokens, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Decode masks.

        Args:
            image: [batch, dim, grid, grid] coarse features after memory attention.
            features: finer maps of the same images; a batch of 1 is broadcast to all rows.
            prompts: encoded prompts of the same batch.
            positions: [1, dim, grid, grid] positional encoding of the image.

        Returns:
            Mask logits [batch, 4, mask_size, mask_size], IoUs [batch, 4], mask tokens [batch, 4, dim] and object scores
            [batch].
        """
        tokens = torch.cat([self.object_token, self.iou_token, self.mask_tokens])
        tokens = torch.cat([tokens.expand(len(image), -1, -1), prompts.sparse], dim=1)
        tokens, pixels = self.transformer(tokens, image + prompts.dense, positions)
        mask_tokens = tokens[:, 2:6]
        masks = self._masks(mask_tokens, pixels, features)
        ious = self.iou_head(tokens[:, 1]).sigmoid()
        return masks, ious, mask_tokens, self.object_score_head(tokens[:, 0]).squeeze(-1)

    def _masks(self, mask_tokens: Tensor, pixels: Tensor, features: ImageFeatures) -> Tensor:
        x = self.upscale8(pixels)
        x = F.gelu(self.upscale_norm(x if self.project_stride8 is None else x + features.middle))
        x = self.upscale4(x)
        x = F.gelu(x if self.project_stride4 is None else x + features.fine)
        filters = torch.stack([mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.mask_filters)], dim=1)
        return (filters @ x.flatten(2)).unflatten(2, x.shape[2:])
