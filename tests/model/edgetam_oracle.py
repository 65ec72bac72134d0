"""The Transformers library's EdgeTAM for video with the architecture of one of our configurations."""

from __future__ import annotations

import torch
from transformers import EdgeTamVideoConfig, EdgeTamVideoModel
from transformers.models.timm_wrapper import modeling_timm_wrapper
from transformers.utils import import_utils

from tests.model import timm_alone


def allow_timm(monkeypatch):
    """Let the library use timm, which it refuses to do without torchvision."""
    timm_alone.allow()
    import timm

    monkeypatch.setitem(import_utils.BACKENDS_MAPPING, "timm", (lambda: True, ""))
    monkeypatch.setattr(modeling_timm_wrapper, "timm", timm, raising=False)


def build(config, seed=0):
    """An `EdgeTamVideoModel` with random weights, and statistics of batch norms, large enough to matter."""
    trunk, dim, grid, perceiver = config.trunk, config.dim, config.grid, config.perceiver
    network = {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    library_config = EdgeTamVideoConfig(
        vision_config={
            "model_type": "edgetam_vision_model",
            "backbone_config": {
                "model_type": "timm_wrapper",
                "architecture": "repvit_m1",
                "label_names": ["a", "b"],
                "num_classes": 2,
                "model_args": {**network, "embed_dim": list(trunk.widths), "depth": list(trunk.depths)},
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
        memory_attention_mlp_hidden_size=config.attention_mlp,
        memory_attention_rope_feat_sizes=[grid, grid],
        memory_attention_rope_k_sizes=[perceiver.side, perceiver.side],
        perceiver_resampler_num_latents=perceiver.latents,
        perceiver_resampler_num_latents_2d=perceiver.side**2,
        perceiver_resampler_mlp_intermediate_size=perceiver.mlp,
        perceiver_resampler_num_layers=perceiver.layers,
        memory_encoder_hidden_size=dim,
        memory_encoder_output_channels=config.memory_dim,
        mask_downsampler_embed_dim=dim,
        memory_fuser_embed_dim=dim,
        memory_fuser_intermediate_dim=dim * 4,
        enable_occlusion_spatial_embedding=config.occlusion_memory,
        enable_temporal_pos_encoding_for_object_pointers=config.pointer_time,
    )
    torch.manual_seed(seed)
    model = EdgeTamVideoModel(library_config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = parameter[0].numel() ** -0.5 if parameter.ndim >= 2 else 0.1
            if ".backbone." in name:
                spread /= 4  # nothing normalises the sums of this trunk's residuals
            parameter.add_(torch.randn_like(parameter) * spread)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
        # Otherwise chance decides, and a mask of an absent object is the same everywhere.
        model.mask_decoder.pred_obj_score_head.proj_out.bias.add_(10.0)
        frequencies = model.prompt_encoder.shared_embedding.positional_embedding
        model.shared_image_embedding.positional_embedding.copy_(frequencies)
    return model
