"""Does a live run stay flat in memory and bounded in delay?

    python -m benchmarks.live_soak [--minutes 60] [--every 30] [--fps 10] [--image-size 256] [--lose-every 120]
                                   [--max-delay 16]

A server in a process of its own sends MPEG-TS over HTTP on the loopback, at the pace of a camera: a square wanders over
a background, and each frame carries its own number. Every `--lose-every` seconds it closes the connection. nano follows
the square as `sam2long track http://... --record` does, with `coco.json` and the recording written beside.

Every `--every` seconds a line: frames tracked and dropped, resident memory, and the delay from the moment a frame is
drawn by the server to the moment its result is written (median, 95%, most). At the end the slope of a straight line
through the memory of the second half, the delays over the whole run, and one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import torch

from sam2long.bench import resident_megabytes
from sam2long.bench.memory import peak_megabytes
from sam2long.cli.running.report import track_and_report
from sam2long.running import write
from sam2long.running.live_run import open_live_run
from sam2long.running.models import ModelChoice
from sam2long.running.prompts.parsed import BoxPrompt
from sam2long.running.run import Run
from sam2long.tree import TreeConfig
from sam2long.video import Frame
from sam2long.video.live.live_source import LiveSource

HEIGHT, WIDTH, SIDE = 240, 320, 48
BITS, BLOCK = 32, 10
"""The number of a frame is written in its top rows, one block per bit."""


def draw(number: int) -> npt.NDArray[np.uint8]:
    """Frame `number`."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    x = 20 + abs(number * 3 % (2 * (WIDTH - SIDE - 40)) - (WIDTH - SIDE - 40))
    image[120 : 120 + SIDE, x : x + SIDE] = (220, 120, 40)
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 230 if number >> bit & 1 else 20
    return image


def number_of(image: npt.NDArray[np.uint8]) -> int:
    """The number that `draw` wrote."""
    return sum(1 << bit for bit in range(BITS) if image[BLOCK // 2, bit * BLOCK + BLOCK // 2, 1] > 120)


def serve(fps: float, lose_every: float) -> None:
    """Send the stream to whoever connects, until the process is ended."""
    began = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            lost = time.monotonic() + lose_every
            with av.open(self.wfile, "w", format="mpegts", options={"flush_packets": "1"}) as container:
                stream: Any = container.add_stream("libx264", rate=round(fps), options={"tune": "zerolatency"})
                stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", round(fps)
                number = int((time.monotonic() - began) * fps)
                while time.monotonic() < lost:
                    number += 1
                    time.sleep(max(0.0, began + number / fps - time.monotonic()))
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(number), "rgb24")))

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that leaves is no error."""

    with Server(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], began, flush=True)
        server.serve_forever()


class Numbered(LiveSource):
    """Remembers when the server drew each of the latest frames."""

    def __init__(self, url: str, began: float, rate: float, record: Path) -> None:
        self.drawn: dict[int, float] = {}
        self._began, self._rate = began, rate
        super().__init__(url, record=record, tell=lambda line: print(line, flush=True))

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        for frame in super().frames(start, stop, step):
            self.drawn[frame.index] = self._began + number_of(frame.image) / self._rate
            yield frame


class Watch:
    """Takes notice of every result, and prints a line now and then."""

    def __init__(self, source: Numbered, every: float, minutes: float) -> None:
        self.source, self.every, self.seconds = source, every, minutes * 60
        self.began = self.printed = time.monotonic()
        self.marks: list[tuple[float, float]] = []
        self.all: list[float] = []
        self.recent: deque[float] = deque()
        self.tracked = 0

    def arrived(self, frame: int) -> None:
        """Note the delay of a result; end the source when the time is over."""
        now = time.monotonic()
        self.recent.append(now - self.source.drawn.pop(frame))
        self.tracked += 1
        if now - self.printed >= self.every:
            self.printed = now
            self.mark(now - self.began)
        if now - self.began >= self.seconds:
            self.source.end()

    def mark(self, seconds: float) -> None:
        """Print how things stand."""
        megabytes, facts = resident_megabytes(), self.source.facts()
        self.marks.append((seconds, megabytes))
        print(
            f"{seconds / 60:6.1f} min{self.tracked:7} tracked{facts['dropped']:7} dropped{megabytes:9.1f} MB   delay "
            f"{percentiles(list(self.recent))} s",
            flush=True,
        )
        self.all += self.recent
        self.recent.clear()


def percentiles(values: list[float]) -> dict[str, float]:
    """Median, 95% and most, rounded to hundredths."""
    names = (("median", 50), ("95%", 95), ("most", 100))
    return {name: round(float(np.percentile(values, share)), 2) for name, share in names}


def soak(args: argparse.Namespace, port: int, began: float, folder: Path) -> None:
    """Follow the square for the given time, and report."""
    tally = write.Tally.add
    box = (0.0, 100.0, float(WIDTH), 190.0)
    with Numbered(f"http://127.0.0.1:{port}/", began, args.fps, folder / "live.mkv") as source:
        watch = Watch(source, args.every, args.minutes)

        def counted(self: write.Tally, result: Any) -> None:
            tally(self, result)
            watch.arrived(result.frame)

        write.Tally.add = counted  # type: ignore[method-assign]
        run = Run(source, [BoxPrompt(0, 1, box)], folder / "out", ("coco",), TreeConfig(), args.max_delay)
        model = ModelChoice("nano", image_size=args.image_size, quiet=True)
        opening = partial(open_live_run, control=None, say=print, warn=print)
        track_and_report(run, model.load, opening=opening)
        if watch.recent:
            watch.mark(time.monotonic() - watch.began)
        facts = source.facts()
    report(watch, facts)
    print(f"recording {(folder / 'live.mkv').stat().st_size / 1e6:.1f} MB")


def report(watch: Watch, facts: dict[str, object]) -> None:
    """Print the slope of the memory, and the delays of all results."""
    settled = [mark for mark in watch.marks if mark[0] >= watch.marks[-1][0] / 2]
    slope = float(np.polyfit([seconds / 3600 for seconds, _ in settled], [megabytes for _, megabytes in settled], 1)[0])
    delays, peak = percentiles(watch.all), peak_megabytes(torch.device("cpu"))
    print(f"slope {slope:.1f} MB per hour, peak {peak:.1f} MB, delay {delays} s, {facts}")
    print(json.dumps({"slope": slope, "peak": peak, "delay": delays, "tracked": watch.tracked, **facts}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=30, help="seconds between lines")
    parser.add_argument("--fps", type=float, default=10)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--max-delay", type=int, help="as in `sam2long track`")
    parser.add_argument("--lose-every", type=float, default=120, help="seconds after which the server hangs up")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.fps, args.lose_every)
    torch.set_num_threads(1)
    words = ["--serve", "--fps", str(args.fps), "--lose-every", str(args.lose_every)]
    command = [sys.executable, "-m", "benchmarks.live_soak", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port, began = server.stdout.readline().split()
            with tempfile.TemporaryDirectory(prefix="live-soak-") as folder:
                soak(args, int(port), float(began), Path(folder))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
