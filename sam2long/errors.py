"""Errors caused by user input; each message is one line that says what is wrong, where, and how to fix it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Base class of all errors caused by user input; the command line prints them and exits with status 2."""


class VideoError(UserError):
    """A video, image folder or frame that cannot be read."""


class PromptError(UserError):
    """A point, box or mask that cannot be used."""


class CheckpointError(UserError):
    """An unknown model name, or a checkpoint file that does not fit the model."""


class OutputError(UserError):
    """A result folder or file that cannot be written."""


class SessionError(UserError):
    """A saved session that cannot be opened: damaged, saved by a newer version, or for another video or model."""


class ConfigError(UserError, ValueError):
    """A setting that is out of range or cannot be used."""


class DatasetError(UserError):
    """A data set, or a folder of predictions for one, whose layout is not as expected."""


class JobError(UserError):
    """A job list, or a job of one, that cannot be used."""


class BatchError(UserError):
    """A batch that cannot go on: no worker starts, or its folder belongs to another one."""


class OutOfMemory(UserError):
    """The video, the network and the objects need more memory than there is, on the host or on the GPU."""


def out_of_memory(error: BaseException) -> OutOfMemory | None:
    """Return the error to show instead if Python, PyTorch or a GPU has run out of memory; None for other errors."""
    text = str(error)
    # PyTorch need not be imported to look: on a GPU it raises a class of its own, elsewhere RuntimeError with a text.
    torch = isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in text or "out of memory" in text
    )
    if not (torch or isinstance(error, MemoryError)):
        return None
    asked = re.search(r"tried to allocate ([\d.]+ \w+)", text, re.IGNORECASE)
    detail = f" (asked for {asked[1]} more)" if asked else ""
    return OutOfMemory(
        f"out of memory{detail}; use a smaller --image-size or --model, fewer objects at a time, or fewer --pathways"
    )


@contextmanager
def plain_memory_errors() -> Iterator[None]:
    """Context in which running out of memory is an `OutOfMemory`."""
    try:
        yield
    except Exception as error:
        plain = out_of_memory(error)
        if plain is None:
            raise
        raise plain from error
