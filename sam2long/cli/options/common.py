"""Options of `sam2long track` and their help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_PROMPTS, _MODEL, _TREE = "Prompts", "Network", "Memory tree"
_FRAMES, _RESULTS = "Frames", "Results"

Video: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="VIDEO",
        help="A video file, a folder of images, a quoted pattern such as 'in/*.jpg', or a live source: camera:0,"
        " rtsp://..., http://..., or - for a pipe.",
    ),
]

Point: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="X,Y[,0][@FRAME][#OBJECT]",
        help="A click on the object, or off it with ,0. Repeat for more clicks.",
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
        help="A mask image of the video's size; in a palette PNG, each colour is one object.",
        rich_help_panel=_PROMPTS,
    ),
]
Prompts: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Read prompts from a file or folder: JSON, COCO, YOLO, LabelMe, CVAT, DAVIS, MOT, supervision.",
        rich_help_panel=_PROMPTS,
    ),
]
PromptFrames: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="first|all|N",
        help="Where other tools' files mark an object on many frames: prompt it on the first, on all, or every N-th.",
        rich_help_panel=_PROMPTS,
    ),
]

Out: TypeAlias = Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", rich_help_panel=_RESULTS)]
Save: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Formats to write: png, png-per-object, coco (with YouTube-VIS), overlay, npz, ytvis, yolo, labelme, cvat,"
        " cvat-masks, csv, contours, alpha, alpha-webm, alpha-per-object, alpha-webm-per-object, matte, matte-prores,"
        " exr.",
        rich_help_panel=_RESULTS,
    ),
]
Scale: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Size of a pixel with its unit, such as 0.325um: csv then has lengths and areas in that unit too.",
        rich_help_panel=_RESULTS,
    ),
]
SessionFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--session",
        metavar="FILE.s2l",
        help="Save the run to this file as it goes. Run the same command again to resume; add prompts to correct it.",
        rich_help_panel=_RESULTS,
    ),
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run.", rich_help_panel=_RESULTS)
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", help="Print only warnings and errors.", rich_help_panel=_RESULTS)
]

Model: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Network to use.", rich_help_panel=_MODEL)]
Checkpoint: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Weights (.pt or .safetensors). Default: the published ones, downloaded once.",
        rich_help_panel=_MODEL,
    ),
]
RandomWeights: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--random-weights", help="Use untrained random weights; the masks are meaningless.", rich_help_panel=_MODEL
    ),
]
ImageSize: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Side of the network's square input in pixels; smaller is faster and coarser. Default: the network's own.",
        rich_help_panel=_MODEL,
    ),
]
Device: TypeAlias = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the fastest available.", rich_help_panel=_MODEL)
]

Precision: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="float32, bfloat16, or auto (bfloat16 where the hardware runs it faster).",
        rich_help_panel=_MODEL,
    ),
]
Compile: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the network first; takes a minute or more and pays off on long videos.",
        rich_help_panel=_MODEL,
    ),
]

Pathways: TypeAlias = Annotated[
    int | None, typer.Option(help="Number of hypotheses (pathways) kept per object. Default: 3.", rich_help_panel=_TREE)
]
IouThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Use only masks with a higher predicted IoU as memories. Default: 0.3.", rich_help_panel=_TREE),
]
UncertaintyThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="Keep the hypotheses distinct while object scores are within this of 0. Default: 2.", rich_help_panel=_TREE
    ),
]
Modulation: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Scales of the attention keys of the least and most confident memory. Default: 0.95,1.05.",
        rich_help_panel=_TREE,
    ),
]
Merge: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Merge the hypotheses once their masks have agreed on N frames in a row: faster, may change results."
        " Default: never.",
        rich_help_panel=_TREE,
    ),
]
Greedy: TypeAlias = Annotated[
    bool, typer.Option("--greedy", help="Plain SAM 2, without the memory tree.", rich_help_panel=_TREE)
]
MaxDelay: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Decide each frame at most N frames later. Default: no limit; 16 for live sources.",
        rich_help_panel=_TREE,
    ),
]

Start: TypeAlias = Annotated[
    int | None, typer.Option(help="First frame. Default: the first one with a prompt.", rich_help_panel=_FRAMES)
]
End: TypeAlias = Annotated[
    int | None, typer.Option(help="Last frame, inclusive. Default: the last one of the video.", rich_help_panel=_FRAMES)
]
Fps: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Frame rate of a folder of images, in frames per second. Default: 24.", rich_help_panel=_FRAMES),
]
Levels: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Values of black and white for videos of more than 8 bits. Default: from the content, if it looks dark.",
        rich_help_panel=_FRAMES,
    ),
]
Stride: TypeAlias = Annotated[int, typer.Option(help="Visit every n-th frame only.", rich_help_panel=_FRAMES)]
Reverse: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--reverse",
        help="Track backwards in time, by default from the last prompt to frame 0.",
        rich_help_panel=_FRAMES,
    ),
]
