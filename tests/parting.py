"""A network whose pathways part on the first tracked frame and then go on side by side, so that nothing is decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sam2long.model import SAM2, MaskProposals

_decode = SAM2.decode
_PARTING, _SIDE_BY_SIDE = (0.9, 0.9, 0.7, 0.6), (0.9, 0.9, 0.9, 0.9)


def decode(self: SAM2, *given: Any) -> MaskProposals:
    """Stands in for `SAM2.decode`: uncertain on every frame; candidates differ until there are three pathways."""
    proposals = _decode(self, *given)
    ious = torch.tensor(_SIDE_BY_SIDE if len(proposals.ious) == 3 else _PARTING)
    scores = torch.ones_like(proposals.object_scores)
    return replace(proposals, ious=ious.expand_as(proposals.ious), object_scores=scores)


def part() -> None:
    """Let every network of this process be one."""
    SAM2.decode = decode  # type: ignore[method-assign]


PROGRAM = (
    "-c",
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    "from tests.parting import part; part();"
    "from sam2long.cli.app import main; main()",
    str(Path(__file__).parents[1]),
)
"""Python's words for the command with such networks."""
