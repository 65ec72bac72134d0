"""What a training run needs to go on: weights, optimiser and place in the curriculum, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sam2long.errors import CheckpointError
from sam2long.model import SAM2, SAM2Config
from sam2long.model.checkpoint import fresh_model

_WEIGHT_DECAY = 0.01


@dataclass
class TrainingState:
    """A run between two steps.

    Attributes:
        model: being trained.
        optimizer: of its parameters.
        stage: number of the current stage.
        step: steps done of it.
        total: steps done of all stages.
    """

    model: SAM2
    optimizer: torch.optim.AdamW
    stage: int = 0
    step: int = 0
    total: int = 0

    def resize(self, image_size: int) -> None:
        """Continue with images of another size (pixels)."""
        config = replace(self.model.config, image_size=image_size)
        resized = _start(config, self.model.device)
        resized.model.load_state_dict(self.model.state_dict())
        resized.optimizer.load_state_dict(self.optimizer.state_dict())
        self.model, self.optimizer = resized.model, resized.optimizer

    def save(self, path: Path) -> None:
        """Write to `path` through a temporary name."""
        content = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
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
        CheckpointError: there is no such file, or it is of another architecture.
    """
    if not path.is_file():
        raise CheckpointError(f"no training state {str(path)!r} to resume; start without --resume")
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    state = _start(replace(config, image_size=content["image_size"]), device)
    try:
        state.model.load_state_dict(content["model"])
    except RuntimeError as error:
        raise CheckpointError(
            f"training state {str(path)!r} is of another architecture than {asdict(config)}"
        ) from error
    state.optimizer.load_state_dict(content["optimizer"])
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
    return TrainingState(model, torch.optim.AdamW(_groups(model), lr=0.0, fused=True))


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    """Matrices decay, biases, norms and embeddings do not."""
    parameters = list(model.parameters())
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2 and parameter.numel() > 4096]
    chosen = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in parameters if id(parameter) not in chosen]
    return [{"params": matrices, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
