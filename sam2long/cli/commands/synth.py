"""`sam2long synth`: renders a synthetic video with exact ground truth."""

from __future__ import annotations

import shutil
import tempfile
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sam2long.errors import OutputError

if TYPE_CHECKING:
    from sam2long.synthetic import Scene


class Format(str, Enum):
    """File format of a scene."""

    DAVIS = "davis"
    MP4 = "mp4"


def synth(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder; may already hold other scenes.")],
    kind: Annotated[
        str, typer.Option(help="Kind of scene: easy, occlusion, lookalike, exit, long or mixed.")
    ] = "occlusion",
    frames: Annotated[int, typer.Option(help="Length in frames.")] = 600,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same video.")] = 0,
    form: Annotated[
        Format,
        typer.Option("--format", help="davis: one image and one mask per frame; mp4: a video and its first mask."),
    ] = Format.DAVIS,
    size: Annotated[int, typer.Option(help="Height and width of the video in pixels.")] = 256,
    objects: Annotated[int, typer.Option(help="Number of objects with ground truth.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the scene if it already exists.")] = False,
) -> None:
    """Render a synthetic video with exact ground truth."""
    from sam2long.synthetic import Scene, SceneConfig

    scene = Scene(SceneConfig(kind, frames, height=size, width=size, objects=objects), seed)
    name = f"{kind}-{seed}"
    video, mask = _names(form, name)
    _write(scene, form, name, out, [video, mask if form is Format.MP4 else mask.parent], overwrite)
    typer.echo(f"{frames} frames in {out / video}; to follow the objects:")
    typer.echo(f"  sam2long track {out / video} --mask {out / mask} --out {out / 'tracked' / name}")


def _names(form: Format, name: str) -> tuple[Path, Path]:
    """Paths of the video and its first mask, relative to the output folder."""
    if form is Format.MP4:
        return Path(f"{name}.mp4"), Path(f"{name}.png")
    return Path("JPEGImages") / name, Path("Annotations") / name / "00000.png"


def _write(scene: Scene, form: Format, name: str, out: Path, entries: list[Path], overwrite: bool) -> None:
    """Render into a temporary folder next to the target, then move `entries` into place."""
    for entry in entries:
        if (out / entry).exists() and not overwrite:
            raise OutputError(f"{out / entry} already exists; pass --overwrite to replace it")
    created = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sam2long-", dir=out) as staging:
            _render(scene, form, name, Path(staging))
            for entry in entries:
                _move(Path(staging) / entry, out / entry)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        if created and out.is_dir() and not any(out.iterdir()):
            out.rmdir()


def _render(scene: Scene, form: Format, name: str, folder: Path) -> None:
    from sam2long.synthetic.export import write_davis, write_ids, write_mp4

    if form is Format.DAVIS:
        write_davis(scene, folder, name)
    else:
        write_mp4(scene, folder / f"{name}.mp4")
        write_ids(scene.render(0)[1], folder / f"{name}.png")


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)
