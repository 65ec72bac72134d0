"""A whole run of one object whose scores cross the threshold now and then: what three pathways cost, exact and lazy.

    python -m benchmarks.lazy [--frames 300] [--model sam2.1-hiera-tiny] [--image-size 1024] [--merge 1,4]
                              [--precision bfloat16] [--spread] [--library]

Scores and masks are dictated: 5% of the frames are uncertain, and there the candidates differ; on all others they
agree. The uncertain frames lie in three places, as when something passes in front, or with `--spread` evenly, the worst
case for lazy pathways. Each frame is encoded once, and then all contenders follow the object to it, in turns, so that a
busy minute hits all alike; everybody is charged for the encoder. Memories are full from the beginning. `--library` adds
the Transformers library's greedy model in float32, its default, and in bfloat16, every 30th frame. Times are by the
clock, and by processor time, which other work disturbs less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.against_transformers import Library
from sam2long import TreeConfig
from sam2long.bench import CERTAIN, UNCERTAIN, MeasuredSAM2, file_stages
from sam2long.bench.memory import full_tree
from sam2long.model import MaskProposals, Memory, SAM2Config
from sam2long.model.checkpoints.loading import choose_device, fresh_model
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.config import preset
from sam2long.model.decoder.prompt_encoder import PromptTokens
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.precision import PRECISIONS, choose_precision, set_precision
from sam2long.tracking.frame.tracker import Tracker
from tests.model import oracle

SHARE, PLACES, IMAGES, LIBRARY_EVERY = 0.05, 3, 4, 30


Seconds = tuple[float, float]
"""By the clock, and of the processor."""


def timed(work: Callable[[], object]) -> Seconds:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


class DictatedSAM2(MeasuredSAM2):
    """Also dictates the masks: a disc, and on uncertain frames one of another size for each candidate."""

    rows = 0

    def attend(self, coarse: Tensor, memory: Memory) -> Tensor:
        """See `SAM2`; counts the distinct pathways."""
        self.rows += len(memory.spatial)
        return super().attend(coarse, memory)

    def decode(self, conditioned: Tensor, features: ImageFeatures, prompts: PromptTokens) -> MaskProposals:
        """See `SAM2`."""
        proposals = super().decode(conditioned, features, prompts)
        side = proposals.masks.shape[-1]
        shares = (0.25, 0.25, 0.15, 0.08) if self.script is UNCERTAIN else (0.25,) * 4
        places = torch.arange(side) - side / 2
        discs = torch.stack([(share * side) ** 2 - places[:, None] ** 2 - places**2 for share in shares])
        return replace(proposals, masks=discs.clamp(-10, 10).to(proposals.masks).expand_as(proposals.masks))


class Contender:
    """A tracker in the middle of a video, with full memories."""

    def __init__(self, model: DictatedSAM2, tree: TreeConfig) -> None:
        self.model, self.tracker = model, Tracker(model)
        self.tracker.trees[1] = full_tree(model, tree, 1)
        self.seconds, self.rows = list[Seconds](), list[int]()

    def step(self, frame: int, features: ImageFeatures) -> None:
        """Follow the object to a frame."""
        self.model.rows = 0
        self.seconds.append(timed(lambda: self.tracker.step(frame, features, [1])))
        self.rows.append(self.model.rows)


def uncertain_frames(frames: int, spread: bool) -> set[int]:
    wanted = round(SHARE * frames)
    if spread:
        return {int((n + 0.5) * frames / wanted) for n in range(wanted)}
    starts = [int((n + 0.5) * frames / PLACES) for n in range(PLACES)]
    return {starts[n % PLACES] + n // PLACES for n in range(wanted)}


def libraries(config: SAM2Config, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Library]]:
    """Weights for ours, and the library's model with the same, in both types."""
    state = oracle.build(config).state_dict()
    models = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        model = oracle.build(config)
        model.load_state_dict(state)
        models[f"Transformers, greedy, {name}"] = Library(model.to(dtype), images, config.max_pointers)
    return to_ours(state), models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--model", default="sam2.1-hiera-tiny")
    parser.add_argument("--image-size", type=int, default=1024)
    parser.add_argument("--merge", default="1,4", help="agreeing frames after which pathways become one")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--spread", action="store_true")
    parser.add_argument("--library", action="store_true")
    options = parser.parse_args()
    config, device = preset(options.model, options.image_size), choose_device("cpu")
    images, _ = file_stages(config, IMAGES + options.frames // LIBRARY_EVERY + 1)
    state, library = libraries(config, images) if options.library else (fresh_model(config).state_dict(), {})
    ours = DictatedSAM2(config).eval()
    ours.load_state_dict(state)
    set_precision(ours, choose_precision(options.precision, device))
    # Not before: encoders whose weights were made in this mode take more than twice as long.
    with torch.inference_mode():
        run(options, ours, images, library)


def run(options: argparse.Namespace, ours: DictatedSAM2, images: Tensor, library: dict[str, Library]) -> None:
    trees = {"1 pathway": TreeConfig(pathways=1), "3 pathways, exact": TreeConfig()}
    trees |= {f"3 pathways, merge={n}": TreeConfig(merge=int(n)) for n in options.merge.split(",")}
    contenders = {name: Contender(ours, tree) for name, tree in trees.items()}
    encoder, others = list[Seconds](), {name: list[Seconds]() for name in library}
    doubtful, names = uncertain_frames(options.frames, options.spread), list(contenders)
    for frame in range(options.frames):
        ours.script = UNCERTAIN if frame in doubtful else CERTAIN
        encoded: list[ImageFeatures] = []
        image = images[None, frame % IMAGES]
        encoder.append(timed(lambda image=image, encoded=encoded: encoded.append(ours.encode_image(image))))  # type: ignore[misc]
        for place in range(len(names)):
            contenders[names[(frame + place) % len(names)]].step(ours.config.max_pointers + frame, encoded[0])
        if frame % LIBRARY_EVERY == LIBRARY_EVERY - 1:
            for name, model in library.items():
                others[name].append(timed(partial(model.frame, frame // LIBRARY_EVERY)))
            sys.stderr.write(f"{frame + 1} of {options.frames}\n")
    kind = "evenly" if options.spread else "in three places"
    uncertain = f"{len(doubtful)} of {options.frames} frames uncertain"
    print(f"{options.model} at {options.image_size}, {uncertain}, {kind}")
    report(encoder, contenders, others)


def report(encoder: list[Seconds], contenders: dict[str, Contender], others: dict[str, list[Seconds]]) -> None:
    """Mean seconds per frame; of the library, medians of a few frames."""
    means = {
        name: [statistics.mean(column) for column in zip(*map(np.add, encoder, one.seconds), strict=True)]
        for name, one in contenders.items()
    }
    means |= {
        name: [statistics.median(column) for column in zip(*seconds, strict=True)] for name, seconds in others.items()
    }
    clock, processor = means["1 pathway"]
    print(f"{'':34}{'s by clock':>12}{'processor s':>13}{'1 pathway / this':>24}{'distinct pathways':>20}")
    for name, (wall, spent) in means.items():
        rows = f"{statistics.mean(contenders[name].rows):20.2f}" if name in contenders else ""
        print(f"{name:34}{wall:12.3f}{spent:13.3f}{clock / wall:14.2f}, {processor / spent:8.2f}{rows}")
    print(json.dumps(means))


if __name__ == "__main__":
    main()
