"""One frame of SAM 2.1 with full memory: the Transformers library and sam2long, in turn, with the same weights.

    python -m benchmarks.against_transformers [--rounds 5] [--model sam2.1-hiera-tiny] [--image-size 1024]
                                              [--device cuda] [--precision bfloat16] [--compile]

Run it from the root of the repository: the library's model is built by the tests' oracle. A frame is encoded and
followed to its low-resolution mask; every contender remembers 7 maps and 16 pointers (15 for the tree, by its rule).
On a GPU the library runs in bfloat16 as its documentation shows, whatever ours does, and everybody warms up first.
`--compile` compiles ours, and the library's image encoder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable

import torch
import transformers
from torch import Tensor
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from sam2long import TreeConfig
from sam2long.bench import Load, MeasuredSAM2, file_stages, matmul_peak, time_frames, wait_for
from sam2long.model.checkpoints.loading import choose_device
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.compilation import compile_model
from sam2long.model.config import preset
from sam2long.model.precision import PRECISIONS, choose_precision, set_precision
from tests.model import oracle


class Library:
    """The library's model in the middle of a video: prompted on frame 0, with memories of 15 more frames."""

    def __init__(self, model: transformers.Sam2VideoModel, images: Tensor, pointers: int) -> None:
        self.model = model
        self.first = pointers
        frames = images[:1].expand(pointers + len(images), -1, -1, -1).clone()
        frames[pointers:] = images
        side = images.shape[-1]
        self.session = Sam2VideoInferenceSession(
            video=frames.to(model.dtype),
            video_height=side,
            video_width=side,
            inference_device=model.device,
            inference_state_device=model.device,
            video_storage_device=model.device,
            dtype=model.dtype,
        )
        self._prompt(side)
        self.model(self.session, frame_idx=1)
        remembered = self.session.output_dict_per_obj[0]["non_cond_frame_outputs"]
        for frame in range(2, pointers):
            remembered[frame] = remembered[1]

    def frame(self, number: int) -> float:
        """Follow the object to a frame; returns seconds."""
        wait_for(self.model.device)
        started = time.perf_counter()
        self.model(self.session, frame_idx=self.first + number)
        wait_for(self.model.device)
        return time.perf_counter() - started

    def _prompt(self, side: int) -> None:
        click = {
            "point_coords": torch.tensor([[[[side / 2, side / 2]]]]),
            "point_labels": torch.tensor([[[1]]], dtype=torch.int32),
        }
        self.session.add_point_inputs(self.session.obj_id_to_idx(1), 0, click)
        self.session.obj_with_new_inputs = [1]
        self.model(self.session, frame_idx=0)


def contenders(options: argparse.Namespace) -> dict[str, Callable[[int], float]]:
    """By name, what follows an object to the frame of a round and tells how many seconds that took."""
    config, device = preset(options.model, options.image_size), choose_device(options.device)
    images, _ = file_stages(config, options.rounds + 1)
    model = oracle.build(config)
    ours = MeasuredSAM2(config).eval()
    ours.load_state_dict(to_ours(model.state_dict()))
    set_precision(ours.to(device), choose_precision(options.precision, device))
    theirs = model.to(device, torch.float32 if device.type == "cpu" else torch.bfloat16)
    if options.compile:
        sys.stderr.write(f"compiling ours took {compile_model(ours):.0f} s\n")
        theirs.vision_encoder.compile()
    library = Library(theirs, images.to(device), config.max_pointers)

    def follow(tree: TreeConfig, certain: bool) -> Callable[[int], float]:
        load = Load(1, tree, certain)
        return lambda number: time_frames(ours, images[number : number + 1], load).frame_milliseconds / 1000

    names = {
        "Transformers, greedy": library.frame,
        "sam2long, greedy": follow(TreeConfig.greedy(), certain=True),
        "sam2long, 1 pathway": follow(TreeConfig(pathways=1), certain=True),
        "sam2long, 3 pathways, certain": follow(TreeConfig(), certain=True),
        "sam2long, 3 pathways, uncertain": follow(TreeConfig(), certain=False),
    }
    if device.type != "cpu":
        for frame in names.values():
            # A frame of its own, since the library keeps the features of the last one.
            frame(options.rounds)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="sam2.1-hiera-tiny")
    parser.add_argument("--image-size", type=int, default=1024)
    parser.add_argument("--device")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    names = contenders(options)
    sys.stderr.write("measuring\n")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    turns = deque(names)
    for number in range(options.rounds):
        for name in turns:
            seconds[name].append(names[name](number))
            sys.stderr.write(f"{name}: {seconds[name][-1]:.4f} s\n")
        # Whoever comes after a long frame of another finds a warmer machine, so nobody keeps a place.
        turns.rotate(1)
    report(seconds, choose_device(options.device))


def report(seconds: dict[str, list[float]], device: torch.device) -> None:
    theirs = statistics.median(seconds["Transformers, greedy"])
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    print(f"{versions}, {device}, {torch.get_num_threads()} threads")
    print(f"{'':34}{'median s':>10}{'fastest s':>11}{'against Transformers':>22}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:34}{median:10.4f}{min(values):11.4f}{theirs / median:21.2f}x")
    peak = matmul_peak(device)
    print(json.dumps({"seconds": seconds, "gflops_per_second_of_matrix_products": round(peak, 1)}))


if __name__ == "__main__":
    main()
