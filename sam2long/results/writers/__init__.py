"""Masks out: every format a run can be saved in."""

from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.writer_set import FILES, WriterSet, open_writers

__all__ = ["FILES", "ResultWriter", "WriterSet", "open_writers"]
