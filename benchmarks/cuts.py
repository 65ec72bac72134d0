"""How well scene cuts are detected, and what pausing is good for (docs/cuts.md).

    python -m benchmarks.cuts clips/*.mp4 DAVIS/JPEGImages/480p/*     # videos of one scene each
    python -m benchmarks.cuts --pause DAVIS                           # a folder of DAVIS: cut away and back

Detection: false cuts in the videos as they are, precision and recall where parts of different ones are joined, false
cuts at flashes of one and two frames, and in fast pans over stills; milliseconds of one core per frame at 854 x 480.

Pausing: 12 frames of a sequence, 12 of another, and the 12 that follow the first; the object of the first is given on
frame 0. J&F (percent) of the last 12, and the share of the frames between on which the absent object shows a mask.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

import sam2long
from sam2long.evaluation.scoring.metrics import sequence_scores
from sam2long.video import open_video
from sam2long.video.cuts import CutDetector

WIDTH, HEIGHT, MOST, PART = 480, 270, 200, 12
Frames = Sequence[npt.NDArray[np.uint8]]


def cuts(frames: Frames) -> set[int]:
    detector = CutDetector()
    return {number for number, frame in enumerate(frames) if detector.is_cut(frame)}


def read(path: Path, most: int = MOST) -> list[npt.NDArray[np.uint8]]:
    with open_video(path) as source:
        frames = (frame.image for frame in islice(source.frames(), most))
        return [cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for frame in frames]


def joined(videos: list[Frames], rng: np.random.Generator) -> tuple[list[npt.NDArray[np.uint8]], set[int]]:
    """Six parts of 8 to 39 frames, each of another video than the one before, and where they meet."""
    frames: list[npt.NDArray[np.uint8]] = []
    meetings, last = set(), -1
    for _ in range(6):
        number = int(rng.choice([number for number in range(len(videos)) if number != last]))
        length = int(rng.integers(8, 40))
        start = int(rng.integers(0, max(1, len(videos[number]) - length)))
        meetings |= {len(frames)} if frames else set()
        frames += videos[number][start : start + length]
        last = number
    return frames, meetings


def flashing(frames: Frames, light: int, length: int) -> list[npt.NDArray[np.uint8]]:
    made = list(frames[:40])
    for number in range(20, min(20 + length, len(made))):
        made[number] = np.clip(made[number].astype(int) + light, 0, 255).astype(np.uint8)
    return made


def panning(still: npt.NDArray[np.uint8], speed: int) -> list[npt.NDArray[np.uint8]]:
    """A window half as wide as a picture stands still, then moves over it by `speed` of its 480 pixels per frame."""
    wide = cv2.resize(still, (2 * WIDTH, HEIGHT))
    places = [0] * 6 + list(range(0, WIDTH, speed))
    return [np.ascontiguousarray(wide[:, place : place + WIDTH]) for place in places]


def detection(paths: list[Path]) -> None:
    videos: list[Frames] = [read(path) for path in paths]
    print(f"{len(videos)} videos, {sum(map(len, videos))} frames: {sum(len(cuts(v)) for v in videos)} false cuts")
    rng, hits, missed, false = np.random.default_rng(0), 0, 0, 0
    for _ in range(60):
        frames, meetings = joined(videos, rng)
        found = cuts(frames)
        hits, missed, false = (
            hits + len(found & meetings),
            missed + len(meetings - found),
            false + len(found - meetings),
        )
    print(f"joined: precision {hits / (hits + false):.3f}, recall {hits / (hits + missed):.3f} of {hits + missed}")
    for light in (60, 120, 200):
        flashes = [bool(cuts(flashing(video, light, length))) for video in videos for length in (1, 2)]
        print(f"flashes, {light} brighter: a false cut in {sum(flashes)} of {len(flashes)}")
    for speed in (24, 48, 96, 160):
        pans = [bool(cuts(panning(video[0], speed))) for video in videos]
        print(f"pans, {speed / WIDTH:.0%} of the width per frame: a false cut in {sum(pans)} of {len(pans)}")
    large, detector = cv2.resize(videos[0][0], (854, 480)), CutDetector()
    began = time.thread_time()
    for _ in range(300):
        detector.is_cut(large)
    print(f"{1000 * (time.thread_time() - began) / 300:.2f} ms per frame of 854 x 480")


def pausing(root: Path) -> None:
    from PIL import Image

    names = sorted(path.name for path in (root / "JPEGImages/480p").iterdir())
    model = sam2long.load_model("nano")
    figures: dict[str, list[tuple[float, float, float]]] = {"keep": [], "pause": []}

    def load(folder: str, file: str) -> npt.NDArray[np.uint8]:
        return np.array(Image.open(root / folder / "480p" / file))

    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        images = [load("JPEGImages", f"{name}/{number:05d}.jpg") for number in range(2 * PART)]
        truth = [load("Annotations", f"{name}/{number:05d}.png") > 0 for number in range(2 * PART)]
        away = [load("JPEGImages", f"{other}/{number:05d}.jpg") for number in range(PART)]
        away = [cv2.resize(image, images[0].shape[1::-1]) for image in away]
        for mode, rows in figures.items():
            with sam2long.Session(model, np.stack(images[:PART] + away + images[PART:]), cuts=mode) as session:
                session.add_mask(0, 1, truth[0])
                results = list(session.propagate())
            masks = [result.masks[1] for result in results]
            score = sequence_scores(zip(masks[2 * PART :], truth[PART:], strict=True))
            found = sum(result.new_scene for result in results)
            rows.append((50 * (score.j + score.f), 100 * np.mean([m.any() for m in masks[PART : 2 * PART]]), found))
    for mode, rows in figures.items():
        quality, shown, found = np.mean(rows, 0)
        print(
            f"{mode:5s} J&F after the return {quality:.1f}, mask shown while away {shown:.1f}%, cuts found {found:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path, help="videos of one scene each")
    parser.add_argument("--pause", type=Path, help="folder of DAVIS")
    options = parser.parse_args()
    if options.videos:
        detection(options.videos)
    if options.pause is not None:
        pausing(options.pause)


if __name__ == "__main__":
    main()
