"""Which network a command tracks with."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from sam2long.errors import ConfigError
from sam2long.model import SAM2, load_model
from sam2long.model.compilation import compile_model
from sam2long.model.precision import PRECISIONS


@dataclass(frozen=True)
class ModelChoice:
    """A network that is not loaded yet; the fields are those of `load_model`, but for `quiet`: warnings only.

    Raises:
        ConfigError: weights are to be drawn at random and read from a file, or there is no such precision.
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
            raise ConfigError("--random-weights and --checkpoint exclude each other")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {self.precision!r}; known: {', '.join(PRECISIONS)}")

    def load(self) -> SAM2:
        """Loads it, and warns about weights that mean nothing.

        Raises:
            CheckpointError: an unknown name, or a file that does not fit.
            ConfigError: a device that cannot be used, or on which the network cannot be compiled.
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
            # For what stays float32 beside bfloat16; a setting of the whole process, so only commands make it.
            torch.set_float32_matmul_precision("high")
        if self.compile:
            seconds = compile_model(model)
            if not self.quiet:
                sys.stderr.write(f"compiled the network in {seconds:.0f} s\n")
        if self.random_weights:
            sys.stderr.write("warning: RANDOM WEIGHTS: this network has learnt nothing, its masks mean nothing\n")
        return model

    def described(self) -> dict[str, object]:
        """What a summary says about it."""
        return {
            "model": self.name,
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint),
            "image_size": self.image_size,
            "random_weights": self.random_weights,
            "precision": self.precision,
        }
