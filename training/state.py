"""What a training run needs to go on: weights, optimisers and place in the recipe, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sam2long.errors import CheckpointError
from sam2long.model import SAM2, SAM2Config
from sam2long.model.checkpoints.loading import fresh_model
from training.optimizers import Optimizers, optimizers_of

_MEMORY = 0.998
"""How much of the running average of the weights a step keeps, once it has run for a while."""


@dataclass
class TrainingState:
    """A run between two steps.

    Attributes:
        model: being trained.
        optimizers: of its parameters.
        average: running average of the weights, by name; it is what is exported.
        stage: number of the current stage.
        step: steps done of it.
        total: steps done of all stages.
    """

    model: SAM2
    optimizers: Optimizers
    average: dict[str, Tensor]
    stage: int = 0
    step: int = 0
    total: int = 0

    def resize(self, image_size: int) -> None:
        """Continue with images of another size (pixels)."""
        config = replace(self.model.config, image_size=image_size)
        resized = started(config, self.model.device, self.model.state_dict())
        resized.optimizers.load_state_dict(self.optimizers.state_dict())
        self.model, self.optimizers = resized.model, resized.optimizers

    @torch.no_grad()
    def count_step(self) -> None:
        """Count a step that has changed the weights."""
        self.step += 1
        self.total += 1
        kept = min(_MEMORY, (1 + self.total) / (10 + self.total))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value, 1 - kept)

    def save(self, path: Path) -> None:
        """Write to `path` through a temporary name."""
        content = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizers": self.optimizers.state_dict(),
            "image_size": self.model.config.image_size,
            "place": [self.stage, self.step, self.total],
        }
        partial = path.with_name(path.name + ".part")
        torch.save(content, partial)
        partial.replace(path)


def averaged(states: Sequence[TrainingState], image_size: int) -> SAM2:
    """The model with the mean of the states' average weights, for images of `image_size` pixels."""
    first = states[0]
    model = SAM2(replace(first.model.config, image_size=image_size))
    model.load_state_dict({name: torch.stack([one.average[name] for one in states]).mean(0) for name in first.average})
    return model.eval()


def started(config: SAM2Config, device: torch.device, weights: dict[str, Tensor]) -> TrainingState:
    """A run before its first step, with new optimisers.

    Raises:
        CheckpointError: the weights are of another architecture.
    """
    model = SAM2(config).to(device).train()
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"these weights are of another architecture than {asdict(config)}") from error
    average = {name: value.clone() for name, value in model.state_dict().items()}
    return TrainingState(model, optimizers_of(model), average)


def new_state(config: SAM2Config, device: torch.device, seed: int) -> TrainingState:
    """A run before its first step, with weights drawn from `seed`."""
    return started(config, device, fresh_model(config, seed).state_dict())


def load_state(path: Path, config: SAM2Config, device: torch.device) -> TrainingState:
    """Read what `TrainingState.save` wrote.

    Raises:
        CheckpointError: there is no such file, or it is of another architecture or of other optimizers.
    """
    if not path.is_file():
        raise CheckpointError(f"no training state {str(path)!r} to resume; start without --resume")
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    state = started(replace(config, image_size=content["image_size"]), device, content["model"])
    try:
        state.optimizers.load_state_dict(content["optimizers"])
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"training state {str(path)!r} is of other optimizers") from error
    for name, value in content["average"].items():
        state.average[name].copy_(value)
    state.stage, state.step, state.total = content["place"]
    return state
