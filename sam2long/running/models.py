"""The network a command uses."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from sam2long.errors import ConfigError
from sam2long.model import SAM2, load_model
from sam2long.model.compilation import compile_model
from sam2long.model.precision import PRECISIONS


@dataclass(frozen=True)
class ModelChoice:
    """A network to load later; fields as in `load_model`, plus `quiet` to print only warnings.

    Raises:
        ConfigError: both random weights and a checkpoint are requested, or the precision is unknown.
    """

    name: str
    checkpoint: Path | None = None
    device: str | None = None
    image_size: int | None = None
    random_weights: bool = False
    precision: str = "auto"
    compile: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.random_weights and self.checkpoint is not None:
            raise ConfigError("--random-weights and --checkpoint cannot be combined")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {self.precision!r}; known: {', '.join(PRECISIONS)}")

    def load(self) -> SAM2:
        """Load the network, and warn if its weights are random.

        Raises:
            CheckpointError: the name is unknown, or the file does not fit the network.
            ConfigError: the device cannot be used, or the network cannot be compiled on it.
        """
        model = load_model(
            self.name,
            self.checkpoint,
            device=self.device,
            image_size=self.image_size,
            random_weights=self.random_weights,
            precision=self.precision,
        )
        if model.device.type == "cuda" and self.precision != "float32":
            # For the parts that stay in float32; the setting affects the whole process, so only commands change it.
            torch.set_float32_matmul_precision("high")
        if self.compile:
            seconds = compile_model(model)
            if not self.quiet:
                sys.stderr.write(f"compiled the network in {seconds:.0f} s\n")
        if self.random_weights:
            warnings.warn("RANDOM WEIGHTS: this network is untrained and its masks are meaningless", stacklevel=2)
        return model

    def described(self) -> dict[str, object]:
        """Describe the network for the summary."""
        return {
            "model": self.name,
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint),
            "image_size": self.image_size,
            "random_weights": self.random_weights,
            "precision": self.precision,
        }
