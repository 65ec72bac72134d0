"""Which formats there are."""

from sam2long.results.trace_file import TRACE_FILE
from sam2long.results.writers.annotation.annotation_files import ANNOTATION_FILES, WITH_IMAGES
from sam2long.results.writers.images.pixel_files import CUT_OUTS, PIXEL_FILES

FILES = {
    "png": ("masks",),
    "png-per-object": ("objects",),
    "coco": ("coco.json", "ytvis.json"),
    "overlay": ("overlay.mp4",),
    "npz": ("masks.npz",),
    "trace": (TRACE_FILE,),
    **ANNOTATION_FILES,
    **PIXEL_FILES,
}
"""Names of each format's files in the output folder; a summary is always written too."""

DRAWN = ("overlay", *WITH_IMAGES, *CUT_OUTS)
"""Formats that show frames of the video, which they decode again."""
