"""Results of tracking: masks and scores per frame, conversions for other libraries, and output files."""

from sam2long.results.result import FrameResult

__all__ = ["FrameResult"]
