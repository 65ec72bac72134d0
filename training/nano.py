"""The architecture of `nano`: the same network as the published ones, with smaller numbers."""

from sam2long.model.config import NANO

__all__ = ["NANO"]
