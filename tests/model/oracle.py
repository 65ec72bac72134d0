"""The Transformers library's SAM 2 for video with our small configuration and the same weights."""

from __future__ import annotations

import torch
from transformers import Sam2VideoConfig, Sam2VideoModel
from transformers.models.sam2_video import modeling_sam2_video


class Float32Torch:
    """Stands in for the torch module inside the library, so that it stores memories in float32 instead of bfloat16."""

    bfloat16 = torch.float32

    def __getattr__(self, name):
        return getattr(torch, name)


def keep_float32(monkeypatch):
    """Make the library store its memories in float32."""
    monkeypatch.setattr(modeling_sam2_video, "torch", Float32Torch())


def build(config, seed=0):
    """A `Sam2VideoModel` of the same architecture with random weights large enough to matter."""
    trunk, dim, grid = config.trunk, config.dim, config.grid
    library_config = Sam2VideoConfig(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": trunk.width,
                "num_attention_heads": trunk.heads,
                "image_size": [config.image_size, config.image_size],
                "blocks_per_stage": list(trunk.depths),
                "embed_dim_per_stage": list(trunk.widths),
                "num_attention_heads_per_stage": [trunk.heads * 2**i for i in range(4)],
                "window_size_per_stage": list(trunk.windows),
                "global_attention_blocks": list(trunk.global_blocks),
                "window_positional_embedding_background_size": list(trunk.position_grid),
            },
            "backbone_channel_list": list(trunk.widths[::-1]),
            "backbone_feature_sizes": [[grid * 4, grid * 4], [grid * 2, grid * 2], [grid, grid]],
            "fpn_hidden_size": dim,
        },
        prompt_encoder_config={"hidden_size": dim, "image_size": config.image_size},
        mask_decoder_config={
            "hidden_size": dim,
            "mlp_dim": config.decoder_mlp,
            "num_attention_heads": config.decoder_heads,
            "iou_head_hidden_dim": dim,
        },
        image_size=config.image_size,
        memory_attention_hidden_size=dim,
        memory_attention_num_layers=config.attention_layers,
        memory_attention_feed_forward_hidden_size=config.attention_mlp,
        memory_attention_rope_feat_sizes=[grid, grid],
        memory_encoder_hidden_size=dim,
        memory_encoder_output_channels=config.memory_dim,
        mask_downsampler_embed_dim=dim,
        memory_fuser_embed_dim=dim,
        memory_fuser_intermediate_dim=dim * 4,
        enable_occlusion_spatial_embedding=config.occlusion_memory,
        enable_temporal_pos_encoding_for_object_pointers=config.pointer_time,
    )
    torch.manual_seed(seed)
    model = Sam2VideoModel(library_config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            spread = parameter[0].numel() ** -0.5 if parameter.ndim >= 2 else 0.1
            parameter.add_(torch.randn_like(parameter) * spread)
        # Published checkpoints hold the same frequencies in both places.
        frequencies = model.prompt_encoder.shared_embedding.positional_embedding
        model.shared_image_embedding.positional_embedding.copy_(frequencies)
    return model
