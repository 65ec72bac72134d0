"""Maps parameter names of published checkpoints to ours by two tables of renames.

Each rule is (regular expression, replacement); the rules are applied in order to a published name to give our name.
"""

from __future__ import annotations

import re
from math import isqrt

import torch
from torch import Tensor

from sam2long.model.checkpoints.folding import fold_repvit

Rules = list[tuple[str, str]]

_REPVIT: Rules = [
    (r"\.stages_(\d)\.", r".stages.\1."),
    (r"\.spatial_downsample\.", ".spatial."),
    (r"\.channel_downsample\.", ".channel."),
    (r"\.downsample\.ffn\.", ".downsample.channel_mixer."),
    (r"\.se\.fc1\.", ".squeeze.reduce."),
    (r"\.se\.fc2\.", ".squeeze.restore."),
]

_SAM3: Rules = [
    # The file holds SAM 3's detector too, whose trunk the tracker shares.
    (r"^detector\.backbone\.vision_backbone\.trunk\.", "image_encoder.trunk."),
    (r"^detector\.backbone\.vision_backbone\.sam2_convs\.", "image_encoder.neck."),
    (r"^tracker\.transformer\.encoder\.", "memory_attention."),
    (r"^tracker\.maskmem_backbone\.", "memory_encoder."),
    (r"^tracker\.", ""),
    (r"\.trunk\.ln_pre\.", ".trunk.norm."),
    (r"\.mlp\.(?:fc|lin)1\.", ".mlp.layers.0."),
    (r"\.mlp\.(?:fc|lin)2\.", ".mlp.layers.1."),
    (r"\.neck\.0\.dconv_2x2_(\d)\.", r".neck.enlarge_fine.\1."),
    (r"\.neck\.1\.dconv_2x2\.", ".neck.enlarge_middle."),
    (r"\.neck\.(\d)\.conv_1x1\.", r".neck.project.\1."),
    (r"\.neck\.(\d)\.conv_3x3\.", r".neck.smooth.\1."),
]

ORIGINAL: Rules = [
    *_SAM3,
    (r"^maskmem_tpos_enc$", "slot_embeddings"),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^no_mem_pos_enc$", "no_memory_position"),
    (r"^no_obj_ptr$", "no_object_pointer"),
    (r"^no_obj_embed_spatial$", "no_object_memory"),
    (r"^mask_downsample\.", "mask_prompt_downsample."),
    (r"^obj_ptr_proj\.", "pointer_projection."),
    (r"^obj_ptr_tpos_proj\.", "pointer_time_projection."),
    # image encoder
    (r"\.trunk\.pos_embed_window$", ".trunk.window_position"),
    (r"\.trunk\.pos_embed$", ".trunk.position"),
    (r"\.patch_embed\.proj\.", ".patch_embed."),
    (r"\.neck\.convs\.0\.conv\.", ".neck.3."),
    (r"\.neck\.convs\.1\.conv\.", ".neck.2."),
    (r"\.neck\.convs\.2\.conv\.", ".neck.1."),
    (r"\.neck\.convs\.3\.conv\.", ".neck.0."),
    (r"\.neck\.convs\.0\.conv_1x1\.", ".neck.project."),
    (r"\.neck\.convs\.0\.norm_0\.", ".neck.norm1."),
    (r"\.neck\.convs\.0\.conv_3x3\.", ".neck.smooth."),
    (r"\.neck\.convs\.0\.norm_1\.", ".neck.norm2."),
    (r"\.trunk\.body\.", ".trunk."),
    *_REPVIT,
    # prompt encoder
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"\.pe_layer\.positional_encoding_gaussian_matrix$", ".frequencies"),
    (r"\.point_embeddings\.(\d)\.weight$", r".point_embeddings.\1"),
    (r"\.not_a_point_embed\.weight$", ".padding_embedding"),
    (r"\.no_mask_embed\.weight$", ".no_mask_embedding"),
    # mask decoder
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"\.cross_attn_token_to_image\.", ".token_to_image."),
    (r"\.cross_attn_image_to_token\.", ".image_to_token."),
    (r"\.final_attn_token_to_image\.", ".final_attn."),
    (r"\.norm_final_attn\.", ".final_norm."),
    (r"\.obj_score_token\.weight$", ".object_token"),
    (r"\.(iou_token|mask_tokens)\.weight$", r".\1"),
    (r"\.output_upscaling\.0\.", ".upscale8."),
    (r"\.output_upscaling\.1\.", ".upscale_norm."),
    (r"\.output_upscaling\.3\.", ".upscale4."),
    (r"\.conv_s0\.", ".project_stride4."),
    (r"\.conv_s1\.", ".project_stride8."),
    (r"\.output_hypernetworks_mlps\.", ".mask_filters."),
    (r"\.iou_prediction_head\.", ".iou_head."),
    (r"\.pred_obj_score_head\.", ".object_score_head."),
    # memory
    (r"\.cross_attn_image\.", ".cross_attn."),
    (r"\.mask_downsampler\.encoder\.", ".mask_downsampler."),
    (r"\.pix_feat_proj\.", ".image_projection."),
    (r"\.fuser\.layers\.", ".fuser."),
    (r"\.gamma$", ".scale"),
    (r"\.dwconv\.", ".depthwise."),
    (r"\.pwconv1\.", ".expand."),
    (r"\.pwconv2\.", ".contract."),
    (r"^memory_encoder\.out_proj\.", "memory_encoder.out_projection."),
    # spatial perceiver
    (r"^spatial_perceiver\.latents_2d$", "spatial_perceiver.grid_latents"),
    (r"\.(self_)?ff\.0\.", r".\1mlp.norm."),
    (r"\.(self_)?ff\.1\.", r".\1mlp.up."),
    (r"\.(self_)?ff\.3\.", r".\1mlp.down."),
    (r"\.attn\.norm_x\.", ".norm_input."),
    (r"\.attn\.norm_latents\.", ".norm_latents."),
    (r"^(spatial_perceiver\..*)\.self_attn\.norm\.", r"\1.norm_self."),
    (r"^(spatial_perceiver\..*)\.attn\.", r"\1.cross_attn."),
    (r"\.to_(q|k|v|out)\.", r".\1_proj."),
]
"""Rules for the `.pt` files of SAM 2, SAM 2.1, EdgeTAM, EfficientTAM and SAM 3."""

TRANSFORMERS: Rules = [
    (r"^memory_temporal_positional_encoding$", "slot_embeddings"),
    (r"^no_memory_positional_encoding$", "no_memory_position"),
    (r"^occlusion_spatial_embedding_parameter$", "no_object_memory"),
    (r"^mask_downsample\.", "mask_prompt_downsample."),
    (r"^object_pointer_proj\.", "pointer_projection."),
    (r"^temporal_positional_encoding_projection_layer\.", "pointer_time_projection."),
    # image encoder
    (r"^vision_encoder\.backbone\.(timm_model\.)?", "image_encoder.trunk."),
    *_REPVIT,
    (r"^vision_encoder\.neck\.convs\.0\.", "image_encoder.neck.3."),
    (r"^vision_encoder\.neck\.convs\.1\.", "image_encoder.neck.2."),
    (r"^vision_encoder\.neck\.convs\.2\.", "image_encoder.neck.1."),
    (r"^vision_encoder\.neck\.convs\.3\.", "image_encoder.neck.0."),
    (r"\.trunk\.pos_embed_window$", ".trunk.window_position"),
    (r"\.trunk\.pos_embed$", ".trunk.position"),
    (r"\.patch_embed\.projection\.", ".patch_embed."),
    # prompt encoder
    (r"\.shared_embedding\.positional_embedding$", ".frequencies"),
    (r"\.point_embed\.(\d)$", r".point_embeddings.\1"),
    (r"\.not_a_point_embed\.weight$", ".padding_embedding"),
    (r"\.no_mask_embed\.weight$", ".no_mask_embedding"),
    (r"\.mask_embed\.conv1\.", ".mask_downscaling.0."),
    (r"\.mask_embed\.layer_norm1\.", ".mask_downscaling.1."),
    (r"\.mask_embed\.conv2\.", ".mask_downscaling.3."),
    (r"\.mask_embed\.layer_norm2\.", ".mask_downscaling.4."),
    (r"\.mask_embed\.conv3\.", ".mask_downscaling.6."),
    # mask decoder
    (r"\.cross_attn_token_to_image\.", ".token_to_image."),
    (r"\.cross_attn_image_to_token\.", ".image_to_token."),
    (r"\.final_attn_token_to_image\.", ".final_attn."),
    (r"\.layer_norm_final_attn\.", ".final_norm."),
    (r"\.obj_score_token\.weight$", ".object_token"),
    (r"\.(iou_token|mask_tokens)\.weight$", r".\1"),
    (r"\.upscale_conv1\.", ".upscale8."),
    (r"\.upscale_layer_norm\.", ".upscale_norm."),
    (r"\.upscale_conv2\.", ".upscale4."),
    (r"\.conv_s0\.", ".project_stride4."),
    (r"\.conv_s1\.", ".project_stride8."),
    (r"\.output_hypernetworks_mlps\.", ".mask_filters."),
    (r"\.iou_prediction_head\.", ".iou_head."),
    (r"\.pred_obj_score_head\.", ".object_score_head."),
    # memory
    (r"\.cross_attn_image\.", ".cross_attn."),
    (r"\.mask_downsampler\.layers\.0\.conv\.", ".mask_downsampler.0."),
    (r"\.mask_downsampler\.layers\.0\.layer_norm\.", ".mask_downsampler.1."),
    (r"\.mask_downsampler\.layers\.1\.conv\.", ".mask_downsampler.3."),
    (r"\.mask_downsampler\.layers\.1\.layer_norm\.", ".mask_downsampler.4."),
    (r"\.mask_downsampler\.layers\.2\.conv\.", ".mask_downsampler.6."),
    (r"\.mask_downsampler\.layers\.2\.layer_norm\.", ".mask_downsampler.7."),
    (r"\.mask_downsampler\.layers\.3\.conv\.", ".mask_downsampler.9."),
    (r"\.mask_downsampler\.layers\.3\.layer_norm\.", ".mask_downsampler.10."),
    (r"\.mask_downsampler\.final_conv\.", ".mask_downsampler.12."),
    (r"\.feature_projection\.", ".image_projection."),
    (r"\.memory_fuser\.layers\.", ".fuser."),
    (r"\.depthwise_conv\.", ".depthwise."),
    (r"\.pointwise_conv1\.", ".expand."),
    (r"\.pointwise_conv2\.", ".contract."),
    (r"^memory_encoder\.projection\.", "memory_encoder.out_projection."),
    # spatial perceiver, and the feed-forward part of EdgeTAM's memory attention
    (r"^spatial_perceiver\.latents_1d$", "spatial_perceiver.latents"),
    (r"^spatial_perceiver\.latents_2d$", "spatial_perceiver.grid_latents"),
    (r"^(spatial_perceiver\..*)\.(up|down)_proj\.", r"\1.\2."),
    (r"^(spatial_perceiver\..*)\.(cross|self)_attention\.", r"\1.\2_attn."),
    (r"\.layer_norm_(input|latents|self)\.", r".norm_\1."),
    (r"^(memory_attention\..*)\.mlp\.up_proj\.", r"\1.linear1."),
    (r"^(memory_attention\..*)\.mlp\.down_proj\.", r"\1.linear2."),
    # multi-layer perceptrons: two layers inside transformer blocks, three elsewhere
    (r"\.layers\.0\.(weight|bias)$", r".layers.1.\1"),
    (r"\.proj_in\.", ".layers.0."),
    (r"\.mlp\.proj_out\.", ".mlp.layers.1."),
    (r"\.proj_out\.", ".layers.2."),
    # SAM 3
    (r"\.trunk\.embeddings\.patch_embeddings\.projection\.", ".trunk.patch_embed."),
    (r"\.trunk\.embeddings\.position_embeddings$", ".trunk.position"),
    (r"\.trunk\.layers\.(\d+)\.", r".trunk.blocks.\1."),
    (r"\.attention\.(qkv|o_proj)\.", r".attn.\1."),
    (r"\.attn\.o_proj\.", ".attn.proj."),
    (r"\.mlp\.fc1\.", ".mlp.layers.0."),
    (r"\.mlp\.fc2\.", ".mlp.layers.1."),
    (r"^vision_encoder\.neck\.fpn_layers\.0\.scale_layers\.0\.", "image_encoder.neck.enlarge_fine.0."),
    (r"^vision_encoder\.neck\.fpn_layers\.0\.scale_layers\.2\.", "image_encoder.neck.enlarge_fine.1."),
    (r"^vision_encoder\.neck\.fpn_layers\.1\.scale_layers\.0\.", "image_encoder.neck.enlarge_middle."),
    (r"^vision_encoder\.neck\.fpn_layers\.(\d)\.proj1\.", r"image_encoder.neck.project.\1."),
    (r"^vision_encoder\.neck\.fpn_layers\.(\d)\.proj2\.", r"image_encoder.neck.smooth.\1."),
    # the rest
    (r"\.o_proj\.", ".out_proj."),
    (r"\.layer_norm(\d?)\.", r".norm\1."),
]
"""Rules for the `model.safetensors` files of Sam2VideoModel, Sam2Model, EdgeTamVideoModel and Sam3TrackerVideoModel in
Transformers."""

_WHOLE_SAM3: Rules = [
    # The library gives this prefix to the other two as well when it saves the tracker alone.
    (r"^tracker_model\.", ""),
    (r"^detector_model\.vision_encoder\.backbone\.", "vision_encoder.backbone."),
    (r"^tracker_neck\.", "vision_encoder.neck."),
]
"""Names in Transformers' file of the whole SAM 3, detector and tracker, to those in a file of the tracker alone."""

_UNUSED = (
    # the detector of SAM 3, but for the trunk
    r"^detector_model\.(?!vision_encoder\.backbone\.)",
    r"^detector\.(?!backbone\.vision_backbone\.(trunk|sam2_convs)\.)",
    # a table that depends only on sizes
    r"^detector\..*\.freqs_cis$",
    # the coarsest map of its neck
    r"^(tracker_neck|vision_encoder\.neck)\.fpn_layers\.3\.",
    r"^detector\.backbone\.vision_backbone\.sam2_convs\.3\.",
)


def is_used(name: str) -> bool:
    """Whether the network needs the parameter of this published name; SAM 3's files hold a detector as well."""
    return not any(re.search(pattern, name) for pattern in _UNUSED)


def to_ours(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename a published state dict, whose kind the name of the temporal slots shows; our names are kept."""
    if "maskmem_tpos_enc" in state or "tracker.maskmem_tpos_enc" in state:
        split = _split_keys_and_values(fold_repvit(_used(state)))
        return _as_grid({_rename(name, ORIGINAL): value for name, value in split.items()})
    slots = "memory_temporal_positional_encoding"
    if slots in state or f"tracker_model.{slots}" in state:
        state = _used({_rename(name, _WHOLE_SAM3): value for name, value in state.items()})
        split = _split_points(_join_projections(fold_repvit(state)))
        return _as_grid({_rename(name, TRANSFORMERS): value for name, value in split.items()})
    return state


def _used(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if is_used(name)}


def _as_grid(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Lay the learned positions of SAM 3's trunk out as a grid, without that of the class token."""
    name = "image_encoder.trunk.position"
    positions = state.get(name)
    if positions is None or "image_encoder.trunk.norm.weight" not in state or positions.ndim != 3:
        return state
    side = isqrt(positions.shape[1])
    if side and side**2 in (positions.shape[1], positions.shape[1] - 1):
        state[name] = positions[:, -(side**2) :].unflatten(1, (side, side))
    return state


def _join_projections(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Join the matrices of SAM 3's trunk that Transformers splits into queries, keys and values."""
    state = dict(state)
    for start in [name.removesuffix("q_proj.weight") for name in state if name.endswith(".attention.q_proj.weight")]:
        for part in ("weight", "bias"):
            names = [f"{start}{which}_proj.{part}" for which in "qkv"]
            if all(name in state for name in names):
                state[f"{start}qkv.{part}"] = torch.cat([state.pop(name) for name in names])
    return state


def _rename(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _split_keys_and_values(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Split the matrices of the original perceiver that give both keys and values."""
    split = {}
    for name, value in state.items():
        if name.endswith(".to_kv.weight") and value.ndim == 2 and len(value) % 2 == 0:
            start = name.removesuffix("kv.weight")
            split[f"{start}k.weight"], split[f"{start}v.weight"] = value.chunk(2)
        else:
            split[name] = value
    return split


def _split_points(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Split the point embeddings that Transformers merges, and copy the frequencies that it shares."""
    state = dict(state)
    shared = state.pop("shared_image_embedding.positional_embedding", None)
    if shared is not None:
        state.setdefault("prompt_encoder.shared_embedding.positional_embedding", shared)
    merged = state.get("prompt_encoder.point_embed.weight")
    if merged is not None and merged.ndim == 2:
        del state["prompt_encoder.point_embed.weight"]
        state |= {f"prompt_encoder.point_embed.{i}": row[None] for i, row in enumerate(merged)}
    return state
