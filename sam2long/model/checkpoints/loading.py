"""Builds models and loads their weights: from the hub, from a file, or random ones."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sam2long.errors import CheckpointError, ConfigError
from sam2long.model.checkpoints.hub import download
from sam2long.model.checkpoints.names import is_used, to_ours
from sam2long.model.checkpoints.recognition import recognise
from sam2long.model.checkpoints.unwrap import file_in, read_pickle, unwrap
from sam2long.model.compilation import compile_model
from sam2long.model.config import PRESETS, PerceiverConfig, SAM2Config, preset
from sam2long.model.precision import choose_precision, set_precision
from sam2long.model.sam2 import SAM2
from sam2long.model.trunk_config import TRUNKS, TrunkConfig

_BUNDLED = {"nano": Path(__file__).parents[1] / "weights" / "nano.safetensors"}
"""Weights bundled with the package."""

_SHOWN = 5
"""Number of parameters of each kind listed in an error message."""


# Weights made in inference mode would halve the speed of the encoder.
@torch.inference_mode(False)
def load_model(
    name: str | Path,
    checkpoint: str | Path | None = None,
    *,
    device: str | torch.device | None = None,
    image_size: int | None = None,
    random_weights: bool = False,
    precision: str = "auto",
    compile: bool = False,
) -> SAM2:
    """Build a SAM 2 model and load its weights.

    Args:
        name: "nano" (bundled, works offline), a published preset ("sam2.1-hiera-large") or its hub id
            ("facebook/sam2.1-hiera-large"), or the path of a `.pt` or `.safetensors` checkpoint or of a folder with a
            `model.safetensors`, from which the architecture is inferred.
        checkpoint: local file with weights of the preset, used instead of the official ones from the Hugging Face hub.
        device: "cpu", "cuda", "mps", ...; by default the fastest available.
        image_size: side of the square network input in pixels; by default the one used in training.
        random_weights: use random weights instead of loading any; the masks are then meaningless.
        precision: precision of the image encoder, memory attention and the memory encoder: "float32", "bfloat16" or
            "auto", see `choose_precision`. Everything else is float32.
        compile: compile the first two with PyTorch now, which takes a minute or more, see `compile_model`.

    Returns:
        The model in evaluation mode.

    Raises:
        CheckpointError: the name is unknown, the file is missing or damaged, or its parameters do not fit.
        ConfigError: the device or precision is not available, or the network cannot be compiled on this machine.
    """
    target = choose_device(device)
    dtype = choose_precision(precision, target)
    model = _load(str(name), checkpoint, image_size, random_weights).to(target)
    set_precision(model, dtype)
    if compile:
        compile_model(model)
    return model


def _load(name: str, checkpoint: str | Path | None, image_size: int | None, random_weights: bool) -> SAM2:
    if random_weights:
        return fresh_model(_config(name, image_size))
    if checkpoint is None and _looks_like_file(name):
        state, config = read_checkpoint(Path(name))
        path = file_in(Path(name))
        config = config or recognise(state, path, image_size)
    else:
        config = _config(name, None)
        path = Path(checkpoint) if checkpoint is not None else _BUNDLED.get(config.name) or download(config.name)
        state, stored = read_checkpoint(path)
        config = stored or config
    if image_size is not None:
        config = replace(config, image_size=image_size)
    return _fill(config, state, path)


def fresh_model(config: SAM2Config, seed: int = 0) -> SAM2:
    """Build a model with random weights that depend only on the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SAM2(config)
        for parameter in model.parameters():
            if not parameter.any():
                nn.init.trunc_normal_(parameter, std=0.02)
    return model.eval()


def choose_device(device: str | torch.device | None) -> torch.device:
    """Return the device to run on: the requested one, else CUDA, else Apple's MPS, else the CPU.

    Raises:
        ConfigError: the device is not available.
    """
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {str(device)!r} cannot be used: {reason}") from error
    return chosen


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], SAM2Config | None]:
    """Read the parameters of a `.pt` or `.safetensors` file under our names, and its configuration if it has one.

    Raises:
        CheckpointError: the file is missing, damaged or not a checkpoint.
    """
    path = file_in(path)
    if not path.is_file():
        raise CheckpointError(f"checkpoint file {str(path)!r} does not exist")
    try:
        content, metadata = _read_safetensors(path) if path.suffix == ".safetensors" else (read_pickle(path), {})
    except CheckpointError:
        raise
    except Exception as error:  # unpickling a file that is not a checkpoint fails in many ways
        reason = _first_sentence(error)
        raise CheckpointError(
            f"checkpoint {str(path)!r} cannot be read; it may be truncated or not a checkpoint ({reason})"
        ) from error
    state = unwrap(content, path)
    try:
        return to_ours(state), _stored_config(metadata, path)
    except (RuntimeError, TypeError, IndexError) as error:  # folding takes the shapes for granted
        raise CheckpointError(
            f"checkpoint {str(path)!r} has layers that do not fit together: {_first_sentence(error)}"
        ) from error


def save_model(model: SAM2, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write a model and its configuration to a `.safetensors` file, via a temporary file."""
    from safetensors.torch import save

    state = {name: value.detach().to("cpu", dtype).contiguous() for name, value in model.state_dict().items()}
    partial = path.with_name(path.name + ".part")
    # `save_file` would create a file that only its owner can read
    partial.write_bytes(save(state, metadata={"sam2long_config": json.dumps(_config_to_store(model.config))}))
    partial.replace(path)


def _config_to_store(config: SAM2Config) -> dict[str, Any]:
    fields = asdict(config)
    kind = next(name for name, kind in TRUNKS.items() if type(config.trunk) is kind)
    return {**fields, "trunk": {"kind": kind, **fields["trunk"]}}


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            names = filter(is_used, file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _stored_config(metadata: dict[str, str], path: Path) -> SAM2Config | None:
    if "sam2long_config" not in metadata:
        return None
    try:
        fields: dict[str, Any] = json.loads(metadata["sam2long_config"])
        trunk, perceiver = _stored_trunk(fields.pop("trunk")), fields.pop("perceiver", None)
        compressed = PerceiverConfig(**perceiver) if perceiver else None
        return SAM2Config(trunk=trunk, perceiver=compressed, **{key: _frozen(value) for key, value in fields.items()})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"checkpoint {str(path)!r} has a configuration that cannot be used: {_first_sentence(error)}"
        ) from error


def _stored_trunk(fields: dict[str, Any]) -> TrunkConfig:
    """Files written before there was a choice of trunks do not name theirs: it is a Hiera."""
    kind = TRUNKS[fields.pop("kind", "hiera")]
    return kind(**{key: _frozen(value) for key, value in fields.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _looks_like_file(name: str) -> bool:
    if name.endswith((".pt", ".pth", ".safetensors")) or Path(name).is_file():
        return True
    return name.removeprefix("facebook/") not in PRESETS and Path(name).is_dir()


def _config(name: str, image_size: int | None) -> SAM2Config:
    try:
        return preset(name.removeprefix("facebook/"), image_size)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error


def _fill(config: SAM2Config, state: dict[str, Tensor], path: Path) -> SAM2:
    with torch.device("meta"):
        model = SAM2(config)
    expected = model.state_dict()
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    misshapen = [
        f"{name} {list(state[name].shape)} instead of {list(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    unusable = [
        f"{name} ({value.dtype}, {value.layout})".replace("torch.", "")
        for name, value in state.items()
        if name in expected and not (value.is_floating_point() and value.layout == torch.strided and not value.is_meta)
    ]
    broken = [
        name
        for name, value in state.items()
        if name in expected
        and name not in unusable
        and value.is_floating_point()
        and not value.is_sparse
        and not value.is_meta
        and not bool(torch.isfinite(value).all())
    ]
    problems = [
        ("missing", missing),
        ("unexpected", unexpected),
        ("of wrong shape", misshapen),
        ("not of dense floating-point numbers", unusable),
        ("with NaN or infinite numbers", broken),
    ]
    if any(names for _, names in problems):
        details = "; ".join(f"{len(names)} {kind}: {_some(names)}" for kind, names in problems if names)
        raise CheckpointError(f"checkpoint {str(path)!r} does not fit {config.name}: {details}")
    model.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    return model.eval().requires_grad_(False)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _first_sentence(error: Exception) -> str:
    """Return the error message without PyTorch's advice to load an untrusted file unchecked."""
    text = str(error)
    return text.splitlines()[0].partition(". ")[0] if text else type(error).__name__
