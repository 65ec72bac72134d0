"""Propagation for asyncio: results arrive without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

from sam2long.results import FrameResult
from sam2long.tracking.session import Session


async def follow(
    session: Session,
    start: int | None = None,
    end: int | None = None,
    stride: int = 1,
    reverse: bool = False,
    objects: Collection[int] | None = None,
) -> AsyncGenerator[FrameResult, None]:
    """Follow the objects as `Session.propagate` does, on a thread of its own, and yield each result.

        async for result in sam2long.follow(session):
            ...

    The next frame is visited when the next result is asked for. If the task is cancelled, or the loop is left and the
    generator closed, the propagation ends after its current visit; nothing is lost, and the session can be edited,
    saved and followed further. While it runs, only `progress` and `cancel` may be used; in a notebook, displaying the
    session shows how far it is.

    Args:
        session: the session.
        start: see `Session.propagate`.
        end: see `Session.propagate`.
        stride: see `Session.propagate`.
        reverse: see `Session.propagate`.
        objects: see `Session.propagate`.

    Raises:
        UserError: as `Session.propagate`.
    """
    results = session.propagate(start, end, stride, reverse, objects=objects)
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1, thread_name_prefix="follow")
    try:
        while True:
            step = loop.run_in_executor(thread, next, results, None)
            try:
                result = await asyncio.shield(step)
            except asyncio.CancelledError:
                session.cancel()
                await asyncio.wait([step])  # the visit under way
                raise
            if result is None:
                return
            yield result
    finally:
        try:
            await asyncio.shield(loop.run_in_executor(thread, _close, results))
        finally:
            thread.shutdown(wait=False)


def _close(results: Iterator[FrameResult]) -> None:
    """End a propagation that is not at its end."""
    if isinstance(results, Generator):
        results.close()
