"""Sound files of every kind that commands read, small and made once; the targets damage copies of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image

from sam2long import Session, load_model
from sam2long.cli.running.progress import TrackProgress
from sam2long.model.checkpoints.loading import fresh_model, save_model
from sam2long.results.palette import davis_palette
from sam2long.running.export import export
from sam2long.running.interrupt import Stop
from sam2long.running.kept_results import open_kept
from tests.evaluation import layouts
from tests.networks import MICRO

FRAMES, HEIGHT, WIDTH = 8, 48, 64
CODECS = {"mp4": "libx264", "mkv": "libx264", "avi": "mpeg4", "ts": "mpeg2video", "mov": "mjpeg", "gif": "gif"}
IMAGES = ("png", "jpg", "bmp", "tiff", "webp")


@dataclass(frozen=True)
class Corpus:
    """Where the sound files lie.

    Attributes:
        videos: by suffix.
        pictures: one frame as an image, by suffix.
        folder: images of all frames.
        masks: of the first frame, in several kinds of PNG.
        model: the tiny network as `.safetensors`.
        pickle: the same as `.pt`.
        sessions: `.s2l` files of the mp4, whole and stopped half-way.
        run: an output folder of `sam2long track`.
        kept: an output folder with every kind of masks.
        dataset: a data set in the layout of DAVIS 2017.
    """

    videos: dict[str, Path]
    pictures: dict[str, Path]
    folder: Path
    masks: list[Path]
    model: Path
    pickle: Path
    sessions: list[Path]
    run: Path
    kept: Path
    dataset: Path


def frame(number: int) -> np.ndarray:
    """A bright square that moves right."""
    image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    image[16:32, 4 + 2 * number : 20 + 2 * number] = 230
    return image


def build(root: Path) -> Corpus:
    """Make everything in an empty folder."""
    videos = {suffix: _video(root / f"clip.{suffix}", codec) for suffix, codec in CODECS.items()}
    pictures = {suffix: root / f"picture.{suffix}" for suffix in IMAGES}
    for path in pictures.values():
        Image.fromarray(frame(0)).save(path)
    (root / "folder").mkdir()
    for number in range(FRAMES):
        Image.fromarray(frame(number)).save(root / "folder" / f"frame{number}.png")
    model = root / "tiny.safetensors"
    save_model(fresh_model(MICRO), model)
    torch.save({"model": fresh_model(MICRO).state_dict(), "epoch": 3}, root / "tiny.pt")
    dataset = layouts.davis_2017(root / "dataset")
    sessions = [
        _session(root / "whole.s2l", videos["mp4"], model),
        _session(root / "half.s2l", videos["mp4"], model, 3),
    ]
    kept = _kept(root / "kept", sessions[0])
    return Corpus(
        videos, pictures, root / "folder", _masks(root), model, root / "tiny.pt", sessions, _run(root), kept, dataset
    )


def _video(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options={"g": "4", "threads": "1"} if codec == "libx264" else {})
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
        for number in range(FRAMES):
            picture = av.VideoFrame.from_ndarray(frame(number), format="rgb24")
            container.mux(stream.encode(picture.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode())
    return path


def _masks(root: Path) -> list[Path]:
    square = np.zeros((HEIGHT, WIDTH), np.uint8)
    square[16:32, 4:20] = 1
    two = square.copy()
    two[30:40, 40:60] = 2
    palette = Image.fromarray(two)
    palette.putpalette(davis_palette().tobytes())
    images = {
        "palette": palette,
        "grey": Image.fromarray(square * 255),
        "colour": Image.fromarray(np.stack([two * 100, square * 7, two], axis=2)),
        "deep": Image.fromarray(square.astype(np.uint16) * 65535),
        "bits": Image.fromarray(square > 0),
    }
    for name, image in images.items():
        image.save(root / f"mask-{name}.png")
    return [root / f"mask-{name}.png" for name in images]


def _session(path: Path, clip: Path, model: Path, frames: int = FRAMES) -> Path:
    with Session(load_model(model, device="cpu"), clip, trace=True) as session:
        session.add_box(0, 1, (4, 16, 20, 32))
        session.add_points(0, 2, [(50, 30)])
        for _ in session.propagate(end=frames - 1):
            pass
        session.save(path)
    return path


def _kept(out: Path, session: Path) -> Path:
    with open_kept(session) as kept:
        formats = ["npz", "png", "png-per-object", "coco"]
        export(kept, out, formats, None, False, TrackProgress("kept", None, quiet=True), Stop())
    return out


def _run(root: Path) -> Path:
    """What `review` and `--overwrite` find, less the masks."""
    run = root / "run"
    run.mkdir()
    lines = ["frame,time,object,area,object_score,predicted_iou,disagreement,lead,prompted"]
    for number in range(FRAMES):
        lines += [
            f"{number},{number / 24:.6f},{which},{200 * which},{3 - number},0.{number},0.5,0.1,{int(number == 0)}"
            for which in (1, 2)
        ]
    (run / "trace.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    summary = {"settings": {}, "files": ["trace.csv"], "complete": True}
    (run / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return run
