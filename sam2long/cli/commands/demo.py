"""`sam2long demo`: tracks a synthetic clip with plain SAM 2 and with the memory tree, and scores both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sam2long.evaluation import SequenceScore
    from sam2long.running.models import ModelChoice
    from sam2long.synthetic import Scene
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
) -> None:
    """Follow an object through a synthetic clip, with plain SAM 2 and with the memory tree, and score both."""
    from sam2long.cli.commands.side_by_side import write_side_by_side
    from sam2long.running.models import ModelChoice
    from sam2long.synthetic import Scene, SceneConfig
    from sam2long.tree import TreeConfig
    from sam2long.video import open_video

    choice = ModelChoice("nano", precision=precision)
    scene = Scene(SceneConfig(_KIND, _FRAMES), _SEED)
    clip = _write_clip(scene, out, overwrite)
    runs = {"greedy": ("plain SAM 2", TreeConfig.greedy()), "tree": ("memory tree", TreeConfig())}
    scores = {}
    for folder, (title, tree) in runs.items():
        with open_video(clip) as source:
            _track(source, scene, out / folder, tree, overwrite, choice)
        scores[title] = _score(out / folder / "masks", scene)
    overlays = {title: out / folder / "overlay.mp4" for folder, (title, _) in runs.items()}
    write_side_by_side(overlays, out / "side-by-side.mp4")
    typer.echo(_table(scores))
    typer.echo(f"side by side: {out / 'side-by-side.mp4'}; masks and summaries: {out / 'greedy'}, {out / 'tree'}")


def _write_clip(scene: Scene, out: Path, overwrite: bool) -> Path:
    from sam2long.errors import OutputError
    from sam2long.synthetic.export import write_mp4

    clip = out / "clip.mp4"
    if clip.exists() and not overwrite:
        raise OutputError(f"the output folder {out} is not empty; choose another one, or pass --overwrite")
    clip.unlink(missing_ok=True)
    write_mp4(scene, clip)
    return clip


def _track(
    source: VideoSource, scene: Scene, out: Path, tree: TreeConfig, overwrite: bool, choice: ModelChoice
) -> None:
    from sam2long.cli.running.report import track_and_report
    from sam2long.running.prompts.parsed import MaskPrompt
    from sam2long.running.run import Run

    truth = scene.render(0)[1] == _TARGET
    run = Run(
        source=source,
        prompts=[MaskPrompt(frame=0, object_id=_TARGET, mask=truth, path=Path("exact"))],
        out=out,
        formats=("png", "overlay"),
        tree=tree,
        overwrite=overwrite,
        network=choice.described(),
    )
    track_and_report(run, choice.load)


def _score(masks: Path, scene: Scene) -> SequenceScore:
    """J and F of the written masks against the ground truth; excludes the first and last frame, as benchmarks do."""
    from sam2long.evaluation import sequence_scores
    from sam2long.evaluation.datasets.id_maps import read_ids

    return sequence_scores(
        (read_ids(masks / f"{t:05d}.png") == _TARGET, scene.render(t)[1] == _TARGET) for t in range(len(scene))
    )


def _table(scores: dict[str, SequenceScore]) -> str:
    rows = [f"{'':<12}{'J&F':>7}{'J':>7}{'F':>7}"]
    rows += [
        f"{title:<12}{100 * score.j_and_f:>7.1f}{100 * score.j:>7.1f}{100 * score.f:>7.1f}"
        for title, score in scores.items()
    ]
    return "\n".join(rows)
