"""Our scoring against SA-V's own evaluator: the same folders, the same figures, processor seconds of each.

SA-V's evaluator is not part of this project. Take `sav_dataset/utils/sav_benchmark.py` of the SAM 2 repository, install
scikit-image, which it needs, and run

    python benchmarks/against_sav.py --evaluator sav_benchmark.py
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from PIL import Image

from sam2long.evaluation.scoring.pairing import Pairing, TruthFormat
from sam2long.evaluation.scoring.rules import SavRule
from sam2long.evaluation.scoring.scoring import measure
from sam2long.synthetic.scene import Scene, SceneConfig

HEIGHT, WIDTH, OBJECTS = 720, 1280, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluator", type=Path, required=True, help="sav_benchmark.py")
    parser.add_argument("--videos", type=int, default=4)
    parser.add_argument("--frames", type=int, default=50, help="frames of each video")
    words = parser.parse_args()
    theirs = load(words.evaluator)
    with tempfile.TemporaryDirectory() as folder:
        truth, predicted = Path(folder) / "truth", Path(folder) / "predicted"
        names = [write_video(truth, predicted, number, words.frames) for number in range(words.videos)]
        evaluate = theirs.VideoEvaluator(str(truth), str(predicted))
        pairing = Pairing(truth, predicted, TruthFormat(), False)
        mine, my_seconds = timed(lambda: [ours(pairing, name) for name in names])
        other, their_seconds = timed(lambda: [evaluate(name) for name in names])
    worst = max(difference(a, b) for a, b in zip(mine, other, strict=True))
    frames = words.videos * words.frames
    print(f"{frames} frames of {WIDTH}x{HEIGHT}, {OBJECTS} objects; largest difference of a figure {worst:.1e} points")
    for name, seconds in (("sam2long", my_seconds), ("SA-V", their_seconds)):
        each = seconds / frames
        print(f"{name:9s} {1000 * each:6.1f} ms per frame on one core, {each * 10_000 / 2:5.0f} s for 10,000 on two")
    print(f"sam2long takes {my_seconds / their_seconds:.2f} of SA-V's time")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("sav_benchmark", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_video(truth: Path, predicted: Path, number: int, frames: int) -> str:
    """A scene's true masks, and predictions that are a little off, one PNG for each object and frame."""
    name = f"video{number}"
    scene = Scene(SceneConfig("mixed", frames, HEIGHT, WIDTH, OBJECTS), 70_000 + number)
    for frame in range(frames):
        ids = scene.render(frame)[1]
        for object_id in range(1, OBJECTS + 1):
            mask = (ids == object_id).astype(np.uint8)
            off = cv2.dilate(np.roll(mask, (3, frame % 7), (0, 1)), np.ones((5, 5), np.uint8))
            for root, image in ((truth, mask), (predicted, off)):
                folder = root / name / f"{object_id:03d}"
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image * 255).save(folder / f"{frame:05d}.png")
    return name


def ours(pairing: Pairing, name: str) -> dict[int, tuple[float, float]]:
    objects = measure(pairing.comparisons([name]), [SavRule()], workers=1)[0].objects
    return {score.object_id: (100 * score.mean_j, 100 * score.mean_f) for score in objects}


def difference(mine: dict[int, tuple[float, float]], other: tuple[str, dict[str, float], dict[str, float]]) -> float:
    _, ious, boundaries = other
    return max(
        abs(a - b) for name in ious for a, b in zip(mine[int(name)], (ious[name], boundaries[name]), strict=True)
    )


def timed(work: Callable[[], list[Any]]) -> tuple[list[Any], float]:
    """What `work` returns, and its processor seconds, which other load on the machine hardly changes."""
    cv2.setNumThreads(1)
    began = time.process_time()
    return work(), time.process_time() - began


if __name__ == "__main__":
    main()
