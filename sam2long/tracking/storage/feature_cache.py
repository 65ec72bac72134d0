"""Caches image features: computed when first needed, and kept within a budget of bytes."""

from __future__ import annotations

import re
from collections import OrderedDict

import torch
from torch import Tensor

from sam2long.errors import ConfigError
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.preprocess import prepare_image
from sam2long.model.sam2 import SAM2
from sam2long.video import Frame, VideoSource

_LATEST = 4
"""Number of latest frames whose features stay on the device, since several objects or a preview often need them."""

_UNITS = {"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


class FeatureCache:
    """Encodes frames, and keeps their features so that they are not encoded again.

    Args:
        model: the network.
        source: the video, for frames that are not in the cache.
        budget: bytes of features to keep besides those of the latest few frames; the least recently used go first.
    """

    def __init__(self, model: SAM2, source: VideoSource, budget: int = 0) -> None:
        self.model = model
        self.source = source
        self._latest: OrderedDict[int, ImageFeatures] = OrderedDict()
        self._shelf = _Shelf(budget)

    def features(self, frame: int) -> ImageFeatures:
        """Features of a frame, encoded if they are not cached; the source must be seekable for that."""
        known = self.known(frame)
        return known if known is not None else self.encode(self.source.frame(frame))

    @torch.inference_mode()
    def encode(self, frame: Frame) -> ImageFeatures:
        """Encode a decoded frame and cache its features."""
        features = self.model.encode_image(prepare_image(frame.image, self.model.config, self.model.device))
        self.keep(frame.index, features)
        return features

    def known(self, frame: int) -> ImageFeatures | None:
        """Features of a frame if they are cached, else None."""
        latest = self._latest.get(frame)
        return latest if latest is not None else self._shelf.get(frame, self.model.device)

    def keep(self, frame: int, features: ImageFeatures) -> None:
        """Cache the features of a frame, as the latest one."""
        if frame not in self._latest:
            self._shelf.put(frame, features)
        self._latest[frame] = features
        self._latest.move_to_end(frame)
        if len(self._latest) > _LATEST:
            self._latest.popitem(last=False)

    def close(self) -> None:
        """Delete all cached features."""
        self._latest.clear()
        self._shelf.clear()


class _Shelf:
    """Keeps features in memory within a budget of bytes; the least recently used frames are dropped first."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[int, ImageFeatures] = OrderedDict()
        self._total = 0

    def get(self, frame: int, device: torch.device) -> ImageFeatures | None:
        if frame not in self._kept:
            return None
        self._kept.move_to_end(frame)
        return ImageFeatures(*(tensor.to(device) for tensor in _tensors(self._kept[frame])))

    def put(self, frame: int, features: ImageFeatures) -> None:
        size = _bytes(features)
        if frame in self._kept or size > self._budget:
            return
        while self._total + size > self._budget:
            _, dropped = self._kept.popitem(last=False)
            self._total -= _bytes(dropped)
        self._kept[frame] = ImageFeatures(*(tensor.cpu() for tensor in _tensors(features)))
        self._total += size

    def clear(self) -> None:
        self._kept.clear()
        self._total = 0


def parse_bytes(text: str | int) -> int:
    """Parse a size in bytes, given as a number or as text such as "2GB" or "500 MB" (1 kB is 1,000 bytes).

    Raises:
        ConfigError: the size is not valid.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)?", str(text).strip().upper())
    if found is None:
        raise ConfigError(f'{text!r} is not a valid size; use bytes, or a size such as "2GB"')
    return int(float(found[1]) * _UNITS[found[2] or ""])


def _tensors(features: ImageFeatures) -> tuple[Tensor, Tensor, Tensor]:
    return features.fine, features.middle, features.coarse


def _bytes(features: ImageFeatures) -> int:
    return sum(tensor.nbytes for tensor in _tensors(features))
