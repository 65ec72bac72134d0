"""The image encoder runs ahead of the tracker: coming frames are resized on a thread and encoded several at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import TypeVar

import torch
from torch import Tensor

from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.preprocess import normalise, resize_image
from sam2long.model.sam2 import SAM2
from sam2long.tracking.storage.feature_cache import FeatureCache
from sam2long.video import Frame, VideoSource
from sam2long.video.read_ahead import read_ahead

T = TypeVar("T")

_DECODE_AHEAD = 4
"""Frames that are decoded and resized beyond the batch in hand."""

_LARGE_IMAGES, _MOST_IMAGES = 8, 16
"""Batch on a GPU: so many images of 1024 x 1024, more of smaller ones."""

_MAPS_ALIVE = 16
"""Generous count of float32 maps, of the first stage's size, that the encoder holds at once for an image."""


def batch_size(model: SAM2, source: VideoSource) -> int:
    """How many frames to encode together.

    One of a live source, whose frames must not wait, and one on a CPU, where a batch takes as long as its images one by
    one. On a GPU as many as fill it, within a quarter of its free memory.
    """
    if model.device.type != "cuda" or not source.seekable:
        return 1
    side = model.config.image_size
    image_bytes = _MAPS_ALIVE * 4 * model.config.trunk.width * (side // 4) ** 2
    fitting = torch.cuda.mem_get_info(model.device)[0] // 4 // image_bytes
    return max(1, min(_LARGE_IMAGES * 1024**2 // side**2, _MOST_IMAGES, fitting))


def encode_ahead(
    frames: Iterable[Frame], cache: FeatureCache, batch: int, wanted: Callable[[int], bool] = lambda _: True
) -> Generator[tuple[Frame, ImageFeatures], None, None]:
    """Yield frames, in order, with their features.

    `frames` is read on a thread of its own, a few frames beyond the batch in hand. An error of it is raised after all
    frames before it. Closing this iterator ends the thread.

    Args:
        frames: decoded frames.
        cache: has the network; knows the features of the latest frames, and learns those of each frame as the
            frame is yielded.
        batch: how many frames to encode together, see `batch_size`; what is left at the end goes one by one.
        wanted: whether a frame is to be encoded at all, asked when its turn comes.
    """
    config = cache.model.config
    resized = ((frame, resize_image(frame.image, config)) for frame in frames)
    with closing(read_ahead(resized, _DECODE_AHEAD + batch - 1)) as ready:
        for group in _groups((item for item in ready if wanted(item[0].index)), batch):
            # Two sizes of batch and no others, so that a compiled encoder is compiled at most twice.
            parts = [group] if len(group) == batch else [[one] for one in group]
            for part in parts:
                for (frame, _), features in zip(part, _features(part, cache), strict=True):
                    cache.keep(frame.index, features)
                    yield frame, features


@torch.inference_mode()
def _features(part: list[tuple[Frame, Tensor]], cache: FeatureCache) -> list[ImageFeatures]:
    known = [features for frame, _ in part if (features := cache.known(frame.index)) is not None]
    if len(known) == len(part):
        return known
    model = cache.model
    pixels = torch.cat([image for _, image in part])
    encoded = model.encode_image(normalise(pixels, model.config, model.device))
    return [encoded[number] for number in range(len(part))]


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items and a last shorter one; an error of `items` comes after the items before it."""
    group: list[T] = []
    error: Exception | None = None
    try:
        for item in items:
            group.append(item)
            if len(group) == size:
                yield group
                group = []
    except Exception as caught:  # raised below, whatever it is
        error = caught
    if group:
        yield group
    if error is not None:
        raise error
