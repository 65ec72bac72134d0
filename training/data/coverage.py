"""True masks on the network's coarser grids."""

import torch.nn.functional as F
from torch import Tensor


def area_fraction(truth: Tensor, side: int) -> Tensor:
    """Fraction of each cell of a coarser grid that a mask covers: bool [rows, size, size] -> [rows, side, side]."""
    return F.adaptive_avg_pool2d(truth.float()[:, None], side).squeeze(1)
