"""Kills a run with SIGKILL at random moments, gives the same command again until it ends, and compares the files.

    python -m benchmarks.kill9 [--kills 100] [--seed 0] [--frames 120] [--model nano] [--keep FOLDER]

The commands are `sam2long track --session` forward with two objects, the second marked in the middle; backward on every
second frame; and with `--max-delay`. Each is first run undisturbed. Then it is killed at a random moment, given again,
killed again, until it ends by itself; another one takes its place until all kills are made. After every kill the
session file, if there is one, must open and must not know less than before. In the end every file in the output folder
must equal the undisturbed run's to the byte, and nothing else may lie there or beside the session file.

Every run is a process of its own: a fork of this one, which has imported PyTorch but has used it in one thread only.
Sessions save themselves here after every 50 ms instead of 60 s, so that short runs have something to go on from. The
network is a whole SAM 2 of 64 pixels with random weights whose scores are stretched so that they cross every threshold;
`--model nano` takes the bundled one. The seed fixes the moments as seconds since the start of a process.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
import torch

from benchmarks.growth import MICRO
from sam2long.errors import SessionError
from sam2long.model.checkpoints.loading import fresh_model, save_model
from sam2long.tracking.saving.archive import read_observations

HEIGHT, WIDTH, SIDE = 48, 64, 16
EVERY = 0.05
"""Seconds between two saves of a session."""

COMMANDS = {
    "forward": ("--point", "50,30@{middle}#2"),
    "backward": ("--reverse", "--stride", "2", "--start", "{last}"),
    "max-delay": ("--point", "50,30#2", "--max-delay", "3"),
}


@dataclass
class Count:
    """What the campaign has seen.

    Attributes:
        kills: by where the process was: see `moment`.
        runs: commands given, the killed ones included.
        ended: runs that were killed at least once and came to their end.
        frames: frames that killed processes had saved, each counted once.
        differences: a line for everything that was not as it must be.
        stores: temporary databases that killed processes left in the temporary folder.
    """

    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    ended: int = 0
    frames: int = 0
    differences: list[str] = field(default_factory=list)
    stores: int = 0


@dataclass(frozen=True)
class Run:
    """One command with folders of its own; `name` tells it from the others."""

    name: str
    words: tuple[str, ...]
    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def session(self) -> Path:
        return self.folder / "run.s2l"

    def start(self) -> int:
        """Start the command in a process of its own; its id."""
        self.folder.mkdir(exist_ok=True)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            self._be_the_command()
        return child

    def _be_the_command(self) -> NoReturn:
        status = 70
        try:
            log = os.open(self.folder / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            tempfile.tempdir = str(self.folder / "tmp")
            Path(tempfile.tempdir).mkdir(exist_ok=True)
            from sam2long.cli import app
            from sam2long.tracking import session
            from sam2long.tracking.saving import autosave

            saver = session.AutoSaver
            session.AutoSaver = lambda path, every, write: saver(path, EVERY, write)  # type: ignore[misc,assignment]
            autosave._SHARE = 1
            sys.argv = ["sam2long", "track", *self.words, "--session", str(self.session), "--out", str(self.out)]
            app.main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            sys.stdout.flush()
            os._exit(status)


def wait(child: int, seconds: float) -> int | None:
    """Exit status of a process, negative for a signal; None if it has not ended by then."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(min(0.002, max(0.0, until - time.monotonic())))
    return None


def kill(child: int) -> int:
    """Exit status of a process that is killed now: it may just have ended by itself."""
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def known_frames(run: Run) -> int:
    """Frames in the session file; raises SessionError if it is damaged."""
    if not run.session.exists():
        return 0
    return len({(item.object_id, item.frame) for item in read_observations(run.session)})


def moment(run: Run) -> str:
    """What a killed process was about, as far as what it left shows."""
    staging = run.out / ".sam2long-unfinished"
    if list(run.folder.glob(".run.s2l.*.part")):
        return "while the session was saved"
    if (staging / "summary.json").exists():
        return "while results were made final"
    if (run.out / "summary.json").exists():
        return "after the results were there"
    if staging.exists():
        return "while tracking" if run.session.exists() else "while tracking, nothing saved yet"
    return "before tracking"


def undisturbed(run: Run) -> float:
    """Run a command to its end; the seconds it took."""
    began = time.monotonic()
    status = wait(run.start(), 600)
    if status != 0:
        raise SystemExit(f"{run.name}: the undisturbed run ended with {status}, see {run.folder / 'log.txt'}")
    return time.monotonic() - began


def disturbed(run: Run, seconds: float, moments: random.Random, kills: int, count: Count) -> None:
    """Kill a command again and again, at most `kills` times, until it ends."""
    known, killed = 0, 0
    while True:
        child = run.start()
        count.runs += 1
        status = wait(child, moments.uniform(0, seconds) if killed < kills else 600)
        if status is None:
            status = kill(child)
        if status == -signal.SIGKILL:
            killed += 1
            count.kills[moment(run)] += 1
            known = check_session(run, known, count)
            continue
        if status != 0:
            count.differences.append(f"{run.folder.name}: ended with {status}, see {run.folder / 'log.txt'}")
        count.ended += killed > 0
        count.stores += len(list((run.folder / "tmp").glob("sam2long-*")))
        return


def check_session(run: Run, before: int, count: Count) -> int:
    """The session file opens and knows no less than before; how much it knows."""
    try:
        now = known_frames(run)
    except SessionError as error:
        count.differences.append(f"{run.folder.name}: {error}")
        return before
    if now < before:
        count.differences.append(f"{run.folder.name}: the session knew {before} results, then {now}")
    count.frames += max(0, now - before)
    return now


def compare(whole: Run, run: Run, count: Count) -> None:
    """Every file equals the undisturbed run's, and there is nothing else."""
    names = [
        {str(path.relative_to(one.out)) for path in one.out.rglob("*") if not path.is_dir()} for one in (whole, run)
    ]
    count.differences += [f"{run.folder.name}: {name} is in one folder only" for name in sorted(names[0] ^ names[1])]
    for name in sorted(names[0] & names[1]):
        if not filecmp.cmp(whole.out / name, run.out / name, shallow=False):
            count.differences.append(f"{run.folder.name}: {name} differs")
    left = sorted({path.name for path in run.folder.iterdir()} - {"out", "run.s2l", "log.txt", "tmp"})
    count.differences += [f"{run.folder.name}: {name} is left over" for name in left]


def write_clip(path: Path, frames: int) -> None:
    """A square that moves right and back."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "12", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
            left = abs((2 * number) % (2 * (WIDTH - SIDE)) - (WIDTH - SIDE))
            image[16 : 16 + SIDE, left : left + SIDE] = 230
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def write_model(path: Path) -> None:
    """A small network whose scores cross every threshold."""
    model = fresh_model(MICRO, seed=3)
    draws = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2 and re.search(r"weight$", name):
                parameter.copy_(torch.randn(parameter.shape, generator=draws) / parameter[0].numel() ** 0.5)
        model.mask_decoder.object_score_head.layers[-1].weight.mul_(60)
        model.mask_decoder.object_score_head.layers[-1].bias.sub_(47)
        model.mask_decoder.iou_head.layers[-1].weight.mul_(30)
        model.mask_decoder.iou_head.layers[-1].bias.add_(1)
    save_model(model, path)


def words_of(name: str, clip: Path, model: str, frames: int) -> tuple[str, ...]:
    """The command, less its folders."""
    special = [word.format(middle=frames // 2, last=frames - 1) for word in COMMANDS[name]]
    box = "--box", f"4,16,20,32@{frames - 1 if name == 'backward' else 0}#1"
    save = "--save", "png,png-per-object,overlay,coco,npz,alpha,alpha-webm,matte,exr"
    edges = "--soft", "--largest", "--feather", "1"
    return (str(clip), *box, *special, *save, *edges, "--model", model)


def campaign(folder: Path, kills: int, seed: int, frames: int, model: str | None) -> Count:
    """All kills; every run's folders lie in `folder`."""
    clip, network = folder / "clip.mp4", folder / "network.safetensors"
    write_clip(clip, frames)
    write_model(network)
    commands = {name: words_of(name, clip, model or str(network), frames) for name in COMMANDS}
    whole = {name: Run(name, words, folder / f"undisturbed-{name}") for name, words in commands.items()}
    seconds = {name: undisturbed(run) for name, run in whole.items()}
    for name, run in whole.items():
        rows = len((run.out / "trace.csv").read_text(encoding="utf-8").splitlines()) - 1
        print(f"{name}: undisturbed {seconds[name]:.1f} s, {rows} results of {len(list(run.out.iterdir()))} files")
    moments, count, number = random.Random(seed), Count(), 0
    while (made := count.kills.total()) < kills:
        name = list(COMMANDS)[number % len(COMMANDS)]
        run = Run(name, commands[name], folder / f"{number:03d}-{name}")
        disturbed(run, seconds[name], moments, kills - made, count)
        compare(whole[name], run, count)
        print(f"{run.folder.name}: killed {count.kills.total() - made} times", flush=True)
        number += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--model", help="a name, instead of the small network made here")
    parser.add_argument("--keep", type=Path, help="a new folder that keeps all files; otherwise they are removed")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = args.keep or Path(tempfile.mkdtemp(prefix="kill9-"))
    folder.mkdir(exist_ok=True)
    began = time.monotonic()
    count = campaign(folder, args.kills, args.seed, args.frames, args.model)
    print(f"\n{count.kills.total()} kills, the same command after each; {count.runs} processes")
    for what, times in count.kills.most_common():
        print(f"  {times:4} {what}")
    print(f"{count.ended} runs ended after kills; {count.frames} results were saved before kills")
    print(f"{count.stores} temporary databases left in the temporary folder")
    print(f"{len(count.differences)} differences; {time.monotonic() - began:.0f} s")
    for line in count.differences:
        print(f"  {line}")
    if args.keep is None and not count.differences:
        shutil.rmtree(folder)
    elif count.differences:
        print(f"everything is in {folder}")
    sys.exit(bool(count.differences))


if __name__ == "__main__":
    main()
