"""Measures a model on the synthetic suites: plain SAM 2 against the memory tree, through the `Session` of users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from sam2long.evaluation.scoring.metrics import region_similarity, sequence_scores
from sam2long.model import SAM2
from sam2long.synthetic.suites import SUITES, SuiteVideo
from sam2long.tracking import Session
from sam2long.tree import TreeConfig
from training.judging.statistics import average_precision, bootstrap_interval, spearman

TARGET = 1

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FrameFacts:
    """One frame after the prompted one, as plain SAM 2 sees it: its own scores, and the truth."""

    object_score: float
    predicted_iou: float
    true_iou: float
    absent: bool


@dataclass(frozen=True)
class VideoScore:
    """J and F (0..1) of one video for plain SAM 2 and for the tree, and the frames of the former."""

    video: str
    greedy_j: float
    greedy_f: float
    tree_j: float
    tree_f: float
    frames: tuple[FrameFacts, ...]

    @property
    def gain(self) -> float:
        """J&F of the tree above plain SAM 2."""
        return (self.tree_j + self.tree_f - self.greedy_j - self.greedy_f) / 2


@dataclass(frozen=True)
class SuiteScore:
    """Means over a suite's videos, in percent but for the last two.

    Attributes:
        suite: name.
        videos: how many.
        frames: of a video.
        greedy_j, greedy_f, greedy: J, F and J&F of plain SAM 2.
        tree_j, tree_f, tree: of the tree with three pathways.
        gain: mean of the paired differences, `low` and `high` the ends of its bootstrap 95% interval.
        absent_precision: average precision of "object absent" by the object score, 0..1; NaN where it never is.
        iou_ranking: Spearman correlation of predicted and true IoU on frames that show the object.
    """

    suite: str
    videos: int
    frames: int
    greedy_j: float
    greedy_f: float
    greedy: float
    tree_j: float
    tree_f: float
    tree: float
    gain: float
    low: float
    high: float
    absent_precision: float
    iou_ranking: float


def measure_suite(model: SAM2, name: str, videos: int | None, frames: int | None) -> Iterator[VideoScore]:
    """Score the first `videos` videos of a suite over their first `frames` frames, or all where None."""
    for video in SUITES[name].videos[:videos]:
        yield measure_video(model, video, frames)


def measure_video(model: SAM2, video: SuiteVideo, frames: int | None) -> VideoScore:
    """Track the target from its true mask on the first frame that shows it, greedily and with the tree."""
    images, truth = render_target(video, frames)
    greedy, facts = _track(model, images, truth, TreeConfig.greedy())
    tree, _ = _track(model, images, truth, TreeConfig())
    plain = sequence_scores(zip(greedy, truth, strict=True))
    grown = sequence_scores(zip(tree, truth, strict=True))
    return VideoScore(video.name, plain.j, plain.f, grown.j, grown.f, tuple(facts))


def render_target(video: SuiteVideo, frames: int | None) -> tuple[npt.NDArray[np.uint8], list[Mask]]:
    """RGB images [frames, height, width, 3] and the target's true masks, from the first frame that shows it.

    `frames` counts from the start of the video; None renders all.
    """
    scene = video.scene()
    rendered = [scene.render(t) for t in range(min(len(scene), frames or len(scene)))]
    truth = [ids == TARGET for _, ids in rendered]
    first = next(number for number, mask in enumerate(truth) if mask.any())
    return np.stack([image for image, _ in rendered[first:]]), truth[first:]


def summarise(name: str, scores: list[VideoScore]) -> SuiteScore:
    """Average the videos of a suite."""
    plain_j, plain_f, tree_j, tree_f = (
        100 * float(np.mean([getattr(score, field) for score in scores]))
        for field in ("greedy_j", "greedy_f", "tree_j", "tree_f")
    )
    gains = np.array([100 * score.gain for score in scores])
    low, high = bootstrap_interval(gains)
    return SuiteScore(
        suite=name,
        videos=len(scores),
        frames=len(scores[0].frames) + 1,
        greedy_j=plain_j,
        greedy_f=plain_f,
        greedy=(plain_j + plain_f) / 2,
        tree_j=tree_j,
        tree_f=tree_f,
        tree=(tree_j + tree_f) / 2,
        gain=float(gains.mean()),
        low=low,
        high=high,
        absent_precision=_absent_precision(scores),
        iou_ranking=_iou_ranking(scores),
    )


def table(suites: list[SuiteScore]) -> str:
    """A Markdown table, one row a suite."""
    head = "| suite | videos x frames | greedy J / F / J&F | tree J / F / J&F | gain (95%) | absent AP | IoU rank |"
    rows = [
        f"| {s.suite} | {s.videos} x {s.frames} | {s.greedy_j:.1f} / {s.greedy_f:.1f} / **{s.greedy:.1f}** "
        f"| {s.tree_j:.1f} / {s.tree_f:.1f} / **{s.tree:.1f}** | {s.gain:+.1f} ({s.low:+.1f} .. {s.high:+.1f}) "
        f"| {_figure(s.absent_precision)} | {_figure(s.iou_ranking)} |"
        for s in suites
    ]
    return "\n".join([head, "| --- " * 7 + "|", *rows]) + "\n"


def as_line(score: SuiteScore) -> dict[str, float | str]:
    """For a JSON file; NaN becomes the text "none"."""
    return {key: "none" if value != value else value for key, value in asdict(score).items()}


def _track(
    model: SAM2, images: npt.NDArray[np.uint8], truth: list[Mask], tree: TreeConfig
) -> tuple[list[Mask], list[FrameFacts]]:
    masks, facts = [], []
    with Session(model, images, tree=tree) as session:
        session.add_mask(frame=0, object_id=TARGET, mask=truth[0])
        for result, true in zip(session.propagate(), truth, strict=True):
            mask = result.masks[TARGET]
            masks.append(mask)
            if result.frame:
                score, iou = result.object_scores[TARGET], result.scores[TARGET]
                facts.append(FrameFacts(score, iou, region_similarity(mask, true), not true.any()))
    return masks, facts


def _absent_precision(scores: list[VideoScore]) -> float:
    frames = [frame for score in scores for frame in score.frames]
    doubts = np.array([-frame.object_score for frame in frames])
    return average_precision(doubts, np.array([frame.absent for frame in frames]))


def _iou_ranking(scores: list[VideoScore]) -> float:
    frames = [frame for score in scores for frame in score.frames if not frame.absent]
    return spearman(np.array([f.predicted_iou for f in frames]), np.array([f.true_iou for f in frames]))


def _figure(value: float) -> str:
    return "-" if value != value else f"{value:.2f}"
