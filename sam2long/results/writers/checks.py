"""What must hold before formats can be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sam2long.errors import OutputError
from sam2long.results.films.encoder import can_encode
from sam2long.results.postprocessing import Postprocessing
from sam2long.results.scale import Scale
from sam2long.results.writers.annotation.annotation_files import WITH_IMAGES
from sam2long.results.writers.annotation.frame_images import LONGEST_SIDE
from sam2long.results.writers.annotation.json_stream import dumps
from sam2long.results.writers.formats import FILES
from sam2long.results.writers.images.pixel_files import check_opacity, check_pixels
from sam2long.results.writers.images.png import MOST_PALETTE_IDS
from sam2long.video.source import VideoSource


def check_formats(formats: Sequence[str], scale: Scale | None, postprocessing: Postprocessing) -> None:
    """Check what can be known before there is a video.

    Raises:
        OutputError: a format is unknown, its package is missing, soft edges have no format, or there is a scale without
            `csv`.
    """
    for name in formats:
        if name not in FILES:
            raise OutputError(f"unknown output format {name!r}; known: {', '.join(FILES)}")
    if scale is not None and "csv" not in formats:
        raise OutputError("a scale is only used by the format csv; add csv to the formats, or omit the scale")
    check_opacity(formats, postprocessing)


def check_for(
    formats: Sequence[str], source: VideoSource, object_ids: Sequence[int], postprocessing: Postprocessing
) -> None:
    """Check that formats can be written for a video.

    Raises:
        OutputError: a format with images is of a source that can be read only once or has too large frames, an encoder
            is missing, or a frame would take too much memory.
    """
    for name in WITH_IMAGES:
        if name in formats:
            _check_images(name, source)
    if "overlay" in formats:
        _check_overlay(source)
    check_pixels(formats, source, object_ids, postprocessing)


def check_ids(formats: Sequence[str], object_ids: Sequence[int]) -> None:
    """Check that formats can hold ids; raises OutputError."""
    if min(object_ids, default=1) < 1:
        raise OutputError(f"object ids must be 1 or more, not {min(object_ids)}; 0 is the background")
    largest = max(object_ids, default=1)
    if "png" in formats and largest > MOST_PALETTE_IDS:
        raise OutputError(
            f"object id {largest} does not fit in the 8 bits of a palette PNG; use png-per-object, or ids up to"
            f" {MOST_PALETTE_IDS}"
        )


def check_settings(settings: Mapping[str, object]) -> None:
    """Check that settings can be stored in a summary; raises OutputError."""
    try:
        dumps(dict(settings))
    except (TypeError, ValueError) as error:
        raise OutputError(f"the settings cannot be written as JSON: {error}") from error


def _check_overlay(source: VideoSource) -> None:
    if not source.repeatable:
        raise OutputError(
            "an overlay needs to read the frames twice, but a live iterator gives them only once; omit the overlay"
        )
    if not can_encode(source.height, source.width):
        raise OutputError(
            f"an overlay of {source.width}x{source.height} pixels is too large for the video encoder; omit the overlay"
        )


def _check_images(name: str, source: VideoSource) -> None:
    if not source.seekable:
        raise OutputError(
            f"{name} holds the frames, but a live iterator gives them only once; omit {name}, or use coco or cvat"
        )
    if max(source.height, source.width) > LONGEST_SIDE:
        raise OutputError(
            f"{name} holds the frames as JPEG, which cannot be as large as {source.width}x{source.height} pixels;"
            f" omit {name}"
        )
