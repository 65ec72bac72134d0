"""Decides who is answered: only browsers that hold the token, under a known name, from our own page."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """ASGI middleware around everything that the studio answers.

    Args:
        app: the application behind it.
        port: port of the server; part of the cookie's name, since browsers share cookies between ports.
        remote: whether other machines may come, under this machine's name or any numeric address. A numeric address
            cannot be the name of a hostile page that has been rebound to us.

    Attributes:
        token: secret in the printed address, and later in the cookie.
    """

    def __init__(self, app: ASGIApp, port: int, remote: bool = False) -> None:
        self.token = secrets.token_urlsafe(32)
        self._app = app
        self._port = port
        self._remote = remote
        self._names = {*_LOCAL, *((socket.gethostname().lower(),) if remote else ())}
        self._cookie = f"sam2long-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request or connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        elif refusal is None:
            await self._app(scope, receive, _with_headers(send))
        else:
            await refusal(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that is not let through, or None."""
        host = headers.get("host", "")
        if not self._known(host):
            return PlainTextResponse("This server does not go by that name.\n", 421)
        reads = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if not reads and headers.get("origin") not in (f"http://{host}", f"https://{host}"):
            return PlainTextResponse("Only the studio's own page may do this.\n", 403)
        if scope["type"] == "http" and scope["path"] == "/" and self._same(_token_in(scope)):
            entered = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
            entered.set_cookie(self._cookie, self.token, httponly=True, samesite="strict", path="/")
            return entered
        if not self._same(self._cookie_in(headers)):
            return PlainTextResponse("Open the whole address that `sam2long studio` printed, with its token.\n", 403)
        return None

    def _known(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if port != str(self._port):
            return False
        return name.lower() in self._names or (self._remote and _is_address(name))

    def _same(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.token.encode())

    def _cookie_in(self, headers: Headers) -> str:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return "" if found is None else str(found.value)


def _token_in(scope: Scope) -> str:
    query: str = scope["query_string"].decode("latin-1")
    return parse_qs(query).get("token", [""])[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return answer
