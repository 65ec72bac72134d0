"""Processor time of a frame and resident memory against the length of a video.

    python -m benchmarks.growth [--lengths 100,1000,10000] [--network micro|nano|fake] [--max-delay N] [--plot FILE.png]

Every video has the same acts, whatever its length: the object is seen for certain, then is out of sight for two fifths
of the video, then the pathways part on every frame, then they go on side by side for a fifth of the video and never
agree, and in the end one of them wins. The network is a real one whose scores are dictated, or, with `fake`, one that
answers at once, so that what is left is the tree, the session and their memory. Other work on the machine does not
disturb processor time much.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sam2long import Session
from sam2long.bench import ABSENT, CERTAIN, PARTED, UNCERTAIN, MeasuredSAM2, Script, measured_model, resident_megabytes
from sam2long.model import HieraConfig, MaskProposals, Memory, SAM2Config
from sam2long.model.config import NANO
from sam2long.model.decoder.prompt_encoder import PromptTokens
from sam2long.model.image_encoder import ImageFeatures

ACTS: tuple[tuple[float, str, Script], ...] = (
    (0.0, "certain", CERTAIN),
    (0.2, "absent", ABSENT),
    (0.6, "uncertain", UNCERTAIN),
    (0.7, "never agreeing", PARTED),
    (0.9, "uncertain again", UNCERTAIN),
)
"""When each act begins, as a share of the video."""

MICRO = SAM2Config("micro", HieraConfig(16, 1, (1, 1, 1, 1), (2,)), 64, 32, 8, 1, 32, 32, decoder_heads=2)
_MARKS = 50


class FakeSAM2(MeasuredSAM2):
    """Answers at once; its masks are four discs."""

    def encode_image(self, images: Tensor) -> ImageFeatures:
        side, dim = self.config.grid, self.config.dim
        maps = (torch.zeros(1, dim // 8 * 2**i, side * 4 // 2**i, side * 4 // 2**i) for i in range(2))
        return ImageFeatures(*maps, torch.zeros(1, dim, side, side))

    def attend(self, coarse: Tensor, memory: Memory) -> Tensor:
        return coarse.expand(len(memory.spatial), -1, -1, -1)

    def decode(self, conditioned: Tensor, features: ImageFeatures, prompts: PromptTokens) -> MaskProposals:
        rows, side = len(conditioned), self.config.mask_size
        x = torch.arange(side) - side / 2
        discs = torch.stack([radius**2 - x[:, None] ** 2 - x**2 for radius in (7.0, 6.0, 5.0, 4.0)])
        return MaskProposals(
            discs.expand(rows, -1, -1, -1),
            torch.tensor(self.script.ious).expand(rows, -1),
            torch.zeros(rows, 4, self.config.dim),
            torch.full((rows,), self.script.object_score),
        )

    def encode_memory(self, coarse: Tensor, mask_logits: Tensor, object_scores: Tensor, binary: bool = False) -> Tensor:
        return torch.zeros(len(mask_logits), self.config.memory_dim, self.config.grid, self.config.grid)


@dataclass(frozen=True)
class Mark:
    """How things stood at a frame: processor ms per frame since the last mark, resident MB, frames undecided."""

    frame: int
    act: str
    milliseconds: float
    megabytes: float
    undecided: int


def build(name: str) -> MeasuredSAM2:
    """The network by name."""
    if name == "fake":
        return FakeSAM2(MICRO).eval()
    return measured_model({"micro": MICRO, "nano": NANO}[name], torch.device("cpu"))


def act_at(frame: int, length: int) -> tuple[str, Script]:
    """Name and script of the act that a frame belongs to."""
    _, name, script = [act for act in ACTS if frame >= act[0] * length][-1]
    return name, script


def follow(model: MeasuredSAM2, length: int, max_delay: int | None) -> list[Mark]:
    """Follow one object through a live source of `length` frames; results are taken and dropped."""
    marks: list[Mark] = []
    pictures = np.random.default_rng(0).integers(0, 256, (8, 96, 128, 3), dtype=np.uint8)

    def frames() -> Iterator[np.ndarray]:
        before, every = time.process_time(), max(1, length // _MARKS)
        for number in range(length):
            name, model.script = act_at(number, length)
            yield pictures[number % len(pictures)]
            if number % every == every - 1:
                now = time.process_time()
                milliseconds = (now - before) * 1000 / every
                marks.append(Mark(number + 1, name, milliseconds, resident_megabytes(), session.delay))
                before = now

    session = Session(model, frames(), max_delay=max_delay)
    session.add_box(0, 1, (40, 30, 80, 60))
    for _ in session.propagate():
        pass
    return marks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", default="100,1000,10000")
    parser.add_argument("--network", choices=["micro", "nano", "fake"], default="micro")
    parser.add_argument("--max-delay", type=int)
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch; small networks gain nothing from more")
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = build(args.network)
    follow(model, 60, args.max_delay)
    runs = {length: follow(model, length, args.max_delay) for length in map(int, args.lengths.split(","))}
    report(runs)
    if args.plot:
        plot(runs, args.plot)
    print(json.dumps({str(length): [asdict(mark) for mark in marks] for length, marks in runs.items()}))


def report(runs: dict[int, list[Mark]]) -> None:
    print(f"{'frames':>8}  {'act':16}{'ms per frame':>11}{'resident MB':>13}{'undecided':>11}")
    for length, marks in runs.items():
        for _, name, _ in ACTS:
            act = [mark for mark in marks if mark.act == name]
            milliseconds = float(np.median([mark.milliseconds for mark in act]))
            peak, undecided = max(mark.megabytes for mark in act), max(mark.undecided for mark in act)
            print(f"{length:8}  {name:16}{milliseconds:11.2f}{peak:13.1f}{undecided:11}")


def plot(runs: dict[int, list[Mark]], path: Path) -> None:
    """Both against the share of the video, a line for each length."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, sharex=True, figsize=(8, 6), layout="constrained")
    for length, marks in runs.items():
        share = [mark.frame / length for mark in marks]
        axes[0].plot(share, [mark.milliseconds for mark in marks], label=f"{length:,} frames")
        axes[1].plot(share, [mark.megabytes for mark in marks])
    for start, name, _ in ACTS:
        axes[0].axvline(start, color="0.8")
        axes[1].axvline(start, color="0.8")
        axes[0].annotate(f" {name}", (start, 1), xycoords=("data", "axes fraction"), va="bottom", fontsize=8)
    axes[0].set(ylabel="processor ms per frame", ylim=(0, None))
    axes[1].set(
        ylabel="resident MB",
        xlabel="share of the video",
        ylim=(0, 1.1 * max(mark.megabytes for marks in runs.values() for mark in marks)),
    )
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
