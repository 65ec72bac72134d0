"""A longer campaign: `make fuzz`, or `python -m tests.fuzz --seconds 600 --seed N`; figures in docs/robustness.md.

Every case runs in a process of its own, a fork of this one, with a limit of time and memory, so that a crash in a
library, a hang or a request for far too much memory is found as well. Files of cases that went wrong are kept, with a
`case.txt` that says what was wrong; `--only "TARGET SEED"` plays a single case again.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import torch

from tests.fuzz.corpus import Corpus, build
from tests.fuzz.play import play
from tests.fuzz.targets import TARGETS

MEMORY = 3 << 30
"""Bytes that a case may ask for beyond what its parent has."""


@dataclass(frozen=True)
class Running:
    """A case in its process."""

    target: str
    seed: int
    folder: Path
    until: float


@dataclass
class Tally:
    """What came of the cases, by target."""

    cases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    kinds: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def start(target: str, seed: int, corpus: Corpus, folder: Path) -> int:
    """Play a case in a child, which leaves `verdict.json` in `folder`; its id."""
    folder.mkdir()
    child = os.fork()
    if child == 0:
        _be_the_case(target, seed, corpus, folder)
    return child


def _be_the_case(target: str, seed: int, corpus: Corpus, folder: Path) -> NoReturn:
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        faulthandler.enable((folder / "crash.txt").open("w", encoding="utf-8"))
        held = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        played = play(target, seed, corpus, folder)
        verdict = {"status": played.ended.status, "wrong": played.wrong, "told": str(played)}
        (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    except BaseException:
        (folder / "crash.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
    finally:
        os._exit(0)


def judge(running: Running, status: int | None, seconds: float) -> tuple[int | None, list[str], str]:
    """Exit status of the command, what was wrong, and everything about it; `status` None is a hang."""
    verdict = running.folder / "verdict.json"
    if status is None:
        return None, [f"not ended after {seconds:.0f} s"], _crash(running)
    if status < 0:
        return None, [f"ended by signal {-status} ({signal.Signals(-status).name})"], _crash(running)
    if not verdict.exists():
        return None, ["the harness itself failed"], _crash(running)
    said = json.loads(verdict.read_text(encoding="utf-8"))
    return said["status"], said["wrong"], said["told"]


def _crash(running: Running) -> str:
    file = running.folder / "crash.txt"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def kind_of(target: str, wrong: str, folder: Path) -> str:
    """The finding without what differs from case to case, to count alike ones together."""
    text = wrong.replace(str(folder), "").replace("/work/", "")
    return f"{target}: {''.join('N' if sign.isdigit() else sign for sign in text)[:160]}"


def settle(running: Running, outcome: tuple[int | None, list[str], str], tally: Tally, keep: Path) -> None:
    """Count a case, keep its files if something was wrong, remove them otherwise."""
    status, wrong, told = outcome
    tally.cases[running.target] += 1
    tally.refused[running.target] += status == 2
    if wrong:
        tally.wrong[running.target] += 1
        kept = keep / f"{running.target.replace(' ', '-')}-{running.seed}"
        tally.kinds[kind_of(running.target, wrong[0], running.folder)].append(kept.name)
        print(f"\n{running.target} {running.seed}: {wrong[0][:300]}\n  kept in {kept}", flush=True)
        keep.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(running.folder, kept, symlinks=True, ignore_dangling_symlinks=True)
        story = "\n".join([f"{running.target} {running.seed}", *wrong, "", told, ""])
        (kept / "case.txt").write_text(story, encoding="utf-8", errors="backslashreplace")
    for path in running.folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(running.folder, ignore_errors=True)


def campaign(corpus: Corpus, root: Path, args: argparse.Namespace) -> Tally:
    """Cases of all targets in turn until the time is up, or until Ctrl-C or SIGTERM."""
    tally, running, number = Tally(), dict[int, Running](), 0
    began = shown = time.monotonic()

    def stop(*_: object) -> None:
        args.seconds = 0

    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, stop)
    targets = [target for target in TARGETS if not args.targets or target in args.targets.split(",")]
    while running or time.monotonic() - began < args.seconds:
        while len(running) < args.processes and time.monotonic() - began < args.seconds:
            target, seed = targets[number % len(targets)], args.seed * 1_000_000 + number // len(targets)
            folder = root / f"case-{number}"
            child = start(target, seed, corpus, folder)
            running[child] = Running(target, seed, folder, time.monotonic() + args.limit)
            number += 1
        for child, case in list(running.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                outcome = judge(case, os.waitstatus_to_exitcode(status), args.limit)
            elif time.monotonic() > case.until:
                os.kill(child, signal.SIGABRT)  # faulthandler writes where it hangs
                time.sleep(0.5)
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                outcome = judge(case, None, args.limit)
            else:
                continue
            del running[child]
            settle(case, outcome, tally, args.keep)
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(f"{shown - began:.0f} s: {tally.cases.total()} cases, {tally.wrong.total()} wrong", flush=True)
        time.sleep(0.005)
    return tally


def report(tally: Tally) -> None:
    """A table of targets, then the kinds of findings."""
    print(f"\n{'target':20}{'cases':>8}{'refused':>9}{'wrong':>7}")
    for target in TARGETS:
        if tally.cases[target]:
            print(f"{target:20}{tally.cases[target]:8}{tally.refused[target]:9}{tally.wrong[target]:7}")
    print(f"{'all':20}{tally.cases.total():8}{tally.refused.total():9}{tally.wrong.total():7}")
    for kind, cases in sorted(tally.kinds.items(), key=lambda item: -len(item[1])):
        print(f"{len(cases):5} x {kind}\n        {', '.join(cases[:4])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--targets", help=f"of {', '.join(TARGETS)}; separated by commas")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--limit", type=float, default=60, help="seconds for one case")
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="where files of wrong cases go")
    parser.add_argument("--only", metavar="'TARGET SEED'", help="play a single case in this process")
    args = parser.parse_args()
    if not hasattr(os, "fork"):
        sys.exit("a campaign needs fork(); tests/fuzz/test_fuzz.py does not")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        root = Path(name)
        (root / "corpus").mkdir()
        corpus = build(root / "corpus")
        if args.only:
            target, _, seed = args.only.rpartition(" ")
            (root / "case").mkdir()
            played = play(target, int(seed), corpus, root / "case")
            print(f"status {played.ended.status}\n{played}")
            sys.exit(bool(played.wrong))
        import sam2long.cli.running.report  # noqa: F401  (children need not import it again)

        tally = campaign(corpus, root, args)
    report(tally)
    sys.exit(bool(tally.wrong.total()))


if __name__ == "__main__":
    main()
