"""What lazy pathways (`--merge N`) cost in J&F: against exact ones, on the synthetic suites and on real videos.

    python -m benchmarks.merge [--merge 4] [--suites easy occlusion lookalike long] [--videos 12] [--frames 100]
                               [--davis FOLDER] [--model nano]

`--davis` names a folder with DAVIS's JPEGImages and Annotations; all its videos are followed whole. The interval is the
bootstrap 95% interval of the mean difference, video by video. The last column is the mean number of distinct pathways.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

import sam2long
from sam2long import TreeConfig
from sam2long.evaluation.scoring.metrics import sequence_scores
from sam2long.model import SAM2
from sam2long.model.memory.memory_attention import Memory
from sam2long.synthetic.suites import SUITES
from training.judging.evaluate import render_target
from training.judging.statistics import bootstrap_interval

OBJECT = 1

Clip = tuple[str, npt.NDArray[np.uint8], list[npt.NDArray[np.bool_]]]
"""Name, RGB frames [frames, height, width, 3], and the object's true masks, of which the first is not empty."""


def scenes(suite: str, videos: int, frames: int) -> Iterator[Clip]:
    for video in SUITES[suite].videos[:videos]:
        yield video.name, *render_target(video, frames)


def davis(root: Path) -> Iterator[Clip]:
    for folder in sorted((root / "JPEGImages" / "480p").iterdir()):
        files = sorted(folder.iterdir())
        images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
        marks = [root / "Annotations" / "480p" / folder.name / f"{file.stem}.png" for file in files]
        yield folder.name, images, [np.asarray(Image.open(mark)) > 0 for mark in marks]


class Contender:
    """Follows objects with one kind of tree, and counts the distinct pathways that the network is asked about."""

    def __init__(self, tree: TreeConfig) -> None:
        self.tree, self.scores = tree, list[float]()
        self._rows = self._calls = 0

    def follow(self, model: SAM2, clip: Clip) -> None:
        """Follow an object from its true mask; its J&F, 0..100, is added to the scores."""
        attend = model.attend

        def counting(coarse: torch.Tensor, memory: Memory) -> torch.Tensor:
            self._rows, self._calls = self._rows + len(memory.spatial), self._calls + 1
            return attend(coarse, memory)

        _, images, truth = clip
        with (
            patch.object(model, "attend", counting),
            sam2long.Session(model, images, tree=self.tree) as session,
        ):
            session.add_mask(frame=0, object_id=OBJECT, mask=truth[0])
            found = (frame.masks[OBJECT] for frame in session.propagate())
            scores = sequence_scores(zip(found, truth, strict=True))
        self.scores.append(50 * (scores.j + scores.f))

    @property
    def pathways(self) -> float:
        """Mean number of distinct pathways."""
        return self._rows / self._calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--merge", type=int, default=4)
    parser.add_argument("--suites", nargs="*", default=["easy", "occlusion", "lookalike", "long"])
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--davis", type=Path)
    parser.add_argument("--model", default="nano")
    options = parser.parse_args()
    model = sam2long.load_model(options.model)
    groups = {name: scenes(name, options.videos, options.frames) for name in options.suites}
    if options.davis:
        groups["real videos"] = davis(options.davis)
    print("| videos | exact J&F | lazy J&F | difference (95%) | distinct pathways, exact / lazy |\n|" + " --- |" * 5)
    for name, clips in groups.items():
        exact, lazy = Contender(TreeConfig()), Contender(TreeConfig(merge=options.merge))
        for clip in clips:
            exact.follow(model, clip)
            lazy.follow(model, clip)
            sys.stderr.write(f"{clip[0]}: {exact.scores[-1]:.1f} {lazy.scores[-1]:.1f}\n")
        gains = np.array(lazy.scores) - np.array(exact.scores)
        low, high = bootstrap_interval(gains)
        print(
            f"| {name}, {len(gains)} | {np.mean(exact.scores):.1f} | {np.mean(lazy.scores):.1f} "
            f"| {gains.mean():+.2f} ({low:+.2f} .. {high:+.2f}) | {exact.pathways:.2f} / {lazy.pathways:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
