"""Writers for every output format of a run."""

from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.formats import FILES
from sam2long.results.writers.writer_set import WriterSet, open_writers

__all__ = ["FILES", "ResultWriter", "WriterSet", "open_writers"]
