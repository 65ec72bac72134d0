"""Writes the scene as labels of YOLO, files of LabelMe and boxes of MOT."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .conftest import FRAMES, HEIGHT, WIDTH, Truth


def label_folder(truth: Truth, folder: Path, polygons: bool, ids: bool = False, name: str = "img_{:04d}") -> Path:
    """One file of labels per frame, class 0 for the first object and 1 for the others, numbered from 1."""
    folder.mkdir(parents=True)
    for frame in range(FRAMES):
        lines = []
        for number in (1, 2, 3):
            if not truth.mask(frame, number).any():
                continue
            x, y, width, height = truth.box(frame, number)
            values = ((x + width / 2) / WIDTH, (y + height / 2) / HEIGHT, width / WIDTH, height / HEIGHT)
            line = f"{int(number > 1)} " + " ".join(f"{value:.6g}" for value in values)
            if polygons:
                line = f"{int(number > 1)} {outline(truth, frame, number)}"
            lines.append(line + (f" {number}" if ids else ""))
        (folder / f"{name.format(frame + 1)}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def outline(truth: Truth, frame: int, number: int) -> str:
    """The outermost pixels, as Ultralytics makes a polygon of a mask."""
    pixels = truth.mask(frame, number).astype(np.uint8)
    ((ring,), _) = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return " ".join(f"{value:.6g}" for value in (ring[:, 0] / (WIDTH, HEIGHT)).ravel())


def labelme(*shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A file as LabelMe writes it."""
    return {
        "version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": "img_0001.jpg", "imageData": None,
        "imageHeight": HEIGHT, "imageWidth": WIDTH, **more,
    }  # fmt: skip


def shape(kind: str, *points: tuple[float, float], label: str = "cup", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": list(points), "group_id": None, "shape_type": kind, "flags": {}, **more}


def masked(truth: Truth, frame: int, number: int, **more: Any) -> dict[str, Any]:
    """A shape of the type mask: a PNG of its rectangle, between two corners of pixels that belong to it."""
    x, y, width, height = truth.box(frame, number)
    file = io.BytesIO()
    Image.fromarray(truth.mask(frame, number)[y : y + height, x : x + width]).save(file, "PNG")
    text = base64.b64encode(file.getvalue()).decode()
    return shape("mask", (x, y), (x + width - 1, y + height - 1), mask=text, **more)


def mot(truth: Truth, ids: bool = True) -> str:
    """Boxes of all objects on all frames, frames from 1, as in `gt.txt` or `det.txt`."""
    lines = []
    for frame in range(FRAMES):
        for number in (1, 2, 3):
            if truth.mask(frame, number).any():
                box = ",".join(map(str, truth.box(frame, number)))
                lines.append(f"{frame + 1},{number},{box},1,1,0.8" if ids else f"{frame + 1},-1,{box},64.2,-1,-1,-1")
    return "\n".join(lines) + "\n"
