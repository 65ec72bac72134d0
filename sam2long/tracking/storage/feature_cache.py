"""Caches image features: computed when first needed, and kept within a budget of bytes."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from sam2long.errors import ConfigError, OutputError
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
        folder: keep them in a temporary folder inside this one instead of in memory.

    Raises:
        OutputError: the folder cannot be used.
    """

    def __init__(self, model: SAM2, source: VideoSource, budget: int = 0, folder: str | Path | None = None) -> None:
        self.model = model
        self.source = source
        self._latest: OrderedDict[int, ImageFeatures] = OrderedDict()
        self._shelf: _Shelf = _MemoryShelf(budget) if folder is None else _DiskShelf(budget, Path(folder))

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
        self._shelf.close()


class _Shelf(ABC):
    """Keeps features by frame within a budget of bytes; the least recently used frames are dropped first."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._bytes: OrderedDict[int, int] = OrderedDict()
        self._total = 0

    def get(self, frame: int, device: torch.device) -> ImageFeatures | None:
        if frame not in self._bytes:
            return None
        tensors = self._load(frame)
        if tensors is None:
            self._forget(frame)
            return None
        self._bytes.move_to_end(frame)
        return ImageFeatures(*(tensor.to(device) for tensor in tensors))

    def put(self, frame: int, features: ImageFeatures) -> None:
        size = sum(tensor.nbytes for tensor in _tensors(features))
        if frame in self._bytes or size > self._budget:
            return
        while self._total + size > self._budget:
            self._forget(next(iter(self._bytes)))
        # Added only after it has been saved completely, since frames in `_bytes` can be loaded.
        self._save(frame, [tensor.cpu() for tensor in _tensors(features)])
        self._bytes[frame] = size
        self._total += size

    def close(self) -> None:
        while self._bytes:
            self._forget(next(iter(self._bytes)))

    def _forget(self, frame: int) -> None:
        self._total -= self._bytes.pop(frame)
        self._drop(frame)

    @abstractmethod
    def _load(self, frame: int) -> list[Tensor] | None:
        """The tensors that were saved, or None if they are no longer there."""

    @abstractmethod
    def _save(self, frame: int, tensors: list[Tensor]) -> None: ...

    @abstractmethod
    def _drop(self, frame: int) -> None: ...


class _MemoryShelf(_Shelf):
    def __init__(self, budget: int) -> None:
        super().__init__(budget)
        self._kept: dict[int, list[Tensor]] = {}

    def _load(self, frame: int) -> list[Tensor]:
        return self._kept[frame]

    def _save(self, frame: int, tensors: list[Tensor]) -> None:
        self._kept[frame] = tensors

    def _drop(self, frame: int) -> None:
        del self._kept[frame]


class _DiskShelf(_Shelf):
    def __init__(self, budget: int, folder: Path) -> None:
        super().__init__(budget)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._folder = TemporaryDirectory(prefix="features-", dir=folder, ignore_cleanup_errors=True)
        except OSError as error:
            raise OutputError(f"cannot store image features in {folder}: {error.strerror}") from error

    def close(self) -> None:
        super().close()
        self._folder.cleanup()

    def _load(self, frame: int) -> list[Tensor] | None:
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            # Read into memory: tensors mapped to the file would keep it open, and Windows cannot delete open files.
            tensors = load(self._path(frame).read_bytes())
        except (OSError, SafetensorError):
            return None
        return [_as_laid_out(tensors[key], key) for key in sorted(tensors)]

    def _save(self, frame: int, tensors: list[Tensor]) -> None:
        from safetensors.torch import save

        data = save(dict(_to_store(number, tensor) for number, tensor in enumerate(tensors)))
        try:
            self._path(frame).write_bytes(data)
        except OSError as error:
            self._drop(frame)
            raise OutputError(
                f"cannot store image features in {self._folder.name}: {error.strerror or error}"
            ) from error
        except BaseException:  # including Ctrl-C, which must not leave a partial file
            self._drop(frame)
            raise

    def _drop(self, frame: int) -> None:
        with suppress(OSError):  # whatever is left is deleted with the folder when the cache is closed
            self._path(frame).unlink(missing_ok=True)

    def _path(self, frame: int) -> Path:
        return Path(self._folder.name) / f"{frame}.safetensors"


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
    return features.stride4, features.stride8, features.stride16


def _to_store(number: int, tensor: Tensor) -> tuple[str, Tensor]:
    """Permute a tensor to the order of its memory layout; the key names the order, "1-0231" for channels last.

    The layout must be restored, since the network uses other kernels, which round differently, for other layouts.
    """
    order = sorted(range(tensor.dim()), key=lambda axis: -tensor.stride()[axis])
    return f"{number}-{''.join(map(str, order))}", tensor.permute(order).contiguous()


def _as_laid_out(stored: Tensor, key: str) -> Tensor:
    """Restore a stored tensor with its original memory layout."""
    order = [int(axis) for axis in key.split("-")[1]]
    # Cloned, since tensors from a file may be unaligned, and the choice of kernels depends on alignment too.
    return stored.clone().permute([order.index(axis) for axis in range(len(order))])
