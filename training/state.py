"""What a training run needs to go on: weights, optimiser and place in the curriculum, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sam2long.errors import CheckpointError
from sam2long.model import SAM2, SAM2Config
from sam2long.model.checkpoints.loading import fresh_model
from training.optimizers import Optimizers, optimizers_of


@dataclass
class TrainingState:
    """A run between two steps.

    Attributes:
        model: being trained.
        optimizers: of its parameters.
        stage: number of the current stage.
        step: steps done of it.
        total: steps done of all stages.
    """

    model: SAM2
    optimizers: Optimizers
    stage: int = 0
    step: int = 0
    total: int = 0

    def resize(self, image_size: int) -> None:
        """Continue with images of another size (pixels)."""
        config = replace(self.model.config, image_size=image_size)
        resized = _start(config, self.model.device)
        resized.model.load_state_dict(self.model.state_dict())
        resized.optimizers.load_state_dict(self.optimizers.state_dict())
        self.model, self.optimizers = resized.model, resized.optimizers

    def merge(self, path: Path) -> None:
        """Continue from the mean of these weights and those of the state at `path`, with new optimisers.

        Raises:
            CheckpointError: as `load_state`.
        """
        other = load_state(path, self.model.config, self.model.device)
        merged = _start(self.model.config, self.model.device)
        merged.model.load_state_dict(averaged([self, other], self.model.config.image_size).state_dict())
        self.model, self.optimizers = merged.model, merged.optimizers

    def save(self, path: Path) -> None:
        """Write to `path` through a temporary name."""
        content = {
            "model": self.model.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "image_size": self.model.config.image_size,
            "place": [self.stage, self.step, self.total],
        }
        partial = path.with_name(path.name + ".part")
        torch.save(content, partial)
        partial.replace(path)


def new_state(config: SAM2Config, device: torch.device, seed: int) -> TrainingState:
    """A run before its first step, with weights drawn from `seed`."""
    state = _start(config, device)
    state.model.load_state_dict(fresh_model(config, seed).state_dict())
    return state


def load_state(path: Path, config: SAM2Config, device: torch.device) -> TrainingState:
    """Read what `TrainingState.save` wrote.

    Raises:
        CheckpointError: there is no such file, or it is of another architecture or of other optimizers.
    """
    if not path.is_file():
        raise CheckpointError(f"no training state {str(path)!r} to resume; start without --resume")
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    state = _start(replace(config, image_size=content["image_size"]), device)
    try:
        state.model.load_state_dict(content["model"])
        state.optimizers.load_state_dict(content["optimizers"])
    except (RuntimeError, KeyError) as error:
        raise CheckpointError(
            f"training state {str(path)!r} is of another architecture or other optimizers than {asdict(config)}"
        ) from error
    state.stage, state.step, state.total = content["place"]
    return state


def averaged(states: Sequence[TrainingState], image_size: int) -> SAM2:
    """A model with the mean weights of several states, which stands in for a learning rate that falls to the end."""
    weights = [state.model.state_dict() for state in states]
    mean = {name: torch.stack([part[name] for part in weights]).mean(0) for name in weights[0]}
    model = SAM2(replace(states[0].model.config, image_size=image_size))
    model.load_state_dict(mean)
    return model


def _start(config: SAM2Config, device: torch.device) -> TrainingState:
    model = SAM2(config).to(device).train()
    return TrainingState(model, optimizers_of(model))
