"""`sam2long demo`: tracks two clips with plain SAM 2 and with the memory tree, and scores all runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sam2long.cli.options import results

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from sam2long.evaluation import SequenceScore
    from sam2long.running.models import ModelChoice
    from sam2long.tree import TreeConfig
    from sam2long.video import VideoSource

_KIND, _FRAMES, _SEED = "mixed", 90, 20_001
_TARGET = 1


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results of an earlier run.")] = False,
    precision: Annotated[
        str,
        typer.Option(metavar="NAME", help="float32, bfloat16, or auto (bfloat16 where the hardware runs it faster)."),
    ] = "auto",
    as_json: results.AsJson = False,
) -> None:
    """Follow an object through an artificial clip and one composed of photos, with plain SAM 2 and with the tree."""
    import numpy as np

    from sam2long.cli.running.events import choose
    from sam2long.running.models import ModelChoice
    from sam2long.synthetic import Scene, SceneConfig
    from sam2long.synthetic.export import write_mp4
    from sam2long.synthetic.photo_clip import VIDEO, read_masks

    choice = ModelChoice("nano", precision=precision)
    events = choose(as_json, jobs=4)
    scene = Scene(SceneConfig(_KIND, _FRAMES), _SEED)
    truth = np.stack([scene.render(t)[1] == _TARGET for t in range(len(scene))])
    clips = {
        "artificial": _Clip(out, truth, partial(write_mp4, scene)),
        "photos": _Clip(out / "photos", read_masks(), partial(shutil.copyfile, VIDEO)),
    }
    for clip in clips.values():
        _write_clip(clip, overwrite)
    scores = {name: _compare(clip, overwrite, choice) for name, clip in clips.items()}
    if events is not None:
        told = {name: {title: asdict(score) for title, score in titles.items()} for name, titles in scores.items()}
        events.result(scores=told)
        return
    typer.echo(_table(scores))
    sides = " and ".join(str(clip.folder / "side-by-side.mp4") for clip in clips.values())
    typer.echo(f"side by side: {sides}; masks and summaries: the folders greedy and tree beside them")


@dataclass(frozen=True)
class _Clip:
    """A clip to track.

    Attributes:
        folder: of all that is written.
        truth: bool [frames, height, width], the target's visible pixels.
        write: writes the video to a path.
    """

    folder: Path
    truth: npt.NDArray[np.bool_]
    write: Callable[[Path], object]

    @property
    def path(self) -> Path:
        return self.folder / "clip.mp4"


def _write_clip(clip: _Clip, overwrite: bool) -> None:
    from sam2long.errors import OutputError

    if clip.path.exists() and not overwrite:
        raise OutputError(f"the output folder {clip.folder} is not empty; choose another one, or pass --overwrite")
    clip.path.unlink(missing_ok=True)
    try:
        clip.folder.mkdir(parents=True, exist_ok=True)
        clip.write(clip.path)
    except OSError as error:
        raise OutputError(f"cannot write {clip.path}: {error.strerror or error}") from error


def _compare(clip: _Clip, overwrite: bool, choice: ModelChoice) -> dict[str, SequenceScore]:
    """Track a clip both ways, and write the two beside each other; returns the scores by title."""
    from sam2long.cli.commands.side_by_side import write_side_by_side
    from sam2long.tree import TreeConfig
    from sam2long.video import open_video

    runs = {"greedy": ("plain SAM 2", TreeConfig.greedy()), "tree": ("memory tree", TreeConfig())}
    scores = {}
    for folder, (title, tree) in runs.items():
        with open_video(clip.path) as source:
            _track(source, clip, clip.folder / folder, tree, overwrite, choice)
        scores[title] = _score(clip.folder / folder / "masks", clip.truth)
    overlays = {title: clip.folder / folder / "overlay.mp4" for folder, (title, _) in runs.items()}
    write_side_by_side(overlays, clip.folder / "side-by-side.mp4")
    return scores


def _track(source: VideoSource, clip: _Clip, out: Path, tree: TreeConfig, overwrite: bool, choice: ModelChoice) -> None:
    from sam2long.cli.running.report import track_and_report
    from sam2long.running.prompts.parsed import MaskPrompt
    from sam2long.running.run import Run

    run = Run(
        source=source,
        prompts=[MaskPrompt(frame=0, object_id=_TARGET, mask=clip.truth[0], path=Path("exact"))],
        out=out,
        formats=("png", "overlay"),
        tree=tree,
        overwrite=overwrite,
        network=choice.described(),
    )
    track_and_report(run, choice.load)


def _score(masks: Path, truth: npt.NDArray[np.bool_]) -> SequenceScore:
    """J and F of the written masks against the ground truth; excludes the first and last frame, as benchmarks do."""
    from sam2long.evaluation import sequence_scores
    from sam2long.evaluation.datasets.id_maps import read_ids

    return sequence_scores((read_ids(masks / f"{t:05d}.png") == _TARGET, true) for t, true in enumerate(truth))


def _table(scores: dict[str, dict[str, SequenceScore]]) -> str:
    rows = [f"{'clip':<12}{'':<12}{'J&F':>7}{'J':>7}{'F':>7}"]
    rows += [
        f"{clip:<12}{title:<12}{100 * score.j_and_f:>7.1f}{100 * score.j:>7.1f}{100 * score.f:>7.1f}"
        for clip, titles in scores.items()
        for title, score in titles.items()
    ]
    return "\n".join(rows)
