"""Does memory stay flat over 100,000 frames?

    python -m benchmarks.soak [session|live|files ...] [--frames 100000] [--every 5000] [--max-delay 32]

A square of 16 pixels moves through frames of 64 x 48 that are drawn when they are asked for. A whole SAM 2 of 64 pixels
follows it with the memory tree (3 pathways); its scores are dictated, so that in every thousand frames the object is
seen for certain, out of sight, uncertain, and uncertain with pathways that do not agree. Three ways to run it, each in
a process of its own:

- `session`: the frames are an array, results are kept, the session saves itself;
- `live`: the frames come from an iterator, nothing is kept, decisions are forced after `--max-delay` frames;
- `files`: as `sam2long track --session` does it, with masks of every frame in `coco.json`, `ytvis.json` and an overlay.

Every `--every` frames a line with the resident memory; at the end the slope of a straight line through what was
measured from frame 10,000 on, and one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.growth import MICRO
from sam2long import Session
from sam2long.bench import ABSENT, CERTAIN, PARTED, UNCERTAIN, MeasuredSAM2, measured_model, resident_megabytes
from sam2long.bench.memory import peak_megabytes
from sam2long.cli.running.report import track_and_report
from sam2long.running.prompts.parsed import BoxPrompt
from sam2long.running.run import Run
from sam2long.tree import TreeConfig
from sam2long.video import open_video

HEIGHT, WIDTH, SIDE = 48, 64, 16
CYCLE = ((0, CERTAIN), (400, ABSENT), (700, UNCERTAIN), (900, PARTED), (950, UNCERTAIN))
"""What the network thinks, from which frame of every thousand on."""
WAYS = ("session", "live", "files")
SETTLED = 10_000
"""Before this frame caches and allocators still fill."""

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Mark:
    """How things stood at a frame: resident MB; since the last mark ms per frame and the most frames undecided."""

    frame: int
    megabytes: float
    milliseconds: float
    undecided: int


@dataclass
class Watch:
    """Draws the frames, directs the network, and notes how things stand."""

    model: MeasuredSAM2
    frames: int
    every: int
    undecided: Callable[[], int] = lambda: 0
    marks: list[Mark] = field(default_factory=list)
    _before: float = 0.0
    _most: int = 0

    def draw(self, number: int) -> Image:
        """Frame `number`; asking for one tells how far the run is."""
        self.model.script = next(script for start, script in reversed(CYCLE) if number % 1000 >= start)
        image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
        x, y = 2 * number % (WIDTH - SIDE), number % (HEIGHT - SIDE)
        image[y : y + SIDE, x : x + SIDE] = 230
        return image

    def arrived(self, number: int) -> None:
        """Note how things stand after every so many frames."""
        self._most = max(self._most, self.undecided())
        if number % self.every == 0 and number:
            now = time.process_time()
            milliseconds, self._before = (now - self._before) * 1000 / self.every, now
            mark = Mark(number, resident_megabytes(), milliseconds, self._most)
            self.marks.append(mark)
            self._most = 0
            print(
                f"{mark.frame:8}{mark.megabytes:12.1f} MB{mark.milliseconds:8.2f} ms{mark.undecided:6} undecided",
                flush=True,
            )

    def stream(self) -> Iterator[Image]:
        """The frames one by one."""
        return (self.draw(number) for number in range(self.frames))


class DrawnArray:
    """Looks like an array [frames, height, width, 3]; a frame is drawn when it is asked for."""

    dtype = np.dtype(np.uint8)

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.shape = (watch.frames, HEIGHT, WIDTH, 3)

    def __len__(self) -> int:
        return self._watch.frames

    def __getitem__(self, number: int) -> Image:
        return self._watch.draw(number)


def follow(watch: Watch, session: Session) -> None:
    """Mark the square and take results until the end."""
    watch.undecided = lambda: session.delay
    session.add_box(0, 1, (0, 0, SIDE, SIDE))
    for taken, _ in enumerate(session.propagate(), start=1):
        watch.arrived(taken)


def run_session(watch: Watch, folder: Path, max_delay: int) -> None:
    """Kept results and a session file."""
    with Session(watch.model, DrawnArray(watch), autosave=folder / "run.s2l") as session:
        follow(watch, session)
        print(f"session file {(folder / 'run.s2l').stat().st_size / 1e6:.1f} MB")
        before = resident_megabytes()
        found = session.review()
        print(f"review: {len(found)} frames proposed, resident {before:.1f} -> {resident_megabytes():.1f} MB")


def run_live(watch: Watch, folder: Path, max_delay: int) -> None:
    """A stream of which nothing is kept."""
    with Session(watch.model, watch.stream(), keep_results=False, max_delay=max_delay) as session:
        follow(watch, session)


def run_files(watch: Watch, folder: Path, max_delay: int) -> None:
    """The command's own way, less the reading of options."""
    from sam2long.running import write

    tally = write.Tally.add

    def counted(self: write.Tally, result: object) -> None:
        tally(self, result)  # type: ignore[arg-type]
        watch.arrived(self.frames)

    write.Tally.add = counted  # type: ignore[method-assign]
    run = Run(
        open_video(DrawnArray(watch)),  # type: ignore[arg-type]
        [BoxPrompt(0, 1, (0.0, 0.0, float(SIDE), float(SIDE)))],
        folder / "out",
        ("coco", "overlay"),
        TreeConfig(),
        session_file=folder / "run.s2l",
    )
    track_and_report(run, lambda: watch.model, quiet=True)
    for path in sorted((folder / "out").iterdir()):
        print(f"{path.name} {path.stat().st_size / 1e6:.1f} MB")


def soak(way: str, frames: int, every: int, max_delay: int) -> None:
    """One way, in this process."""
    torch.set_num_threads(1)
    watch = Watch(measured_model(MICRO, torch.device("cpu")), frames, every)
    print(f"{way}: {frames} frames", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        {"session": run_session, "live": run_live, "files": run_files}[way](watch, Path(folder), max_delay)
    settled = [mark for mark in watch.marks if mark.frame >= min(SETTLED, frames // 2)]
    slope = float(np.polyfit([mark.frame for mark in settled], [mark.megabytes for mark in settled], 1)[0])
    at = {mark.frame: round(mark.megabytes, 1) for mark in watch.marks}
    peak = peak_megabytes(torch.device("cpu"))
    print(f"{way}: slope {slope * 1e6:.1f} bytes per frame, peak {peak:.1f} MB")
    print(json.dumps({"way": way, "slope": slope * 1e6, "peak": peak, "megabytes": at}))
    print(json.dumps([asdict(mark) for mark in watch.marks]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=5_000)
    parser.add_argument("--max-delay", type=int, default=32)
    args = parser.parse_args()
    if len(args.ways) == 1:
        return soak(args.ways[0], args.frames, args.every, args.max_delay)
    numbers = ("--frames", args.frames, "--every", args.every, "--max-delay", args.max_delay)
    for way in args.ways:
        subprocess.run([sys.executable, "-m", "benchmarks.soak", way, *map(str, numbers)], check=True)
    return None


if __name__ == "__main__":
    main()
