"""How well objects are found that are remembered from elsewhere (docs/references.md).

    python -m benchmarks.references photos --data DATA     # a cut-out on two backgrounds; DATA as for the trainer
    python -m benchmarks.references davis --data DAVIS     # the first frame, mirrored, finds the object halfway
    python -m benchmarks.references easy lookalike         # synthetic suites: frame 0 finds the object later on

Every case is a picture with a mask and a clip of 8 frames with exact masks. Compared are the true mask on the first
frame (the ceiling), the memory at its own place (the floor), and `Session.add_reference`. The last row gives every clip
the picture of another case: its object is absent, so that nothing should be found.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

import sam2long
from sam2long.evaluation.scoring.metrics import sequence_scores
from sam2long.model import SAM2
from sam2long.results import FrameResult
from sam2long.synthetic.suites import SUITES
from sam2long.tracking import propagation
from sam2long.tree import FOUND

FRAMES, SIDE, SEED, LATER = 8, 384, 7000, 100
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """A picture [height, width, 3] and a clip [frames, height, width, 3], with the masks of one object."""

    picture: npt.NDArray[np.uint8]
    picture_mask: Mask
    clip: npt.NDArray[np.uint8]
    truth: Mask


def photos(folder: Path, count: int) -> Iterator[Case]:
    """One cut-out and two others, on two backgrounds, with paths, sizes, turns and light of their own."""
    from training.data.cutouts import Actor
    from training.data.photos import PhotoLibrary
    from training.data.pseudo import under_camera

    library, seed = PhotoLibrary(folder), SEED
    while count:
        rng = np.random.default_rng(seed)
        seed += 1
        cutouts = [library.draw_cutout(rng) for _ in range(3)]
        scenes = []
        for frames in (1, FRAMES):
            scenery = under_camera(rng, library.draw_background(rng), None, frames, SIDE, 0.1, 1.0)
            for number, cutout in enumerate(cutouts, 1):
                actor = Actor.draw(rng, cutout, frames, SIDE, 0.1)
                for frame in range(frames):
                    actor.paint(frame, scenery.images[frame], scenery.ids[frame], number, 1.0)
            scenes.append((np.stack(scenery.images).clip(0, 255).astype(np.uint8), np.stack(scenery.ids) == 1))
        (pictures, masks), (clip, truth) = scenes
        if all(0.01 < mask[0].mean() < 0.4 for mask in (masks, truth)):
            count -= 1
            yield Case(pictures[0], masks[0], clip, truth)


def davis(folder: Path, count: int) -> Iterator[Case]:
    """The mirrored first frame of each sequence, and 8 frames from the middle."""

    def read(name: str, frame: int) -> tuple[npt.NDArray[np.uint8], Mask]:
        image = Image.open(folder / "JPEGImages/480p" / name / f"{frame:05d}.jpg").convert("RGB")
        mask = Image.open(folder / "Annotations/480p" / name / f"{frame:05d}.png")
        return np.array(image), np.array(mask) > 0

    for path in sorted((folder / "JPEGImages/480p").iterdir())[:count]:
        start = len(list(path.glob("*.jpg"))) // 2
        image, mask = read(path.name, 0)
        images, masks = zip(*(read(path.name, start + frame) for frame in range(FRAMES)), strict=True)
        if mask.any() and masks[0].any():
            yield Case(image[:, ::-1].copy(), mask[:, ::-1].copy(), np.stack(images), np.stack(masks))


def suite(name: str, count: int) -> Iterator[Case]:
    """The first frame of each scene, and 8 frames, 2 apart, from the first on after `LATER` that shows the object."""
    for video in SUITES[name].videos[:count]:
        scene = video.scene()
        start = next(time for time in range(LATER, len(scene)) if (scene.render(time)[1] == 1).any())
        times = range(start, len(scene), 2)[:FRAMES]
        images, ids = zip(*(scene.render(time) for time in times), strict=True)
        image, first = scene.render(0)
        yield Case(image, first == 1, np.stack(images), np.stack(ids) == 1)


def follow(model: SAM2, case: Case, reference: sam2long.Reference | None) -> list[FrameResult]:
    """Follow object 1 by a reference, or by its true mask on the first frame."""
    with sam2long.Session(model, case.clip) as session:
        if reference is None:
            session.add_mask(0, 1, case.truth[0])
        else:
            session.add_reference(1, reference)
        return list(session.propagate())


@contextmanager
def at_its_own_place() -> Iterator[None]:
    """Let memories stay where the object was."""
    aim = propagation.aim
    propagation.aim = lambda *_: None  # type: ignore[assignment]
    try:
        yield
    finally:
        propagation.aim = aim


@dataclass
class Figures:
    """First frames' IoUs, clips' J&F and whether the object counts as found."""

    ious: list[float]
    quality: list[float]
    found: list[bool]

    def add(self, results: list[FrameResult], truth: Mask, first: int) -> None:
        masks = [result.masks[1] for result in results]
        union = (masks[first] | truth[first]).sum()
        self.ious.append(float((masks[first] & truth[first]).sum() / max(1, union)))
        score = sequence_scores(zip(masks[1:], truth[1:], strict=True))
        self.quality.append(50 * (score.j + score.f))
        self.found.append(any(result.object_scores[1] > FOUND for result in results))

    def row(self, name: str) -> str:
        share = 100 * np.mean(np.array(self.ious) > 0.5)
        found = 100 * np.mean(self.found)
        return f"{name:20s} first IoU > 0.5: {share:5.1f}%  J&F {np.nanmean(self.quality):5.1f}  found {found:5.1f}%"


def measure(name: str, cases: list[Case], model: SAM2) -> None:
    ways = {
        way: Figures([], [], []) for way in ("true mask", "memory in its place", "reference", "another's reference")
    }
    references = [sam2long.Reference.from_image(model, case.picture, case.picture_mask) for case in cases]
    for number, case in enumerate(cases):
        own, other = references[number], references[(number + 1) % len(cases)]
        ways["true mask"].add(follow(model, case, None), case.truth, 1)
        with at_its_own_place():
            ways["memory in its place"].add(follow(model, case, own), case.truth, 0)
        ways["reference"].add(follow(model, case, own), case.truth, 0)
        ways["another's reference"].add(follow(model, case, other), case.truth, 0)
    print(f"{name}, {len(cases)} clips of {FRAMES} frames, {model.config.name}")
    for way, figures in ways.items():
        print("  " + figures.row(way), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help="photos, davis, or names of synthetic suites")
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the photos or of DAVIS")
    parser.add_argument("--count", type=int, default=12, help="number of cases in each set")
    parser.add_argument("--model", default="nano")
    options = parser.parse_args()
    model = sam2long.load_model(options.model)
    readers = {"photos": photos, "davis": davis}
    for name in options.sets:
        found = readers[name](options.data, options.count) if name in readers else suite(name, options.count)
        measure(name, list(found), model)


if __name__ == "__main__":
    main()
