"""Finds the table of parameters in checkpoint files written by training scripts."""

from __future__ import annotations

import _codecs
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sam2long.errors import CheckpointError

_WRAPPERS = ("model", "state_dict", "model_state_dict", "module")
"""Keys under which training scripts store the weights, next to optimizer state and counters."""
_PREFIXES = ("module.", "_orig_mod.", "model.")
"""Prefixes that DistributedDataParallel, `torch.compile` and Lightning add to every name."""
_DEEPEST = 4


def file_in(path: Path) -> Path:
    """Return the weights file in a folder saved by the Transformers library; a path of a file is returned unchanged.

    Raises:
        CheckpointError: the folder contains no `model.safetensors`.
    """
    if not path.is_dir():
        return path
    file = path / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(f"folder {str(path)!r} contains no model.safetensors; pass the checkpoint file itself")
    return file


def read_pickle(path: Path) -> Any:
    """Load a `.pt` file with tensors, plain Python values and NumPy scalars only, so that it cannot run code.

    Raises:
        CheckpointError: the file contains objects of other classes.
    """
    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if found is None:
            raise
        raise CheckpointError(
            f"checkpoint {str(path)!r} cannot be read safely: besides tensors it contains {found[1]}, which could "
            "run code; save only the model's state_dict()"
        ) from error


def unwrap(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the parameters by name, without wrappers around the table or prefixes common to all names.

    Raises:
        CheckpointError: there is no such table, or it contains something other than tensors.
    """
    for _ in range(_DEEPEST):
        inner = [content[key] for key in _WRAPPERS if key in content] if isinstance(content, Mapping) else []
        tables = [table for table in inner if isinstance(table, Mapping)]
        if not tables:
            break
        content = tables[0]
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"checkpoint {str(path)!r} contains a {type(content).__name__}, not a table of parameters; "
            "save the model's state_dict()"
        )
    if not any(isinstance(value, Tensor) for value in content.values()):
        keys = ", ".join(str(key)[:40] for key in list(content)[:5]) or "nothing"
        raise CheckpointError(f"checkpoint {str(path)!r} contains no table of parameters, only: {keys}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"checkpoint {str(path)!r} has a {type(value).__name__} named {str(name)[:40]!r} among its "
                "parameters; save only the model's state_dict()"
            )
    return _without_prefix(dict(content))


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    while True:
        prefix = next((prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in state)), None)
        if prefix is None:
            return state
        state = {name.removeprefix(prefix): value for name, value in state.items()}


def _numpy_scalars() -> list[Any]:
    """Return the classes and functions in a pickled NumPy scalar; none of them can run code."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = [np.bool_, np.int32, np.int64, np.uint8, np.float16, np.float32, np.float64]
    # Older NumPy pickled the function under another name.
    old = [(scalar, "numpy.core.multiarray.scalar"), (scalar, "numpy._core.multiarray.scalar")]
    return [*old, np.dtype, *(type(np.dtype(kind)) for kind in kinds), _codecs.encode]
