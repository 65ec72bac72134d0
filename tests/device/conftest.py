"""The pretended device, and the small network and clip that are followed on it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from sam2long import load_model
from sam2long.model import SAM2, preprocess
from sam2long.model.positions import bicubic_matrix, rotary_table, sine_grid
from sam2long.synthetic import Scene, SceneConfig
from tests.device.pretend import DEVICE, PretendedDevice, pinned

T = TypeVar("T")

FRAMES, HEIGHT, WIDTH = 7, 64, 96

_TENSOR, _RUN = torch.tensor, threading.Thread.run
_CACHES = (bicubic_matrix, rotary_table, sine_grid, preprocess._mean_and_deviation)
"""Tables kept by device: those of the pretended one must not reach a real one."""
_ANSWERS = {
    "_lazy_init": None,
    "get_device_capability": (9, 0),
    "max_memory_allocated": 2**20,
    # A quarter of it holds what the small network needs for three images.
    "mem_get_info": (3 * 2**22, 2**30),
}


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedDevice]:
    """The pretended device, for this thread and those that it starts."""
    made = PretendedDevice()

    def tensor(values: object, *, device: object = None, pin_memory: bool = False, **how: object) -> Tensor:
        """No mode sees `torch.tensor` fill its memory."""
        host = _TENSOR(values, **how)
        host = pinned(host) if pin_memory else host
        return host if device is None else host.to(device)

    def run(thread: threading.Thread) -> None:
        with made.mode():
            _RUN(thread)

    monkeypatch.setattr(torch, "tensor", tensor)
    monkeypatch.setattr(threading.Thread, "run", run)
    for name, answer in _ANSWERS.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: made.wait("synchronize"))
    with made.mode():
        yield made
    for cache in _CACHES:
        cache.cache_clear()


@pytest.fixture
def on_device(device: PretendedDevice) -> Callable[[SAM2], SAM2]:
    """Copies a model to the device."""
    return lambda model: copy.deepcopy(model).to(DEVICE)


@pytest.fixture(scope="package")
def nano() -> SAM2:
    """The bundled network on the CPU, for images of 128 x 128."""
    return load_model("nano", device="cpu", precision="float32", image_size=128)


@pytest.fixture
def both(request: pytest.FixtureRequest) -> Callable[[Callable[[SAM2], T], SAM2], tuple[T, T]]:
    """Runs something with a network on the CPU, then with its copy on the device."""

    def run(work: Callable[[SAM2], T], model: SAM2) -> tuple[T, T]:
        expected = work(model)
        # Only now, so that the first run sees nothing of the device.
        move: Callable[[SAM2], SAM2] = request.getfixturevalue("on_device")
        return expected, work(move(model))

    return run


@dataclass(frozen=True)
class Clip:
    """Frames uint8 [frames, height, width, 3], and ids of the objects 1 and 2 on each [frames, height, width]."""

    frames: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.uint8]

    def mask(self, object_id: int, frame: int = 0) -> npt.NDArray[np.bool_]:
        """Where an object is."""
        inside: npt.NDArray[np.bool_] = self.ids[frame] == object_id
        return inside

    def box(self, object_id: int, frame: int = 0) -> tuple[float, float, float, float]:
        """The box around it."""
        y, x = np.nonzero(self.mask(object_id, frame))
        return float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)

    def middle(self, object_id: int, frame: int = 0) -> tuple[float, float]:
        """A point on it."""
        y, x = np.nonzero(self.mask(object_id, frame))
        return float(x[len(x) // 2]), float(y[len(y) // 2])


@pytest.fixture(scope="package")
def clip() -> Clip:
    """A synthetic clip of two objects."""
    scene = Scene(SceneConfig("easy", FRAMES, HEIGHT, WIDTH, objects=2), seed=0)
    frames, ids = zip(*(scene.render(number) for number in range(FRAMES)), strict=True)
    return Clip(np.stack(frames), np.stack(ids))
