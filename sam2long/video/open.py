"""`open_video`, which opens any source of frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sam2long.errors import ConfigError, VideoError
from sam2long.video.paths import user_path
from sam2long.video.pixels.levels import Levels, checked_levels
from sam2long.video.source import DEFAULT_FPS, IMAGE_SUFFIXES, VideoSource

LEAST_FPS, MOST_FPS = 1e-6, 60_000.0
"""What the time stamps of an overlay can hold: one frame in eleven days, or in one of its ticks."""


def open_video(
    source: str | Path | npt.NDArray[Any] | Iterable[npt.NDArray[Any]] | VideoSource,
    *,
    fps: float | None = None,
    levels: tuple[float, float] | None = None,
) -> VideoSource:
    """Open any source of frames.

    Args:
        source: a video file (anything PyAV decodes), an image (all pages of a TIFF, all frames of an animated WebP or
            PNG), a folder or a glob of images (in natural order, frame2 before frame10), an array or a list of arrays
            uint8 [frames, height, width, 3] RGB (or grey without the last dimension; zarr, HDF5 and dask arrays are
            read frame by frame), an iterator of such [height, width, 3] arrays (live, single pass), the address of live
            video ("camera:0", "rtsp://...", "http://...", "-" for a pipe; see `LiveSource`), or a VideoSource, which
            is returned unchanged.
        fps: frame rate of images and arrays in frames per second, 24 by default. A video file has its own time stamps;
            an animated image too, unless `fps` is given.
        levels: values (low, high) that become black and white, in the units of the source (0 to 4095 for 12 bits). By
            default, images of more than 8 bits are scaled by content, with a warning, if they use less than a quarter
            of their range. With `levels`, arrays may be of any numeric type.

    Raises:
        VideoError: the source does not exist, holds no frames, or cannot be decoded.
        ConfigError: `fps` is not a positive number, or is given for a video file; `levels` are not two numbers in
            ascending order, or are given for a VideoSource.
    """
    if fps is not None and not LEAST_FPS <= fps <= MOST_FPS:
        raise ConfigError(f"fps must be a number from {LEAST_FPS:g} to {MOST_FPS:g}, not {fps}")
    chosen = checked_levels(levels)
    if isinstance(source, VideoSource):
        if chosen is not None:
            raise ConfigError("levels must be given when a video is opened; this one is already open")
        return source
    if isinstance(source, (str, Path)):
        return _open_path(source, fps, chosen)
    from sam2long.video.array_source import ArraySource, IteratorSource, is_stack

    if is_stack(source) or isinstance(source, Sequence):
        return ArraySource(source, fps=fps or DEFAULT_FPS, levels=chosen)
    if isinstance(source, Iterable):
        return IteratorSource(source, fps=fps or DEFAULT_FPS, levels=chosen)
    raise VideoError(
        f"cannot read frames from a {type(source).__name__}; pass a path, an array or an iterator of arrays"
    )


def _open_path(source: str | Path, fps: float | None, levels: Levels | None) -> VideoSource:
    from sam2long.video.live.address import is_live

    if is_live(source):
        return _open_live(str(source), fps, levels)
    from sam2long.video.images.image_source import images_in, images_matching
    from sam2long.video.images.page_source import open_image, open_images

    path = user_path(source)
    try:
        path.exists()
    except OSError as error:
        raise VideoError(f"{str(source)[:80]} cannot be opened: {error.strerror}") from error
    if path.is_dir():
        return open_images(images_in(path), path, fps=fps, levels=levels)
    if not path.exists():
        if path.is_symlink():
            raise VideoError(f"{source} is a broken symbolic link")
        if any(sign in str(path) for sign in "*?["):
            files = images_matching(str(path))
            return open_images(files, files[0].parent, fps=fps, levels=levels)
        raise VideoError(f"the file or folder {source} does not exist")
    _check_readable(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return open_image(path, fps=fps, levels=levels)
    if fps is not None:
        raise ConfigError(f"fps is only for images and arrays; {source} has its own time stamps")
    from sam2long.video.files.file_source import FileSource

    return FileSource(path, levels=levels)


def _open_live(source: str, fps: float | None, levels: Levels | None) -> VideoSource:
    from sam2long.video.live.live_source import LiveSource

    if fps is not None:
        raise ConfigError("fps is only for images and arrays; live video has its own time stamps")
    return LiveSource(source, levels=levels)


def _check_readable(path: Path) -> None:
    """Not of a pipe, from which a byte can be read only once."""
    if path.is_file():
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            raise VideoError(f"{path} cannot be opened: {error.strerror}") from error
