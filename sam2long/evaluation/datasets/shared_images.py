"""Encodes each frame once for several trackers that visit the same frames, each on a thread of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Condition

import torch
from torch import Tensor

from sam2long.model import SAM2
from sam2long.model.image_encoder import ImageFeatures

_AHEAD = 4
"""Encoded frames that wait for the slower tracker."""


@dataclass
class SharedImages:
    """Encodes a frame for the first tracker that asks, and keeps it for the others.

    All of them must ask for the same frames in the same order, as trackers with the same prompts do.

    Attributes:
        model: the network.
        takers: how many there are.
    """

    model: SAM2
    takers: int
    _asked: list[int] = field(init=False)
    _waiting: dict[int, ImageFeatures] = field(default_factory=dict)
    _turn: Condition = field(default_factory=Condition)
    _broken: bool = False

    def __post_init__(self) -> None:
        self._asked = [0] * self.takers

    def view(self, taker: int) -> SAM2:
        """The network as one taker sees it: the same weights, images encoded once for all."""
        view = copy.copy(self.model)
        object.__setattr__(view, "encode_image", lambda image: self._take(taker, image))
        return view

    def give_up(self) -> None:
        """Wake all threads that wait for a tracker that has failed."""
        with self._turn:
            self._broken = True
            self._turn.notify_all()

    def _take(self, taker: int, image: Tensor) -> ImageFeatures:
        with self._turn:
            number = self._asked[taker]
            self._turn.wait_for(lambda: self._broken or number - min(self._asked) < _AHEAD)
            if self._broken:
                raise RuntimeError("another tracker on the same frames has failed")
            if number not in self._waiting:
                with torch.inference_mode():
                    self._waiting[number] = self.model.encode_image(image)
            features = self._waiting[number]
            self._asked[taker] = number + 1
            for old in [key for key in self._waiting if key < min(self._asked)]:
                del self._waiting[old]
            self._turn.notify_all()
        return features


def run_together(model: SAM2, tasks: Sequence[Callable[[SAM2], None]]) -> None:
    """Run tasks that track one video side by side, encoding each frame once; raises the first exception."""
    shared = SharedImages(model, len(tasks))

    def guarded(number: int) -> None:
        try:
            tasks[number](shared.view(number))
        except BaseException:
            shared.give_up()
            raise

    with ThreadPoolExecutor(len(tasks)) as pool:
        futures = [pool.submit(guarded, number) for number in range(len(tasks))]
        try:
            wait(futures)
        except BaseException:  # Ctrl-C reaches this thread only
            shared.give_up()
            raise
    errors = [error for future in futures if (error := future.exception()) is not None]
    if errors:
        raise min(errors, key=lambda error: isinstance(error, RuntimeError))
