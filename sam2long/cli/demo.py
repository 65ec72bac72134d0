"""`sam2long demo`: render a short artificial clip, follow the objects in it, and write the results."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sam2long.cli.prompts import Prompt
    from sam2long.model import SAM2
    from sam2long.synthetic import Scene

_FRAMES = 36
_OBJECTS = 2
_SEED = 5


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results of an earlier run.")] = False,
) -> None:
    """Follow two objects through an artificial clip, to see that everything works."""
    from sam2long.cli.job import Job, run_job
    from sam2long.synthetic import Scene, SceneConfig
    from sam2long.synthetic.export import write_mp4
    from sam2long.tree import TreeConfig
    from sam2long.video import open_video

    scene = Scene(SceneConfig("easy", _FRAMES, objects=_OBJECTS), _SEED)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_mp4(scene, clip)
        with open_video(clip) as source:
            job = Job(
                source=source,
                prompts=_boxes(scene),
                out=out,
                formats=("png", "overlay", "coco"),
                tree=TreeConfig(),
                overwrite=overwrite,
                network={"model": "demo"},
            )
            run_job(job, _network)
        shutil.copyfile(clip, out / clip.name)


def _boxes(scene: Scene) -> list[Prompt]:
    """A box around what is seen of each object on the first frame."""
    from sam2long.cli.prompts import BoxPrompt

    ids = scene.render(0)[1]
    prompts: list[Prompt] = []
    for object_id in range(1, int(ids.max()) + 1):
        ys, xs = (ids == object_id).nonzero()
        if len(xs):
            box = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
            prompts.append(BoxPrompt(frame=0, object_id=object_id, box=box))
    return prompts


def _network() -> SAM2:
    """A small network with fresh weights."""
    from sam2long.model import HieraConfig, SAM2Config
    from sam2long.model.checkpoint import fresh_model

    sys.stderr.write(
        "warning: RANDOM WEIGHTS: the demo's network has learnt nothing, so its masks mean nothing;"
        " they show how results look\n"
    )
    trunk = HieraConfig(32, 1, (1, 1, 2, 1), (2,))
    return fresh_model(SAM2Config("demo", trunk, image_size=128, dim=128, attention_layers=2, attention_mlp=512))
