"""Memory attention's one large product by every kernel that PyTorch has for it, and ours.

    python -m benchmarks.attention [--device cuda] [--precision bfloat16] [--grid 64] [--rows 3]

Keys are 256 wide and values 64. Kernels that want both of one width get padded values. Operations are those of the
narrow values, so a kernel that pads has to be that much faster.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from sam2long.bench import matmul_peak, wait_for
from sam2long.model.checkpoints.loading import choose_device
from sam2long.model.memory.attention import attend
from sam2long.model.precision import PRECISIONS, choose_precision

KEY_WIDTH, VALUE_WIDTH, MAPS, POINTER_TOKENS = 256, 64, 7, 64
BACKENDS = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION)


def fused(backend: SDPBackend, padded: bool) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """`attend` by one kernel of PyTorch."""

    def work(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        values = F.pad(v, (0, KEY_WIDTH - VALUE_WIDTH)) if padded else v
        with sdpa_kernel(backend):
            out = F.scaled_dot_product_attention(q.unsqueeze(1), k.unsqueeze(1), values.unsqueeze(1))
        return out.squeeze(1)[..., :VALUE_WIDTH]

    return work


def contenders() -> dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]]:
    """By name."""
    names: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"sam2long": attend}
    for backend in BACKENDS:
        for padded in (False, True):
            names[f"{backend.name.lower()}{', padded values' if padded else ''}"] = fused(backend, padded)
    return names


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--grid", type=int, default=64, help="places on a side of a memory; 64 for images of 1024")
    parser.add_argument("--rows", type=int, default=1, help="distinct pathways")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    device = choose_device(options.device)
    dtype = choose_precision(options.precision, device)
    queries, keys = options.grid**2, MAPS * options.grid**2 + POINTER_TOKENS
    q, k, v = (
        torch.randn(options.rows, count, width, device=device, dtype=dtype)
        for count, width in ((queries, KEY_WIDTH), (keys, KEY_WIDTH), (keys, VALUE_WIDTH))
    )
    # PyTorch explains at length why a kernel cannot be used; a line of ours says that it cannot.
    warnings.filterwarnings("ignore", category=UserWarning)
    expected, peak = attend(q, k, v).float(), matmul_peak(device, dtype)
    operations = 2 * options.rows * queries * keys * (KEY_WIDTH + VALUE_WIDTH)
    print(f"torch {torch.__version__}, {device}, {dtype}: {options.rows} x {queries} x {keys}, peak {peak:.0f} GFLOP/s")
    for name, work in contenders().items():
        try:
            error = float((work(q, k, v).float() - expected).abs().max())
        except RuntimeError:
            print(f"{name:40} not for these shapes on this device")
            continue
        seconds = statistics.median(_seconds(work, q, k, v) for _ in range(options.rounds))
        rate = operations / seconds / 1e9
        print(
            f"{name:40}{seconds * 1000:10.2f} ms{rate:10.0f} GFLOP/s{rate / peak:7.0%} of peak, differs by {error:.1g}"
        )


def _seconds(work: Callable[[Tensor, Tensor, Tensor], Tensor], q: Tensor, k: Tensor, v: Tensor) -> float:
    wait_for(q.device)
    started = time.perf_counter()
    work(q, k, v)
    wait_for(q.device)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
