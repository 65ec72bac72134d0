"""EdgeTAM at 1024 x 1024 against SAM 2.1 tiny, and against the Transformers library's EdgeTAM, in turn.

    python -m benchmarks.relatives [--rounds 5] [--precision float32]
    python -m benchmarks.relatives --table [NAME ...]     # what docs/models.md says of every preset, or of these

Run it from the root of the repository: the library's model is built by the tests' oracle. Weights are random, scores
dictated, memories full, as in `benchmarks.against_transformers`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import deque
from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.against_transformers import Library
from sam2long import TreeConfig
from sam2long.bench import Load, MeasuredSAM2, file_stages, measured_model, time_frames
from sam2long.model import PRESETS, SAM2, Memory, SAM2Config
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.precision import PRECISIONS, choose_precision, set_precision
from tests.model import edgetam_oracle

CPU = torch.device("cpu")
LOADS = {
    "greedy": Load(1, TreeConfig.greedy(), certain=True),
    "3 pathways, uncertain": Load(1, TreeConfig(), certain=False),
}


def contenders(rounds: int, precision: str) -> dict[str, Callable[[int], float]]:
    """By name, what follows an object to the frame of a round and returns the seconds that took."""
    edgetam, tiny = PRESETS["edgetam"], PRESETS["sam2.1-hiera-tiny"]
    images, _ = file_stages(edgetam, rounds)
    with pytest.MonkeyPatch.context() as patch:
        edgetam_oracle.allow_timm(patch)
        library = edgetam_oracle.build(edgetam)
    ours = MeasuredSAM2(edgetam).eval()
    ours.load_state_dict(to_ours(library.state_dict()))
    dtype = choose_precision(precision, CPU)
    theirs = Library(library, images, edgetam.max_pointers)
    names: dict[str, Callable[[int], float]] = {"EdgeTAM, Transformers, greedy": theirs.frame}
    for title, model in (("EdgeTAM", ours), ("SAM 2.1 tiny", measured_model(tiny, CPU))):
        set_precision(model, dtype)
        for how, load in LOADS.items():
            names[f"{title}, {how}"] = lambda number, model=model, load=load: (
                time_frames(model, images[number : number + 1], load).frame_milliseconds / 1000
            )
    return names


def compare(rounds: int, precision: str) -> None:
    names = contenders(rounds, precision)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    turns = deque(names)
    for number in range(rounds):
        for name in turns:
            seconds[name].append(names[name](number))
            sys.stderr.write(f"{name}: {seconds[name][-1]:.3f} s\n")
        turns.rotate(1)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {choose_precision(precision, CPU)}")
    print(f"{'':40}{'median s':>10}{'fastest s':>11}")
    for name, values in seconds.items():
        print(f"{name:40}{statistics.median(values):10.3f}{min(values):11.3f}")
    for slow, fast in (
        ("SAM 2.1 tiny, 3 pathways, uncertain", "EdgeTAM, 3 pathways, uncertain"),
        ("EdgeTAM, Transformers, greedy", "EdgeTAM, greedy"),
        ("EdgeTAM, Transformers, greedy", "EdgeTAM, 3 pathways, uncertain"),
    ):
        ratios = [a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)]
        print(f"{slow} / {fast}: {statistics.median(ratios):.2f} (by round {min(ratios):.2f} to {max(ratios):.2f})")
    print(json.dumps({"seconds": seconds}))


def operations(config: SAM2Config, rows: int) -> float:
    """GFLOP of a frame with `rows` distinct pathways and full memories, counted on shapes alone."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = SAM2(config).eval().requires_grad_(False)
        memory = Memory(
            torch.empty(rows, config.memory_slots, *config.memory_shape),
            torch.zeros(rows, config.memory_slots, dtype=torch.long),
            torch.empty(rows, config.max_pointers - 1, config.dim),
            torch.empty(rows, config.max_pointers - 1),
        )
        features = model.encode_image(torch.empty(1, 3, config.image_size, config.image_size))
        proposals = model.decode(model.attend(features.coarse, memory), features, model.no_prompts())
        model.encode_memory(features.coarse, proposals.masks[:, 1:2], proposals.object_scores)
    return counter.get_total_flops() / 1e9


def table(names: list[str], precision: str) -> None:
    print("| preset | parameters, M | image | tokens | GFLOP, P=1 | GFLOP, P=3 | s, P=1 | s, P=3 |")
    for name in names or [name for name in PRESETS if not name.startswith("sam2-")]:  # the same work as SAM 2.1
        config = PRESETS[name]
        model = measured_model(config, CPU).requires_grad_(False)
        set_precision(model, choose_precision(precision, CPU))
        images, _ = file_stages(config, 1)
        spent = [time_frames(model, images, load).frame_milliseconds / 1000 for load in LOADS.values()]
        size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
        tokens = config.memory_slots * config.memory_tokens
        counted = " | ".join(f"{operations(config, rows):.0f}" for rows in (1, 3))
        numbers = f"{size:.1f} | {config.image_size} | {tokens:,} | {counted}"
        print(f"| {name} | {numbers} | {spent[0]:.2f} | {spent[1]:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--table", nargs="*", metavar="NAME", choices=PRESETS)
    options = parser.parse_args()
    if options.table is not None:
        table(options.table, options.precision)
    else:
        compare(options.rounds, options.precision)


if __name__ == "__main__":
    main()
