"""The Transformers library's SAM 3 tracker for video with the architecture of one of our configurations."""

from __future__ import annotations

import torch
from transformers import Sam3TrackerVideoConfig
from transformers.models.sam3_tracker_video import modeling_sam3_tracker_video

from tests.model.oracle import Float32Torch


def keep_float32(monkeypatch):
    """Make the library store its memories in float32."""
    monkeypatch.setattr(modeling_sam3_tracker_video, "torch", Float32Torch())


def build(config, seed=0):
    """A `Sam3TrackerVideoModel` with random weights large enough to matter."""
    trunk, dim = config.trunk, config.dim
    library_config = Sam3TrackerVideoConfig(
        vision_config={
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": trunk.width,
                "intermediate_size": trunk.mlp,
                "num_hidden_layers": trunk.depth,
                "num_attention_heads": trunk.heads,
                "patch_size": trunk.patch,
                "window_size": trunk.window,
                "global_attn_indexes": list(trunk.global_blocks),
                "pretrain_image_size": trunk.position_side * trunk.patch,
            },
            "fpn_hidden_size": dim,
        },
        prompt_encoder_config={"hidden_size": dim, "patch_size": trunk.patch},
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
        memory_encoder_hidden_size=dim,
        memory_encoder_output_channels=config.memory_dim,
        mask_downsampler_embed_dim=dim,
        memory_fuser_embed_dim=dim,
        memory_fuser_intermediate_dim=dim * 4,
        max_cond_frame_num=config.max_prompted,
    )
    torch.manual_seed(seed)
    model = modeling_sam3_tracker_video.Sam3TrackerVideoModel(library_config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            spread = parameter[0].numel() ** -0.5 if parameter.ndim >= 2 else 0.1
            parameter.add_(torch.randn_like(parameter) * spread)
        frequencies = model.prompt_encoder.shared_embedding.positional_embedding
        model.shared_image_embedding.positional_embedding.copy_(frequencies)
    return model
