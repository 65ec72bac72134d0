"""Encodes frames ahead of the tracker: upcoming frames are resized on a thread and encoded in batches."""

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
"""Number of frames that are decoded and resized beyond the current batch."""

_LARGE_IMAGES, _MOST_IMAGES = 8, 16
"""Batch size on a GPU for images of 1024 x 1024, and the upper limit for smaller ones."""

_MAPS_ALIVE = 16
"""Upper estimate of the float32 maps, of the first stage's size, that the encoder holds at once per image."""


def batch_size(model: SAM2, source: VideoSource) -> int:
    """Number of frames to encode together.

    1 for a live source, whose frames must not wait, and on a CPU, where batching saves no time. On a GPU, as many as
    keep it busy, within a quarter of its free memory.
    """
    if model.device.type != "cuda" or not source.seekable:
        return 1
    side = model.config.image_size
    image_bytes = _MAPS_ALIVE * 4 * model.config.trunk.working_width * (side // 4) ** 2
    fitting = torch.cuda.mem_get_info(model.device)[0] // 4 // image_bytes
    return max(1, min(_LARGE_IMAGES * 1024**2 // side**2, _MOST_IMAGES, fitting))


def encode_ahead(
    frames: Iterable[Frame], cache: FeatureCache, batch: int, wanted: Callable[[int], bool] = lambda _: True
) -> Generator[tuple[Frame, ImageFeatures], None, None]:
    """Yield frames, in order, with their features.

    `frames` is read on its own thread, a few frames beyond the current batch, unless they come at a pace of their own.
    If it raises an error, that is raised here after all frames before it. Closing this iterator ends the thread.

    Args:
        frames: decoded frames.
        cache: provides the network and the features it has; each frame's features are added as the frame is yielded.
        batch: number of frames to encode together, see `batch_size`; the remainder is encoded one by one.
        wanted: whether to encode a frame at all; called when the frame is about to be encoded.
    """
    config = cache.model.config
    resized = ((frame, resize_image(frame.image, config)) for frame in frames)
    with closing(resized if cache.source.paced else read_ahead(resized, _DECODE_AHEAD + batch - 1)) as ready:
        for group in _groups((item for item in ready if wanted(item[0].index)), batch):
            # Only two batch sizes are used, so that a compiled encoder is compiled at most twice.
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
    """Yield lists of `size` items and a shorter last one; an error of `items` is raised after the items before it."""
    group: list[T] = []
    error: Exception | None = None
    try:
        for item in items:
            group.append(item)
            if len(group) == size:
                yield group
                group = []
    except Exception as caught:  # of any kind; raised below
        error = caught
    if group:
        yield group
    if error is not None:
        raise error
