"""What all examples share: a video to try things on, and the choice of a model."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import numpy.typing as npt

import sam2long
from sam2long.synthetic import Scene, SceneConfig
from sam2long.synthetic.export import write_mp4

SEED, FRAMES, OBJECTS = 31, 40, 2


@dataclass(frozen=True)
class Setup:
    """The video to follow objects in, and the network that follows them."""

    video: Path
    model: sam2long.SAM2
    out: Path


def setup(description: str) -> Setup:
    """Read the command line: VIDEO, --model and --out, all optional."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("video", nargs="?", type=Path, help="your video; without one, an artificial clip")
    parser.add_argument("--model", default="nano", help="for real work: sam2.1-hiera-tiny ... sam2.1-hiera-large")
    parser.add_argument("--out", type=Path, default=Path("out/examples"), help="folder for results")
    words = parser.parse_args()
    words.out.mkdir(parents=True, exist_ok=True)
    return Setup(words.video or artificial_clip(), sam2long.load_model(words.model), words.out)


def artificial_clip() -> Path:
    """A clip of 40 frames in which two objects move; made once."""
    path = Path(gettempdir()) / f"sam2long-example-{SEED}.mp4"
    if not path.exists():
        write_mp4(_scene(), path)
    return path


def artificial_mask(frame: int, object_id: int) -> npt.NDArray[np.bool_]:
    """Where an object of the artificial clip really is: bool [height, width]."""
    return _scene().render(frame)[1] == object_id


def _scene() -> Scene:
    return Scene(SceneConfig("mixed", FRAMES, objects=OBJECTS), SEED)
