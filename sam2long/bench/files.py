"""Times reading frames and writing masks, which run on threads of their own beside the network."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sam2long.model import SAM2Config
from sam2long.model.preprocess import prepare_image
from sam2long.results import FrameResult
from sam2long.results.writers import open_writers
from sam2long.synthetic import Scene, SceneConfig
from sam2long.synthetic.export import write_mp4
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tracking.prompting.prompts import FrameSize
from sam2long.video import VideoSource, open_video

HEIGHT, WIDTH = 480, 848


def file_stages(config: SAM2Config, frames: int, seed: int = 0) -> tuple[Tensor, dict[str, float]]:
    """Read an artificial clip, and write a mask for each of its frames.

    Returns:
        The prepared images [frames, 3, size, size] on the CPU, and milliseconds per frame of "decode" (and resizing)
        and "write" (resizing the logits of one object, and a PNG).
    """
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_mp4(Scene(SceneConfig("easy", frames, HEIGHT, WIDTH), seed), clip)
        with open_video(clip) as source:
            started = time.perf_counter()
            images = [prepare_image(frame.image, config, torch.device("cpu")) for frame in source.frames()]
            decoded = time.perf_counter()
            _write(source, Path(folder) / "out", frames, config.mask_size)
            written = time.perf_counter()
    milliseconds = {"decode": (decoded - started) * 1000 / frames, "write": (written - decoded) * 1000 / frames}
    return torch.cat(images), milliseconds


@torch.inference_mode()
def _write(source: VideoSource, out: Path, frames: int, side: int) -> None:
    size = FrameSize(source.height, source.width)
    y, x = np.mgrid[:side, :side]
    with open_writers(out, ["png"], source, object_ids=[1], settings={}) as writers:
        for number in range(frames):
            disc = (side / 4) ** 2 - (y - side / 2) ** 2 - (x - side / 2) ** 2
            outcome = Outcome(torch.from_numpy(disc).float(), 0.9, 5.0, 0.0)
            writers.write(
                FrameResult(number, number / source.fps, {1: outcome.mask(size)}, {1: 0.9}, {1: 5.0}, {1: 0.0})
            )
        writers.finish()
