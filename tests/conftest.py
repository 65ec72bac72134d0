"""Numbers of the reference implementations, the inputs they were made from, and small models for everything else."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
import torch

from sam2long.model import PRESETS, SAM2
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.checkpoints.names import to_ours
from tests.networks import SMALL
from tests.video.pictures import HEIGHT, WIDTH, picture

GOLDEN = Path(__file__).parent / "golden"


def _load_inputs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_inputs", GOLDEN / "inputs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pytest_configure(config: pytest.Config) -> None:
    """Workers share the cores: one thread each. Ctrl-C can be tested even if whoever runs the tests ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        torch.set_num_threads(1)
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each of two workers half of the long tests to begin with, so that none is left with one at the end."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    fast = [item for item in items if not item.get_closest_marker("slow")]
    half = len(fast) // 2
    items[:] = slow[::2] + fast[:half] + slow[1::2] + fast[half:]


@pytest.fixture(autouse=True)
def _ctrl_c_stays() -> Iterator[None]:
    """Commands leave Ctrl-C to end the process at once when they are done, which must not reach the next test."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def golden_inputs() -> ModuleType:
    """The recipe of the golden frames, masks and weights."""
    return _load_inputs()


@pytest.fixture(scope="session")
def manifest() -> dict[str, dict[str, list[int]]]:
    """Names and shapes of every parameter of the eight published checkpoints."""
    loaded: dict[str, dict[str, list[int]]] = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """Load a golden file by name."""
    return lambda name: dict(np.load(GOLDEN / f"{name}.npz"))


@pytest.fixture(scope="session")
def published_state(
    manifest: dict[str, dict[str, list[int]]], golden_inputs: ModuleType
) -> Callable[..., dict[str, torch.Tensor]]:
    """Weights of a golden case under the names of the original checkpoint."""

    def build(preset: str, adjust: dict[str, tuple[float, float]] | None = None) -> dict[str, torch.Tensor]:
        return {
            name: torch.from_numpy(golden_inputs.weight(name, tuple(shape), adjust))
            for name, shape in manifest[preset].items()
        }

    return build


@pytest.fixture(scope="session")
def golden_model(published_state: Callable[..., dict[str, torch.Tensor]]) -> Callable[..., SAM2]:
    """The model of a golden case."""

    def build(preset: str, adjust: dict[str, tuple[float, float]] | None = None) -> SAM2:
        model = SAM2(PRESETS[preset])
        model.load_state_dict(to_ours(published_state(preset, adjust)))
        return model.eval()

    return build


@pytest.fixture(scope="session")
def small_model() -> SAM2:
    """A small model with fresh weights whose scores are stretched, so that they cross every threshold."""
    model = fresh_model(SMALL, seed=3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2 and re.search(r"weight$", name):
                fan_in = parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=_generator(name)) / fan_in**0.5)
        heads = model.mask_decoder
        heads.object_score_head.layers[-1].weight.mul_(150)
        heads.object_score_head.layers[-1].bias.add_(21)
        heads.iou_head.layers[-1].weight.mul_(30)
        heads.iou_head.layers[-1].bias.add_(4.5)
    return model


def _generator(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(sum(name.encode()))


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    def make(
        name: str = "clip.mp4",
        codec: str = "libx264",
        count: int = 60,
        *,
        milliseconds: list[int] | None = None,
        pix_fmt: str = "yuv420p",
        size: tuple[int, int] = (HEIGHT, WIDTH),
        **options: str,
    ) -> Path:
        path = tmp_path / name
        flags = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
        with av.open(str(path), "w", options=flags) as container:
            stream = container.add_stream(codec, rate=25, options={k.replace("_", "-"): v for k, v in options.items()})
            stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
            if milliseconds is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
                if milliseconds is not None:
                    frame.pts, frame.time_base = milliseconds[number], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
