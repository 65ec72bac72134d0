"""Streams made by PyAV, and small servers on the loopback that send them as a test directs."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av

from tests.video.pictures import HEIGHT, WIDTH, picture

FPS = 25
WAIT = 120.0
"""Longest wait for another thread, in seconds; reached only if a test fails."""


class Sender:
    """Encodes numbered pictures and writes them, each at once, as a stream of one format.

    Args:
        write: takes the bytes.
        form: FFmpeg's name of the format.
        codec: name of the encoder.
        pix_fmt: pixel format.
        size: height and width in pixels.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        form: str = "mpegts",
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        size: tuple[int, int] = (HEIGHT, WIDTH),
    ) -> None:
        self._target = _Target(write)
        self._size = size
        self._container = av.open(self._target, "w", format=form, options={"flush_packets": "1"})
        options = {"g": "5", "tune": "zerolatency"} if codec == "libx264" else {}
        self._stream: Any = self._container.add_stream(codec, rate=FPS, options=options)
        self._stream.height, self._stream.width, self._stream.pix_fmt = *size, pix_fmt

    def send(self, numbers: range) -> None:
        """Send the pictures of these numbers, 0 to 255."""
        for number in numbers:
            self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(picture(number, *self._size), "rgb24")))

    def finish(self) -> None:
        """Send what the encoder still holds, and the end."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _Target:
    """A file that cannot seek."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def write(self, data: Any) -> int:
        self._write(bytes(data))
        return len(data)


Serve = Callable[[int, Callable[[bytes], object]], object]
"""Serves a connection: its number, from 0, and a function that sends bytes. OSError refuses it, if nothing was sent."""


@contextmanager
def http_server(serve: Serve, *, whole: bytes | None = None, cut: int | None = None) -> Iterator[str]:
    """Serve a stream over HTTP and yield its address.

    With `whole`, a file of that length is announced instead, of which only `cut` bytes are sent, if given.
    """
    count = iter(range(1_000_000))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            if whole is not None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(whole)))
                self.end_headers()
                self.wfile.write(whole[:cut])
                return
            started = False

            def send(data: bytes) -> None:
                nonlocal started
                if not started:
                    started = True
                    self.send_response(200)
                    self.send_header("Connection", "close")
                    self.end_headers()
                self.wfile.write(data)

            try:
                serve(next(count), send)
            except OSError:
                if not started:
                    self.send_error(503)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that leaves is no error."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/live.ts"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def rtsp_server(serve: Serve) -> Iterator[str]:
    """Serve MPEG-TS over RTSP, interleaved in its TCP connection (RFC 2326, 10.12), and yield the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"rtsp://127.0.0.1:{listening.getsockname()[1]}/cam/1"

    def run() -> None:
        number = 0
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    if _play(connection, url):
                        serve(number, _Packets(connection).send)
                        number += 1
                except OSError:
                    continue

    threading.Thread(target=run, daemon=True).start()
    try:
        yield url
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _play(connection: socket.socket, url: str) -> bool:
    """Answer requests until PLAY; False if the client leaves before."""
    about = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track\r\n"
    answers = {
        "OPTIONS": "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
        "DESCRIBE": f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(about)}\r\n",
        "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
        "PLAY": "Session: 1\r\n",
    }
    requests = connection.makefile("rb")
    while True:
        lines = list(iter(lambda: requests.readline().strip().decode(), ""))
        if not lines:
            return False
        method = lines[0].split()[0]
        sequence = next(line for line in lines if line.lower().startswith("cseq"))
        body = about if method == "DESCRIBE" else ""
        connection.sendall(f"RTSP/1.0 200 OK\r\n{sequence}\r\n{answers.get(method, '')}\r\n{body}".encode())
        if method == "PLAY":
            return True


class _Packets:
    """Sends a transport stream as RTP packets of type 33 (RFC 2250), seven of its packets in each."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest, self._number = b"", 0

    def send(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 188:
            size = min(7, len(self._rest) // 188) * 188
            payload, self._rest = self._rest[:size], self._rest[size:]
            packet = struct.pack(">BBHII", 0x80, 33, self._number & 0xFFFF, self._number * 90, 1) + payload
            self._connection.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
            self._number += 1
