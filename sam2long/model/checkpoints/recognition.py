"""Recognises the preset that a checkpoint belongs to, by its parameters and by what its folder says."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from sam2long.errors import CheckpointError, ConfigError
from sam2long.model.config import PRESETS, SAM2Config
from sam2long.model.trunk_config import HieraConfig, RepViTConfig, RotaryViTConfig, ViTConfig


def recognise(state: dict[str, Tensor], path: Path, image_size: int | None = None) -> SAM2Config:
    """Find the preset of a checkpoint.

    The parameters decide, and among presets that have the same ones the name of the published file, or the image size
    in a `config.json` beside it. Without either, presets that differ in nothing but the image size are taken for the
    one that comes first, which is the larger, with a warning.

    Args:
        state: parameters under our names.
        path: file that they were read from.
        image_size: the image size if the user gave one, in pixels.

    Raises:
        CheckpointError: the parameters fit no preset or several, or `config.json` gives an image size that cannot be.
    """
    fitting = [config for config in PRESETS.values() if _fits(config, state)]
    if not fitting:
        raise CheckpointError(f"checkpoint {str(path)!r} matches no known model; known: {', '.join(PRESETS)}")
    named = _named(path)
    first = next((config for config in fitting if config.name == named), fitting[0])
    if first.name != named and any(
        replace(config, name=first.name, image_size=first.image_size) != first for config in fitting
    ):
        names = ", ".join(config.name for config in fitting)
        raise CheckpointError(
            f"checkpoint {str(path)!r} may belong to {names}; name the model and pass the file as its checkpoint"
        )
    size = image_size or _image_size_beside(path)
    if size is None:
        if len(fitting) > 1 and first.name != named:
            _warn_of_others(path, first, fitting)
        return first
    config = next((config for config in [first, *fitting] if config.image_size == size), first)
    try:
        return replace(config, image_size=size)
    except ConfigError as error:
        raise CheckpointError(f"{str(path.with_name('config.json'))!r}: {error}") from error


def _warn_of_others(path: Path, first: SAM2Config, fitting: list[SAM2Config]) -> None:
    others = " or ".join(f"{config.name} ({config.image_size})" for config in fitting if config is not first)
    warnings.warn(
        f"checkpoint {str(path)!r} is taken for {first.name} (image size {first.image_size}), but {others} has the "
        "same parameters; to choose, name the model and pass the file as its checkpoint",
        stacklevel=2,
    )


def _named(path: Path) -> str:
    """Return the preset whose published file has this name, if any: MedSAM2_latest.pt, efficienttam_s_512x512.pt."""
    stem = path.stem.lower()
    return "medsam2" if stem.startswith("medsam2") else stem.replace("512x512", "512").replace("_", "-")


def _fits(config: SAM2Config, state: dict[str, Tensor]) -> bool:
    options = config.occlusion_memory, config.perceiver is not None
    return options == ("no_object_memory" in state, "spatial_perceiver.latents" in state) and _has_trunk(config, state)


def _has_trunk(config: SAM2Config, state: dict[str, Tensor]) -> bool:
    """Whether the first convolution and the number of blocks are those of the trunk."""
    trunk, prefix = config.trunk, "image_encoder.trunk."
    if f"{prefix}norm.weight" in state and not isinstance(trunk, RotaryViTConfig):
        return False
    if isinstance(trunk, HieraConfig | ViTConfig):
        depth = trunk.depth if isinstance(trunk, ViTConfig) else sum(trunk.depths)
        first, width, levels = "patch_embed.weight", trunk.width, 4
        start = f"{prefix}blocks."
    elif isinstance(trunk, RepViTConfig):
        first, width, depth, levels = "stem.conv2.weight", trunk.widths[0], trunk.depths[2], 6
        start = f"{prefix}stages.2.blocks."
    else:
        return False
    convolution = state.get(prefix + first)
    blocks = {name.split(".")[levels - 1] for name in state if name.startswith(start)}
    return convolution is not None and convolution.ndim == 4 and (convolution.shape[0], len(blocks)) == (width, depth)


def _image_size_beside(path: Path) -> int | None:
    """Return the image size that the `config.json` in the folder of a `model.safetensors` gives, if any."""
    file = path.with_name("config.json")
    if path.name != "model.safetensors" or not file.is_file():
        return None
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        said = said.get("tracker_config", said)  # of the whole SAM 3
        size = said.get("image_size", said.get("prompt_encoder_config", {}).get("image_size"))
    except (ValueError, AttributeError, RecursionError, OSError) as error:
        raise CheckpointError(f"{str(file)!r} cannot be read: {str(error).partition('. ')[0]}") from error
    if isinstance(size, list) and size:
        if any(side != size[0] for side in size):
            raise CheckpointError(f"{str(file)!r} asks for images of {size}; only square ones are supported")
        size = size[0]
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int):
        raise CheckpointError(f"{str(file)!r} has an image_size that is not a whole number: {size!r}")
    return size
