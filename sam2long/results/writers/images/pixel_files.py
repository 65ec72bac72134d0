"""The formats that have an opacity: cut-outs, mattes and OpenEXR. Which files they have, and when they are possible."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path

from sam2long.errors import OutputError
from sam2long.results.films.cutouts import FFV1_8, FFV1_16, PRORES_422, PRORES_4444, VP9_ALPHA
from sam2long.results.films.film import FilmFormat
from sam2long.results.postprocessing import Postprocessing
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.images.exr import ExrWriter
from sam2long.results.writers.images.films import FilmPlan, FilmsWriter
from sam2long.results.writers.spool import Spool
from sam2long.video.source import VideoSource

PIXEL_FILES = {
    "alpha": ("alpha.mov",),
    "alpha-webm": ("alpha.webm",),
    "alpha-per-object": ("alpha",),
    "alpha-webm-per-object": ("alpha-webm",),
    "matte": ("mattes",),
    "matte-prores": ("mattes-prores",),
    "exr": ("exr",),
}
CUT_OUTS = ("alpha", "alpha-webm", "alpha-per-object", "alpha-webm-per-object")
_SUFFIXES = {"matroska": ".mkv", "mov": ".mov", "webm": ".webm"}
_MOST_EXR = 1 << 30
"""Largest size in bytes of all channels of an OpenEXR file, which are in memory together."""


def pixel_writer(
    file: str,
    path: Path,
    source: VideoSource,
    spool: Spool,
    object_ids: Sequence[int],
    edges: Postprocessing,
) -> ResultWriter:
    """Return the writer of a file or folder of `PIXEL_FILES`."""
    name = next(name for name, files in PIXEL_FILES.items() if file in files)
    if name == "exr":
        return ExrWriter(path, source, object_ids, edges)
    how, ids = _film_format(name, edges), sorted(object_ids)
    if path.suffix:
        films = [FilmPlan(path, ids)]
    else:
        path.mkdir()
        films = [FilmPlan(path / f"{i:03d}{_SUFFIXES[how.container]}", [i]) for i in ids]
    return FilmsWriter(films, how, source, spool, edges, colour=name in CUT_OUTS)


def check_opacity(formats: Collection[str], edges: Postprocessing) -> None:
    """Check that soft edges have a format with an opacity, and formats their package; raises OutputError."""
    if edges.soft_edges and not any(name in PIXEL_FILES for name in formats):
        what = "soft edges" if edges.soft else "feathered edges"
        raise OutputError(f"{what} need a format with an opacity: add alpha, matte or exr to the formats")
    if "exr" in formats and importlib.util.find_spec("OpenEXR") is None:
        raise OutputError("exr needs the OpenEXR library: pip install 'sam2long[exr]'")


def check_pixels(
    formats: Collection[str], source: VideoSource, object_ids: Sequence[int], edges: Postprocessing
) -> None:
    """Check that formats with an opacity can be written for a video.

    Raises:
        OutputError: they cannot; the message says why.
    """
    for name in formats:
        if name == "exr":
            _check_exr(source, len(object_ids))
        elif name in PIXEL_FILES:
            _check_film(name, source, edges)


def _check_film(name: str, source: VideoSource, edges: Postprocessing) -> None:
    if name in CUT_OUTS and not source.repeatable:
        raise OutputError(
            f"{name} needs to read the frames twice, but a live iterator gives them only once; choose matte or exr"
        )
    how = _film_format(name, edges)
    if not how.supports(source.height, source.width):
        raise OutputError(
            f"{name} cannot be written: FFmpeg has no {how.codec} encoder for {source.width}x{source.height} pixels"
        )


def _check_exr(source: VideoSource, objects: int) -> None:
    size = 2 * objects * source.height * source.width
    if size > _MOST_EXR:
        raise OutputError(
            f"exr of {objects} objects at {source.width}x{source.height} pixels takes {size / 2**30:.1f} GiB of memory"
            " per frame; choose matte, or track fewer objects"
        )


def _film_format(name: str, edges: Postprocessing) -> FilmFormat:
    if name == "matte":
        return FFV1_16 if edges.soft_edges else FFV1_8
    if name == "matte-prores":
        return PRORES_422
    return VP9_ALPHA if "webm" in name else PRORES_4444
