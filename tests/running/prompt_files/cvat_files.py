"""Writes the scene as XML of CVAT, after its documentation."""

from __future__ import annotations

from itertools import groupby

from sam2long.results.outlines import polygons

from .conftest import FRAMES, HEIGHT, LATE, WIDTH, Truth

META = f"""<meta><task><id>5</id><name>walk</name><size>{FRAMES}</size><mode>interpolation</mode>
<original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size></task></meta>"""


def video(*tracks: str, meta: str = META) -> str:
    inside = f"<version>1.1</version>{meta}{''.join(tracks)}"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{inside}</annotations>'


def track(number: int, label: str, *shapes: str) -> str:
    return f'<track id="{number}" label="{label}" source="manual">{"".join(shapes)}</track>'


def shape(kind: str, frame: int, *, outside: int = 0, keyframe: int = 1, **values: object) -> str:
    words = " ".join(f'{name}="{value}"' for name, value in values.items())
    return (
        f'<{kind} frame="{frame}" outside="{outside}" occluded="0" keyframe="{keyframe}" {words} z_order="0"></{kind}>'
    )


def single(kind: str, frame: int, **values: object) -> str:
    """A file with one track of one shape."""
    return video(track(1, "a", shape(kind, frame, **values)))  # type: ignore[arg-type]


def box_values(truth: Truth, frame: int, number: int) -> dict[str, object]:
    x, y, width, height = truth.box(frame, number)
    return {"xtl": f"{x:.2f}", "ytl": f"{y:.2f}", "xbr": f"{x + width:.2f}", "ybr": f"{y + height:.2f}"}


def mask_values(truth: Truth, frame: int, number: int) -> dict[str, object]:
    """Run lengths of the smallest rectangle around the mask, row by row, of background first."""
    x, y, width, height = truth.box(frame, number)
    pixels = truth.mask(frame, number)[y : y + height, x : x + width].ravel()
    runs = [len(list(run)) for _, run in groupby(pixels)]
    rle = ", ".join(map(str, [0, *runs] if pixels[0] else runs))
    return {"rle": rle, "left": x, "top": y, "width": width, "height": height}


def polygon_values(truth: Truth, frame: int, number: int) -> dict[str, object]:
    (ring,) = polygons(truth.mask(frame, number), 0)
    return {"points": ";".join(f"{x:.2f},{y:.2f}" for x, y in ring)}


VALUES = {"box": box_values, "mask": mask_values, "polygon": polygon_values}


def tracks(truth: Truth, kind: str) -> list[str]:
    """Three tracks; odd frames lie between keyframes, and the third object is outside before it enters."""
    labels = ("person", "person", "dog")
    drawn = []
    for number, label in enumerate(labels, 1):
        shapes = []
        for frame in range(FRAMES):
            seen = truth.mask(frame, number).any()
            values = VALUES[kind](truth, frame if seen else LATE, number)
            keyframe = frame % 2 == 0 or frame == LATE
            shapes.append(shape(kind, frame, outside=int(not seen), keyframe=int(keyframe), **values))
        drawn.append(track(number - 1, label, *shapes))
    return drawn


def images(truth: Truth, attribute: str = "") -> str:
    """Every object on every image, the last image first; `attribute` is formatted with the object's number."""
    drawn = []
    for frame in reversed(range(FRAMES)):
        shapes = ""
        for number in (1, 2, 3):
            if truth.mask(frame, number).any():
                values = " ".join(f'{name}="{value}"' for name, value in mask_values(truth, frame, number).items())
                shapes += f'<mask label="person" {values}>{attribute.format(number)}</mask>'
        name = f"img_{frame + 1:04d}.jpg"
        drawn.append(f'<image id="{frame}" name="{name}" width="{WIDTH}" height="{HEIGHT}">{shapes}</image>')
    return video(*drawn, meta="<meta><task><mode>annotation</mode></task></meta>")
