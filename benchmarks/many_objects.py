"""Peak memory of many boxes on large frames, all default files written.

    python -m benchmarks.many_objects [--boxes 1,10,100] [--frames 12] [--size 3840x2160]

Each count runs in a process of its own, with `nano`. The peak is that of the whole process, interpreter and all.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long import Session, load_model
from sam2long.results.writers import open_writers
from sam2long.video import open_video

ROWS = COLUMNS = 10


class Film:
    """Coloured rectangles on a grid that drift to the right, drawn when they are looked at."""

    dtype = np.dtype(np.uint8)

    def __init__(self, frames: int, width: int, height: int) -> None:
        self.shape = (frames, height, width, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frame: int) -> npt.NDArray[np.uint8]:
        picture = np.full(self.shape[1:], 90, np.uint8)
        colours = np.random.default_rng(0).integers(0, 255, (ROWS * COLUMNS, 3))
        for number, colour in enumerate(colours):
            x0, y0, x1, y1 = self.box(number)
            picture[y0:y1, x0 + 3 * frame : x1 + 3 * frame] = colour
        return picture

    def box(self, number: int) -> tuple[int, int, int, int]:
        """Where a rectangle is on frame 0: x0, y0, x1, y1."""
        height, width = self.shape[1] // ROWS, self.shape[2] // COLUMNS
        x, y = number % COLUMNS * width + width // 16, number // COLUMNS * height + height // 10
        return x, y, x + width // 2, y + height // 2


def measure(boxes: int, film: Film) -> None:
    """Track so many boxes, and print seconds and the peak."""
    source = open_video(film)
    session = Session(load_model("nano"), source)
    for number in range(boxes):
        session.add_box(0, number + 1, film.box(number))
    began, written = time.monotonic(), 0
    with (
        tempfile.TemporaryDirectory() as folder,
        open_writers(
            Path(folder) / "out", ["png", "overlay", "coco"], source, object_ids=session.object_ids, settings={}
        ) as writers,
    ):
        for result in session.propagate():
            writers.write(result)
            written += 1
        writers.finish()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{boxes:4} boxes, {written} frames: {time.monotonic() - began:6.1f} s, peak {peak:.2f} GB", flush=True)


def main() -> None:
    """Measure each count in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", default="1,10,100")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", default="3840x2160")
    words = parser.parse_args()
    width, height = map(int, words.size.split("x"))
    counts = [int(count) for count in words.boxes.split(",")]
    if len(counts) == 1:
        measure(counts[0], Film(words.frames, width, height))
        return
    for count in counts:
        arguments = ["--boxes", str(count), "--frames", str(words.frames), "--size", words.size]
        subprocess.run([sys.executable, "-m", "benchmarks.many_objects", *arguments], check=True)


if __name__ == "__main__":
    main()
