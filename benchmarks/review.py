"""Is a frame that review proposes worth more, when corrected, than a random one or one of an even spacing?

    python -m benchmarks.review [--suites occlusion,lookalike,long] [--videos 12] [--frames 100] [--corrections 3]
                                [--seeds 3] [--weights FILE] [--anew] [--processes 2]

Each video is tracked by `nano` with the memory tree from the target's true mask on its first frame. Then a few frames
are chosen in each of the ways compared; on each of them the true mask is given as a correction, and the session tracks
again what that makes outdated; or, with --anew, the target is tracked from there on as if it were new. J&F (percent,
first and last frame left out) is of the whole video afterwards, corrected frames included, of which every way has as
many. Where the target is not to be seen on a chosen frame there is nothing to mark, and the correction goes to the next
frame that shows it, as a person would do.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import torch

from sam2long import SAM2, Session, load_model
from sam2long.evaluation.scoring.metrics import sequence_scores
from sam2long.synthetic.suites import SUITES, SuiteVideo
from training.judging.statistics import bootstrap_interval

TARGET, ANEW = 1, 2
OTHERS = ("random", "even")
ORDER = ("before", "review", *OTHERS)
TITLES = {"before": "no correction", "even": "evenly spaced"}

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class VideoScore:
    """J&F (0..1) of one video after the corrections of each way, and the frames that review proposed."""

    suite: str
    video: str
    scores: dict[str, float]
    proposed: list[int]


@dataclass
class Trial:
    """One video under a session; every way of choosing is undone before the next."""

    session: Session
    truth: list[Mask]
    corrections: int

    def masks(self) -> list[Mask]:
        """The target's masks as things stand."""
        return [result.masks[TARGET] for result in self.session.propagate()]

    def score(self, masks: list[Mask]) -> float:
        """J&F of the whole video."""
        return sequence_scores(zip(masks, self.truth, strict=True)).j_and_f

    def after(self, frames: Iterable[int]) -> float:
        """J&F with corrections on these frames, as a session takes them: further prompts of the same object."""
        for place in self._places(frames):
            self.session.add_mask(place, TARGET, self.truth[place])
        score = self.score(self.masks())
        while len(self.session.prompts[TARGET]) > 1:
            self.session.undo()
        return score

    def after_anew(self, frames: Iterable[int]) -> float:
        """J&F where each of these frames starts the target anew, as another object: earlier prompts are forgotten."""
        masks = self.masks()
        places = sorted(self._places(frames))
        for place, end in zip(places, [*places[1:], len(self.truth)], strict=True):
            self.session.add_mask(place, ANEW, self.truth[place])
            for result in self.session.propagate(start=place, end=end - 1):
                masks[result.frame] = result.masks[ANEW]
            self.session.undo()
        return self.score(masks)

    def proposed(self) -> list[int]:
        """Frames that review proposes, topped up by evenly spaced ones should it have fewer."""
        frames = [one.frame for one in self.session.review(self.corrections)]
        return [*frames, *even(len(self.truth), self.corrections - len(frames))]

    def _places(self, frames: Iterable[int]) -> list[int]:
        """Where the corrections go: different frames that show the target, the chosen ones or the next behind them."""
        count, places = len(self.truth), [0]
        for frame in frames:
            free = (each for each in [*range(frame, count), *range(frame - 1, 0, -1)] if each not in places)
            places += [each for each in free if self.truth[each].any()][:1]
        return places[1:]


def even(count: int, corrections: int) -> list[int]:
    """Frames that cut the video into equal parts."""
    return [round(count * (i + 1) / (corrections + 1)) for i in range(corrections)]


def at_random(count: int, corrections: int, seeds: tuple[int, int]) -> list[int]:
    """Different frames, the first one left out."""
    rng = np.random.default_rng(seeds)
    return sorted((1 + rng.choice(count - 1, corrections, replace=False)).tolist())


@dataclass(frozen=True)
class Settings:
    """What to measure with; see `main`."""

    weights: str
    frames: int
    corrections: int
    seeds: int
    anew: bool


def measure(video: SuiteVideo, suite: str, settings: Settings) -> VideoScore:
    """All ways of choosing on one video."""
    torch.set_num_threads(1)
    scene = video.scene()
    rendered = [scene.render(number) for number in range(min(settings.frames, len(scene)))]
    images, truth = np.stack([image for image, _ in rendered]), [ids == TARGET for _, ids in rendered]
    count, corrections = len(truth), settings.corrections
    with Session(_model(settings.weights), images, feature_cache="4GB") as session:
        session.add_mask(0, TARGET, truth[0])
        trial = Trial(session, truth, corrections)
        after = trial.after_anew if settings.anew else trial.after
        before = trial.score(trial.masks())
        proposed = trial.proposed()
        draws = [after(at_random(count, corrections, (seed, video.seed))) for seed in range(settings.seeds)]
        scores = {
            "before": before,
            "review": after(proposed),
            "random": float(np.mean(draws)),
            "even": after(even(count, corrections)),
        }
    return VideoScore(suite, video.name, scores, proposed)


_models: dict[str, SAM2] = {}


def _model(weights: str) -> SAM2:
    if weights not in _models:
        _models[weights] = load_model(weights)
    return _models[weights]


def table(scores: list[VideoScore], resample: Callable[[npt.NDArray[np.float64]], tuple[float, float]]) -> str:
    """J&F of each way and the paired gains of review over the others with their intervals, in Markdown."""
    gains = [f"review - {TITLES.get(other, other)} (95%)" for other in OTHERS]
    head = ["suite", "videos", *(TITLES.get(way, way) for way in ORDER), *gains]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for suite in [*dict.fromkeys(score.suite for score in scores), "all"]:
        rows = [score.scores for score in scores if suite in ("all", score.suite)]
        means = [f"{100 * np.mean([row[way] for row in rows]):.1f}" for way in ORDER]
        cells = [suite, str(len(rows)), *means]
        for other in OTHERS:
            differences = np.array([100 * (row["review"] - row[other]) for row in rows])
            low, high = resample(differences)
            cells.append(f"{differences.mean():+.1f} ({low:+.1f} .. {high:+.1f})")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suites", default="occlusion,lookalike,long")
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--corrections", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3, help="random choices to average")
    parser.add_argument("--weights", default="nano", help="as `load_model` takes them")
    parser.add_argument("--anew", action="store_true", help="each correction starts the target anew")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    chosen = [(video, suite) for suite in args.suites.split(",") for video in SUITES[suite].videos[: args.videos]]
    settings = Settings(args.weights, args.frames, args.corrections, args.seeds, args.anew)
    scores = []
    with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
        for score in pool.map(partial(measure, settings=settings), *zip(*chosen, strict=True)):
            scores.append(score)
            print(score.video, {way: round(100 * value, 1) for way, value in score.scores.items()}, score.proposed)
    print(table(scores, bootstrap_interval))
    print(json.dumps([asdict(score) for score in scores]))


if __name__ == "__main__":
    main()
