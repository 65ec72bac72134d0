"""SAM 2 for video: encode images, encode prompts, attend to memory, decode masks and encode memories.

No module keeps state between calls: the tracker owns the memory, and the leading dimension is a batch of frames,
objects or pathways. `checkpoints/names.py` maps published parameter names to those used here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.decoder.mask_decoder import MaskDecoder, MaskProposals
from sam2long.model.decoder.prompt_encoder import Label, PromptEncoder, PromptTokens
from sam2long.model.image_encoder import ImageEncoder, ImageFeatures
from sam2long.model.layers import MLP
from sam2long.model.memory.memory_attention import Memory, MemoryAttention, MemoryTokens
from sam2long.model.memory.memory_encoder import MemoryEncoder
from sam2long.model.memory.perceiver import SpatialPerceiver
from sam2long.model.positions import sine_grid, sine_time

MASK_PROMPT_LOGIT = 10.0
"""Magnitude of the mask logits, and object score, of a mask given by the user (SAM 2)."""

FEEDBACK_LIMIT = 32.0
"""Limit on the magnitude of mask logits that are fed back when clicks refine a mask (SAM 2)."""

_MEMORY_SCALE, _MEMORY_BIAS = 20.0, -10.0


class SAM2(nn.Module):
    """The SAM 2 network (Ravi et al., arXiv 2408.00714); `config.image_size` is the side of its input in pixels."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.config = config
        dim, memory_dim = config.dim, config.memory_dim
        self.image_encoder = ImageEncoder(config)
        self.prompt_encoder = PromptEncoder(config)
        self.mask_decoder = MaskDecoder(config)
        self.memory_encoder = MemoryEncoder(config)
        self.memory_attention = MemoryAttention(config)
        self.mask_prompt_downsample = nn.Conv2d(1, 1, 4, stride=4)
        self.slot_embeddings = nn.Parameter(torch.zeros(config.memory_slots, 1, 1, memory_dim))
        self.no_memory_embedding = nn.Parameter(torch.zeros(1, 1, dim))
        # Unused in video inference, but part of every published checkpoint.
        self.no_memory_position = nn.Parameter(torch.zeros(1, 1, dim))
        self.pointer_projection = MLP(dim, dim, dim, 3)
        self.no_object_pointer = nn.Parameter(torch.zeros(1, dim))
        self.spatial_perceiver = SpatialPerceiver(config.perceiver, memory_dim) if config.perceiver else None
        if config.pointer_time:
            self.pointer_time_projection = nn.Linear(dim, memory_dim)
        if config.occlusion_memory:
            self.no_object_memory = nn.Parameter(torch.zeros(1, memory_dim))

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.no_object_pointer.device

    @property
    def precision(self) -> torch.dtype:
        """Dtype of the image encoder, memory attention and memory encoder; see `set_precision`."""
        return self.memory_attention.norm.weight.dtype

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """Encode normalised images [batch, 3, size, size]; see `preprocess.prepare_image`."""
        decoder = self.mask_decoder
        maps = self.image_encoder(images.to(self.precision), decoder.project_stride4, decoder.project_stride8)
        return ImageFeatures(*(one.to(images.dtype) for one in maps))

    def encode_prompts(self, points: Tensor, labels: Tensor, masks: Tensor | None = None) -> PromptTokens:
        """Encode points [batch, n, 2] (pixels of the network's image), `Label`s [batch, n] and mask logits.

        `masks` is [batch, 1, mask_size, mask_size] or None.
        """
        return self.prompt_encoder(points, labels, masks)

    def no_prompts(self, batch: int = 1) -> PromptTokens:
        """Return the prompt tokens of a frame without prompts."""
        return self._mask_only(batch, None)

    def _mask_only(self, batch: int, masks: Tensor | None) -> PromptTokens:
        points = torch.zeros(batch, 1, 2, device=self.device)
        return self.encode_prompts(points, torch.full((batch, 1), int(Label.PADDING), device=self.device), masks)

    def without_memory(self, coarse: Tensor) -> Tensor:
        """Condition coarse features [batch, dim, grid, grid] on the absence of memory (a prompted frame)."""
        return coarse + self.no_memory_embedding.reshape(1, -1, 1, 1)

    def attend(self, coarse: Tensor, memory: Memory) -> Tensor:
        """Condition coarse features [batch or 1, dim, grid, grid] on each row's memory: [batch, dim, grid, grid]."""
        tokens = self._memory_tokens(memory).to(self.precision)
        conditioned = self.memory_attention(coarse.to(self.precision), tokens)
        return conditioned.to(coarse.dtype)

    def decode(self, conditioned: Tensor, features: ImageFeatures, prompts: PromptTokens) -> MaskProposals:
        """Decode mask proposals.

        Args:
            conditioned: [batch, dim, grid, grid] from `attend` or `without_memory`.
            features: features of the same frames; a batch of 1 is broadcast to all rows.
            prompts: prompt tokens of the same batch; a batch of 1 is broadcast to all rows.
        """
        rows = len(conditioned)
        prompts = PromptTokens(prompts.sparse.expand(rows, -1, -1), prompts.dense.expand(rows, -1, -1, -1))
        positions = self.prompt_encoder.image_positions()
        masks, ious, tokens, scores = self.mask_decoder(conditioned, features, prompts, positions)
        pointers = torch.where((scores > 0)[:, None, None], self.pointer_projection(tokens), self.no_object_pointer)
        return MaskProposals(masks, ious, pointers, scores)

    def mask_prompt_pointer(self, features: ImageFeatures, masks: Tensor) -> Tensor:
        """Compute object pointers [batch, dim] of mask prompts, float 0/1 [batch, 1, size, size].

        As in SAM 2, a mask prompt is kept unchanged, and the decoder only supplies the pointer.
        """
        prompts = self._mask_only(len(masks), _resize(self.mask_prompt_downsample(masks), self.config.mask_size))
        pointers = self.decode(features.coarse.expand(len(masks), -1, -1, -1), features, prompts).pointers[:, 0]
        empty = ~masks.flatten(1).any(1)
        return torch.where(empty[:, None], self.no_object_pointer, pointers)

    def encode_memory(self, coarse: Tensor, mask_logits: Tensor, object_scores: Tensor, binary: bool = False) -> Tensor:
        """Encode a frame and its mask as a memory.

        Args:
            coarse: [batch or 1, dim, grid, grid] from `encode_image`.
            mask_logits: [batch, 1, mask_size, mask_size].
            object_scores: [batch] logits.
            binary: use 0/1 mask values instead of probabilities, as SAM 2 does on prompted frames.

        Returns:
            [batch, *memory_shape], see `EncodedMemory`.
        """
        # By way of the image size, as in SAM 3; the two sizes are the same where the stride is 16.
        logits = _resize(_resize(mask_logits, self.config.image_size), self.config.memory_mask_size)
        masks = ((logits > 0).to(logits.dtype) if binary else logits.sigmoid()) * _MEMORY_SCALE + _MEMORY_BIAS
        memory = self.memory_encoder(coarse.to(self.precision), masks.to(self.precision)).to(logits.dtype)
        if self.config.occlusion_memory:
            absent = (object_scores <= 0).to(memory.dtype)
            memory = memory + (absent[:, None] * self.no_object_memory)[..., None, None]
        return memory if self.spatial_perceiver is None else self.spatial_perceiver(memory)

    def _memory_tokens(self, memory: Memory) -> MemoryTokens:
        channels = self.config.memory_dim
        spatial = memory.spatial if self.config.perceiver else memory.spatial.flatten(3).transpose(2, 3)
        _, count, each, _ = spatial.shape
        positions = self._memory_positions(spatial.device).to(spatial.dtype)
        spatial_keys = spatial + positions + self._slot_encodings()[memory.slots].unsqueeze(2)
        pointers = memory.pointers.unflatten(2, (-1, channels))
        pointer_keys = pointers + self._time_encodings(memory.times).unsqueeze(2)
        if memory.spatial_weights is not None:
            spatial_keys = spatial_keys * memory.spatial_weights[..., None, None]
        if memory.pointer_weights is not None:
            pointer_keys = pointer_keys * memory.pointer_weights[..., None, None]
        values = torch.cat([spatial.flatten(1, 2), pointers.flatten(1, 2)], dim=1)
        keys = torch.cat([spatial_keys.flatten(1, 2), pointer_keys.flatten(1, 2)], dim=1)
        return MemoryTokens(values, keys, count, each)

    def _memory_positions(self, device: torch.device) -> Tensor:
        """Positional encoding [tokens, memory_dim] of a spatial memory; tokens without a place come first, with 0."""
        side = self.config.memory_grid
        grid = sine_grid(self.config.memory_dim, side, side, device).flatten(1).T
        return F.pad(grid, (0, 0, self.config.memory_tokens - len(grid), 0))

    def _slot_encodings(self) -> Tensor:
        """[memory_slots, memory_dim] in slot order; checkpoints store that of prompted frames last."""
        return self.slot_embeddings.flatten(1).roll(1, dims=0)

    def _time_encodings(self, times: Tensor) -> Tensor:
        if not self.config.pointer_time:
            return times.new_zeros(*times.shape, self.config.memory_dim)
        encoded = sine_time(times, self.config.dim).to(self.pointer_time_projection.weight.dtype)
        return self.pointer_time_projection(encoded)


def _resize(masks: Tensor, side: int) -> Tensor:
    """Enlarge maps [batch, 1, height, width] to `side`, if they do not have it already."""
    if masks.shape[2:] == (side, side):
        return masks
    return F.interpolate(masks, size=(side, side), mode="bilinear", align_corners=False)
