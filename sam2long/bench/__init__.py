"""Measures speed: stages of a frame, pathways, objects, and the distance from the machine's own peak."""

from sam2long.bench.files import file_stages
from sam2long.bench.frames import Load, Timing, time_frames
from sam2long.bench.memory import full_tree, peak_megabytes, resident_megabytes
from sam2long.bench.roofline import Roofline, matmul_peak, roofline
from sam2long.bench.scripted import ABSENT, CERTAIN, PARTED, UNCERTAIN, MeasuredSAM2, Script, measured_model, wait_for

__all__ = [
    "ABSENT",
    "CERTAIN",
    "PARTED",
    "UNCERTAIN",
    "Load",
    "MeasuredSAM2",
    "Roofline",
    "Script",
    "Timing",
    "file_stages",
    "full_tree",
    "matmul_peak",
    "measured_model",
    "peak_megabytes",
    "resident_megabytes",
    "roofline",
    "time_frames",
    "wait_for",
]
