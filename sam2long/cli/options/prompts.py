"""Options that say what to follow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from sam2long.running.prompts.likes import Like
    from sam2long.running.prompts.reading import GivenPrompts

_PANEL = "Prompts"

Video: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="VIDEO",
        help="A video file, a folder of images, a quoted pattern such as 'in/*.jpg', or a live source: camera:0,"
        " rtsp://..., http://..., or - for a pipe.",
    ),
]
PromptFrames: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="first|all|N",
        help="Where other tools' files mark an object on many frames: prompt it on the first, on all, or every N-th.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class PromptOptions:
    """What to follow; None where nothing was given."""

    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y[,0][@FRAME][#OBJECT]",
            help="A click on the object, or off it with ,0. Repeat for more clicks.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X0,Y0,X1,Y1[@FRAME][#OBJECT]",
            help="A box around the object. Repeat for more objects.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[@FRAME][#OBJECT]",
            help="A mask image of the video's size; in a palette PNG, each colour is one object.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read prompts from a file or folder: JSON, COCO, YOLO, LabelMe, CVAT, DAVIS, MOT, supervision.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    like: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[@FRAME][#OBJECT]",
            help="Find an object remembered from elsewhere: MATCH.s2l#1 (object 1 of a session), or a picture or"
            " frame of a"
            " video with --like-mask. Repeat for more objects.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    like_mask: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="The object in the picture of --like: a mask image of the picture's size.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    prompt_frames: PromptFrames = "first"

    def given(self, needed: bool) -> GivenPrompts:
        """Read the prompts as far as that needs no video; raises PromptError, also if there are none but some are"
        " needed."""
        from sam2long.running.prompts.files.choice import PromptFrames as Chosen
        from sam2long.running.prompts.reading import read_prompts

        marked = Chosen.parse(self.prompt_frames)
        return read_prompts(self.point or [], self.box or [], self.mask or [], self.prompts, marked, needed=needed)

    def likes(self) -> list[Like]:
        """The objects remembered from elsewhere; raises PromptError."""
        from sam2long.running.prompts.likes import read_likes

        return read_likes(self.like or [], self.like_mask or [])
