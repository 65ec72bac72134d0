"""The options of `sam2long track`, with the help that users read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_PROMPTS, _MODEL, _TREE = "What to follow", "Network", "Memory tree"
_FRAMES, _RESULTS = "Which frames", "Results"

Video: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="VIDEO", help="A video file, a folder of images, or a quoted pattern such as 'in/*.jpg'."),
]

Point: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="X,Y[,0][@FRAME][#OBJECT]",
        help="A click on the object, or with ,0 beside it. Repeat for more.",
        rich_help_panel=_PROMPTS,
    ),
]
Box: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="X0,Y0,X1,Y1[@FRAME][#OBJECT]",
        help="A box around the object. Repeat for more objects.",
        rich_help_panel=_PROMPTS,
    ),
]
Mask: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE[@FRAME][#OBJECT]",
        help="A mask of the video's size; in a palette PNG every colour is an object.",
        rich_help_panel=_PROMPTS,
    ),
]
Prompts: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help="Many prompts, from a file.", rich_help_panel=_PROMPTS)
]

Out: TypeAlias = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.", rich_help_panel=_RESULTS)]
Save: TypeAlias = Annotated[
    str,
    typer.Option(
        help="What to write: png, png-per-object, coco (also as YouTube-VIS), overlay, npz.", rich_help_panel=_RESULTS
    ),
]
SessionFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--session",
        metavar="FILE.s2l",
        help="Save the run there as it goes. Named again, it goes on, and further prompts correct it.",
        rich_help_panel=_RESULTS,
    ),
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run.", rich_help_panel=_RESULTS)
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", help="Print only warnings and errors.", rich_help_panel=_RESULTS)
]

Model: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Which network.", rich_help_panel=_MODEL)]
Checkpoint: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Its weights (.pt or .safetensors). Default: the published ones, downloaded once.",
        rich_help_panel=_MODEL,
    ),
]
RandomWeights: TypeAlias = Annotated[
    bool,
    typer.Option("--random-weights", help="Draw fresh weights: the masks mean nothing.", rich_help_panel=_MODEL),
]
ImageSize: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Side of the image the network sees; smaller is faster and coarser. Default: its own.",
        rich_help_panel=_MODEL,
    ),
]
Device: TypeAlias = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the fastest there is.", rich_help_panel=_MODEL)
]

Precision: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="float32, bfloat16, or auto: bfloat16 where the machine multiplies it faster.",
        rich_help_panel=_MODEL,
    ),
]
Compile: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--compile", help="Compile the network first: a minute or more, for long videos.", rich_help_panel=_MODEL
    ),
]

Pathways: TypeAlias = Annotated[
    int | None, typer.Option(help="Hypotheses kept side by side. Default: 3.", rich_help_panel=_TREE)
]
IouThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Remember only masks with a higher predicted IoU. Default: 0.3.", rich_help_panel=_TREE),
]
UncertaintyThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Keep distinct hypotheses while object scores are below. Default: 2.", rich_help_panel=_TREE),
]
Modulation: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Attention weights of the least and the most certain memory. Default: 0.95,1.05.",
        rich_help_panel=_TREE,
    ),
]
Greedy: TypeAlias = Annotated[
    bool, typer.Option("--greedy", help="Plain SAM 2, without the tree.", rich_help_panel=_TREE)
]
MaxDelay: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Decide a frame at the latest N frames after it. Default: no limit.", rich_help_panel=_TREE
    ),
]

Start: TypeAlias = Annotated[
    int | None, typer.Option(help="Frame to begin with. Default: the first prompt's.", rich_help_panel=_FRAMES)
]
End: TypeAlias = Annotated[
    int | None, typer.Option(help="Last frame, included. Default: the video's last.", rich_help_panel=_FRAMES)
]
Fps: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Frames per second of a folder of images. Default: 24.", rich_help_panel=_FRAMES),
]
Levels: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Values of black and white where there are more than 8 bits. Default: by content, where they look dark.",
        rich_help_panel=_FRAMES,
    ),
]
Stride: TypeAlias = Annotated[int, typer.Option(help="Take every n-th frame only.", rich_help_panel=_FRAMES)]
Reverse: TypeAlias = Annotated[
    bool,
    typer.Option("--reverse", help="Go back in time, by default from the last prompt to 0.", rich_help_panel=_FRAMES),
]
