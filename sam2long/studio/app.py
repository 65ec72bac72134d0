"""The web application: the page and its files, frames as images, and the WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sam2long.errors import VideoError
from sam2long.studio.decoding import BusyError, Urgency
from sam2long.studio.fields import MOST_BYTES, MessageError, parse
from sam2long.studio.frames import FrameImages
from sam2long.studio.image import Image
from sam2long.studio.tabs import Tab
from sam2long.studio.work.inbox import Command, Inbox
from sam2long.video import VideoSource

STATIC = Path(__file__).parent / "static"
_IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
_THUMBNAIL = 160
_GONE_AFTER = 0.1
"""Seconds after which a browser that has gone is noticed."""
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Types of the page's files by suffix; other files are not served."""


class StudioApp:
    """Answers browsers; everything that concerns the session goes to the worker's inbox.

    Args:
        source: the video.
        images: its frames.
        key: names the video in the addresses of its frames.
        inbox: of the worker.
    """

    def __init__(self, source: VideoSource, images: FrameImages, key: str, inbox: Inbox) -> None:
        self._source, self._images, self._key, self._inbox = source, images, key, inbox
        # Listed once, so that no address can name any other file.
        self._files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in _KINDS}
        self.routes = Starlette(
            routes=[
                Route("/", self._index),
                Route("/static/{name:path}", self._file),
                Route("/frames/{frame:int}", self._frame),
                Route("/thumbnails/{frame:int}", self._thumbnail),
                WebSocketRoute("/ws", self._socket),
            ]
        )

    async def _index(self, _: Request) -> Response:
        return self._answer_file("index.html")

    async def _file(self, request: Request) -> Response:
        return self._answer_file(request.path_params["name"])

    def _answer_file(self, name: str) -> Response:
        path = self._files.get(name)
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, media_type=_KINDS[path.suffix], headers={"Cache-Control": "no-cache"})

    async def _frame(self, request: Request) -> Response:
        text = request.query_params.get("width", "1280")
        if not (text.isascii() and text.isdigit() and len(text) <= 4 and 16 <= int(text) <= 4096):
            return PlainTextResponse("width must be a whole number from 16 to 4096\n", 400)
        ahead, quick = ("ahead" in request.query_params, "quick" in request.query_params)
        return await self._image(request, int(text), Urgency.SOON if ahead else Urgency.NOW, quick)

    async def _thumbnail(self, request: Request) -> Response:
        return await self._image(request, _THUMBNAIL, Urgency.LATER)

    async def _image(self, request: Request, width: int, urgency: Urgency, quick: bool = False) -> Response:
        frame = request.path_params["frame"]
        if request.query_params.get("v") != self._key or frame >= (self._source.frame_count or 0):
            raise HTTPException(404)
        try:
            image = await _unless_gone(request, self._images.get(frame, min(width, self._source.width), urgency, quick))
        except BusyError:
            return PlainTextResponse("newer requests took its place; ask again\n", 503)
        except VideoError as error:
            return PlainTextResponse(f"{error}\n", 500)
        caching = {"Cache-Control": "no-store", "x-proxy": "1"} if image.proxy else _IMMUTABLE
        return Response(image.data, media_type="image/jpeg", headers={**caching, "x-time": f"{image.time:.6f}"})

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        tab = Tab()
        self._inbox.put(Command(tab, {"type": "open"}))
        writing = asyncio.create_task(_write(socket, tab))
        try:
            await self._read(socket, tab)
        except (WebSocketDisconnect, RuntimeError):  # the latter if the writing side has closed it
            pass
        finally:
            writing.cancel()
            self._inbox.put(Command(tab, {"type": "close"}))

    async def _read(self, socket: WebSocket, tab: Tab) -> None:
        """Put the tab's messages into the inbox until it goes."""
        while True:
            event = await socket.receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            if text is None or len(text) > MOST_BYTES:
                await socket.close(1003 if text is None else 1009)
                return
            try:
                message = parse(text)
                if message["type"] in ("open", "close"):
                    raise MessageError(f"the server does not know {message['type']!r}")
            except MessageError as error:
                tab.send({"type": "error", "id": None, "message": str(error)})
                continue
            if not self._inbox.put(Command(tab, message)):
                tab.send({"type": "error", "id": message.get("id"), "message": "the server is busy; try again"})


async def _unless_gone(request: Request, answer: Coroutine[Any, Any, Image]) -> Image:
    """Wait for an answer, or give it up when the browser no longer wants it."""
    task = asyncio.create_task(answer)
    while not task.done():
        await asyncio.wait({task}, timeout=_GONE_AFTER)
        if not task.done() and await request.is_disconnected():
            task.cancel()
    if task.cancelled():
        raise BusyError
    return task.result()


async def _write(socket: WebSocket, tab: Tab) -> None:
    """Send the tab what waits for it; a tab that does not take it is cut off."""
    while (items := await tab.take()) is not None:
        for item in items:
            if isinstance(item, bytes):
                await socket.send_bytes(item)
            else:
                await socket.send_text(item)
    await socket.close(1013)
