"""`sam2long prompts`: looks at prompts from files of other tools, and converts them to our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from sam2long.cli.options.prompts import PromptFrames as PromptFramesOption
from sam2long.cli.options.results import Quiet

if TYPE_CHECKING:
    from sam2long.running.prompts.parsed import Prompt
    from sam2long.running.prompts.reading import ReadPrompts
    from sam2long.video import VideoSource

prompts = typer.Typer(help="Look at prompts from files of other tools, and convert them.", no_args_is_help=True)

_Prompts: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PROMPTS", help="A file or folder: JSON, COCO, YOLO, LabelMe, CVAT, DAVIS, MOT, supervision."
    ),
]
_Video: TypeAlias = Annotated[str, typer.Option(metavar="VIDEO", help="The video that the prompts are for.")]


@prompts.command()
def convert(
    path: _Prompts,
    video: _Video,
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="Prompt file to write; masks go to a folder beside.")],
    prompt_frames: PromptFramesOption = "first",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file and its masks.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write prompts of any known kind as a prompt file, to look at and edit."""
    from sam2long.running.prompts.saving import write_prompt_file
    from sam2long.video import open_video

    with open_video(video) as source:
        read = _read(path, source, prompt_frames)
    files = write_prompt_file(read.prompts, out, overwrite)
    if not quiet:
        if read.note:
            typer.echo(read.note)
        masks = f" and {len(files) - 1} mask{'s' * (len(files) != 2)} in {files[0].parent}" if len(files) > 1 else ""
        typer.echo(f"wrote {out}{masks}")


@prompts.command()
def show(
    path: _Prompts,
    video: _Video,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw the prompts over their frames.")
    ] = None,
    prompt_frames: PromptFramesOption = "first",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the picture.")] = False,
) -> None:
    """Check prompts against a video, and list or draw them."""
    from sam2long.video import open_video

    with open_video(video) as source:
        read = _read(path, source, prompt_frames)
        if out is not None:
            _draw(read.prompts, source, out, overwrite)
    if read.note:
        typer.echo(read.note)
    for line in _lines(read.prompts):
        typer.echo(f"  {line}")
    if out is not None:
        typer.echo(f"wrote {out}")


def _read(path: Path, source: VideoSource, prompt_frames: str) -> ReadPrompts:
    from sam2long.running.prompts.files.choice import PromptFrames
    from sam2long.running.prompts.parsed import check_prompts
    from sam2long.running.prompts.reading import read_file

    read = read_file(path, source, PromptFrames.parse(prompt_frames))
    check_prompts(read.prompts, source)
    return read


def _draw(given: Sequence[Prompt], source: VideoSource, out: Path, overwrite: bool) -> None:
    from sam2long.errors import OutputError
    from sam2long.running.prompts.picture import draw_prompts

    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists already; choose another name, or add --overwrite")
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise OutputError(f"{out}: a picture must be called .png, .jpg or .webp")
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    try:
        draw_prompts(given, source).save(part)
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{out} cannot be written: {error.strerror or error}") from error


def _lines(given: Sequence[Prompt]) -> list[str]:
    """One line per object and frame."""
    from sam2long.running.prompts.parsed import object_prompts

    lines = []
    for group in object_prompts(given):
        kinds = [f"mask of {int(mask.mask.sum())} pixels" for mask in group.masks]
        kinds += [f"box {','.join(f'{value:g}' for value in box.box)}" for box in group.boxes]
        kinds += [f"{len(group.points)} point{'s' * (len(group.points) != 1)}"] if group.points else []
        name = f" ({group.name})" if group.name else ""
        lines.append(f"frame {group.frame}, object {group.object_id}{name}: {', '.join(kinds)}")
    return lines
