"""Results in: what an output folder holds, read back frame by frame. It knows no session and no network."""

from sam2long.results.reading.finished_run import FinishedRun
from sam2long.results.reading.mask_files import ResultsError

__all__ = ["FinishedRun", "ResultsError"]
