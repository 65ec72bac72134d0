"""A clip, a network small enough for tests, and the command itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from sam2long.cli.app import main
from sam2long.model.checkpoints.loading import fresh_model, save_model
from tests.networks import MICRO

CLIP_FRAMES, CLIP_HEIGHT, CLIP_WIDTH = 12, 48, 64


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def same_ctrl_c() -> Iterator[None]:
    """Puts Ctrl-C back to what pytest made of it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def sam2long(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `sam2long WORDS...` in this process."""

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sam2long", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a whole SAM 2 that takes milliseconds a frame; the file stores its configuration."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(fresh_model(MICRO), path)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A white square that moves right, 12 frames of 64 x 48."""
    return write_clip(tmp_path_factory.mktemp("clip") / "square.mp4", CLIP_FRAMES)


def write_clip(path: Path, frames: int, **options: str) -> Path:
    """Writes the moving square at 24 frames a second; `options` go to the container."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "6"})
        stream.width, stream.height, stream.pix_fmt = CLIP_WIDTH, CLIP_HEIGHT, "yuv420p"
        for number in range(frames):
            image = np.full((CLIP_HEIGHT, CLIP_WIDTH, 3), 30, np.uint8)
            left = 4 + 2 * (number % 20)
            image[16:32, left : left + 16] = 230
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path
