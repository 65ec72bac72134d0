"""Image features, made when they are first needed and kept while they may be needed again, within a stated budget."""

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
"""Features of the latest frames stay on the device: several objects, or preview and propagation, often need them."""

_UNITS = {"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


class FeatureCache:
    """Encodes frames, each once while its features are kept.

    Args:
        model: the network.
        source: where frames come from that are not at hand.
        budget: bytes of features that are kept beyond the latest few frames', the oldest leave first.
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
        """Features of any frame of a source that can be read again."""
        known = self.known(frame)
        return known if known is not None else self.encode(self.source.frame(frame))

    @torch.inference_mode()
    def encode(self, frame: Frame) -> ImageFeatures:
        """Encode a decoded frame."""
        features = self.model.encode_image(prepare_image(frame.image, self.model.config, self.model.device))
        self.keep(frame.index, features)
        return features

    def known(self, frame: int) -> ImageFeatures | None:
        """Features of a frame, if they are kept."""
        latest = self._latest.get(frame)
        return latest if latest is not None else self._shelf.get(frame, self.model.device)

    def keep(self, frame: int, features: ImageFeatures) -> None:
        """Count a frame among the latest."""
        if frame not in self._latest:
            self._shelf.put(frame, features)
        self._latest[frame] = features
        self._latest.move_to_end(frame)
        if len(self._latest) > _LATEST:
            self._latest.popitem(last=False)

    def close(self) -> None:
        """Let go of everything."""
        self._latest.clear()
        self._shelf.close()


class _Shelf(ABC):
    """Features by frame within a budget of bytes."""

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
        # Counted only once it is whole: what is counted will be looked up.
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
        """What was saved, or None if it is there no longer."""

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
            raise OutputError(f"cannot keep image features in {folder}: {error.strerror}") from error

    def close(self) -> None:
        super().close()
        self._folder.cleanup()

    def _load(self, frame: int) -> list[Tensor] | None:
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            # Read whole: tensors that map the file would keep it open, and Windows deletes no open files.
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
                f"cannot keep image features in {self._folder.name}: {error.strerror or error}"
            ) from error
        except BaseException:  # Ctrl-C leaves no half a file behind either
            self._drop(frame)
            raise

    def _drop(self, frame: int) -> None:
        with suppress(OSError):  # the folder goes with the cache, whatever is left in it
            self._path(frame).unlink(missing_ok=True)

    def _path(self, frame: int) -> Path:
        return Path(self._folder.name) / f"{frame}.safetensors"


def parse_bytes(text: str | int) -> int:
    """Bytes from a number or from words such as "2GB" or "500 MB" (thousands, not 1,024s).

    Raises:
        ConfigError: it is neither.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)?", str(text).strip().upper())
    if found is None:
        raise ConfigError(f'{text!r} is no size; give bytes or a size such as "2GB"')
    return int(float(found[1]) * _UNITS[found[2] or ""])


def _tensors(features: ImageFeatures) -> tuple[Tensor, Tensor, Tensor]:
    return features.stride4, features.stride8, features.stride16


def _to_store(number: int, tensor: Tensor) -> tuple[str, Tensor]:
    """A tensor in the order in which its numbers lie in memory, and a key that says so: "1-0231" if channels are last.

    On numbers that lie otherwise the network works with other kernels, whose sums are rounded differently.
    """
    order = sorted(range(tensor.dim()), key=lambda axis: -tensor.stride()[axis])
    return f"{number}-{''.join(map(str, order))}", tensor.permute(order).contiguous()


def _as_laid_out(stored: Tensor, key: str) -> Tensor:
    """The tensor that was stored, laid out in memory as it was."""
    order = [int(axis) for axis in key.split("-")[1]]
    # Cloned, since a file's numbers begin anywhere, and kernels depend on the alignment too.
    return stored.clone().permute([order.index(axis) for axis in range(len(order))])
