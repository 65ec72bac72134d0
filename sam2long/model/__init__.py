"""The SAM 2 network, its configurations and its checkpoints."""

from sam2long.model.checkpoints.loading import load_model
from sam2long.model.config import PRESETS, PerceiverConfig, SAM2Config
from sam2long.model.decoder.mask_decoder import Candidates, MaskProposals
from sam2long.model.memory.memory_attention import Memory
from sam2long.model.sam2 import SAM2
from sam2long.model.trunk_config import EfficientNetConfig, HieraConfig, RepViTConfig, RotaryViTConfig, ViTConfig

__all__ = [
    "PRESETS",
    "SAM2",
    "Candidates",
    "EfficientNetConfig",
    "HieraConfig",
    "MaskProposals",
    "Memory",
    "PerceiverConfig",
    "RepViTConfig",
    "RotaryViTConfig",
    "SAM2Config",
    "ViTConfig",
    "load_model",
]
