"""One frame of SAM 2.1 tiny with full memory: the Transformers library and sam2long, in turn, with the same weights.

    python -m benchmarks.against_transformers [--rounds 5] [--image-size 1024]

Run it from the root of the repository: the library's model is built by the tests' oracle. A frame is encoded and
followed to its low-resolution mask; every contender remembers 7 maps and 16 pointers (15 for the tree, by its rule).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
import transformers
from torch import Tensor
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from sam2long import TreeConfig
from sam2long.bench import Load, MeasuredSAM2, file_stages, matmul_peak, time_frames
from sam2long.model.config import preset
from sam2long.model.names import to_ours
from tests.model import oracle


class Library:
    """The library's model in the middle of a video: prompted on frame 0, with memories of 15 more frames."""

    def __init__(self, model: transformers.Sam2VideoModel, images: Tensor, pointers: int) -> None:
        self.model = model
        self.next = pointers
        frames = images[:1].expand(pointers + len(images), -1, -1, -1).clone()
        frames[pointers:] = images
        side = images.shape[-1]
        self.session = Sam2VideoInferenceSession(video=frames, video_height=side, video_width=side, dtype=torch.float32)
        self._prompt(side)
        self.model(self.session, frame_idx=1)
        remembered = self.session.output_dict_per_obj[0]["non_cond_frame_outputs"]
        for frame in range(2, pointers):
            remembered[frame] = remembered[1]

    def frame(self) -> float:
        """Follow the object to the next frame; returns seconds."""
        started = time.perf_counter()
        self.model(self.session, frame_idx=self.next)
        self.next += 1
        return time.perf_counter() - started

    def _prompt(self, side: int) -> None:
        click = {
            "point_coords": torch.tensor([[[[side / 2, side / 2]]]]),
            "point_labels": torch.tensor([[[1]]], dtype=torch.int32),
        }
        self.session.add_point_inputs(self.session.obj_id_to_idx(1), 0, click)
        self.session.obj_with_new_inputs = [1]
        self.model(self.session, frame_idx=0)


def contenders(image_size: int, rounds: int) -> dict[str, Callable[[int], float]]:
    """By name, what follows an object to the frame of a round and tells how many seconds that took."""
    config = preset("sam2.1-hiera-tiny", image_size)
    images, _ = file_stages(config, rounds)
    model = oracle.build(config)
    ours = MeasuredSAM2(config).eval()
    ours.load_state_dict(to_ours(model.state_dict()))
    library = Library(model, images, config.max_pointers)

    def follow(tree: TreeConfig, certain: bool) -> Callable[[int], float]:
        load = Load(1, tree, certain)
        return lambda number: time_frames(ours, images[number : number + 1], load).frame_milliseconds / 1000

    return {
        "Transformers, greedy": lambda _: library.frame(),
        "sam2long, greedy": follow(TreeConfig.greedy(), certain=True),
        "sam2long, 1 pathway": follow(TreeConfig(pathways=1), certain=True),
        "sam2long, 3 pathways, certain": follow(TreeConfig(), certain=True),
        "sam2long, 3 pathways, uncertain": follow(TreeConfig(), certain=False),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--image-size", type=int, default=1024)
    args = parser.parse_args()
    names = contenders(args.image_size, args.rounds)
    sys.stderr.write("measuring\n")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(args.rounds):
        for name, frame in names.items():
            seconds[name].append(frame(number))
            sys.stderr.write(f"{name}: {seconds[name][-1]:.2f} s\n")
    report(seconds)


def report(seconds: dict[str, list[float]]) -> None:
    theirs = statistics.median(seconds["Transformers, greedy"])
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {torch.get_num_threads()} threads")
    print(f"{'':34}{'median s':>10}{'fastest s':>11}{'against Transformers':>22}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:34}{median:10.2f}{min(values):11.2f}{theirs / median:21.2f}x")
    peak = matmul_peak(torch.device("cpu"))
    print(json.dumps({"seconds": seconds, "gflops_per_second_of_matrix_products": round(peak, 1)}))


if __name__ == "__main__":
    main()
