"""A case from its target and seed to what was wrong with it."""

from __future__ import annotations

import gc
import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.case import Ended, complaints, look, run
from tests.fuzz.corpus import Corpus
from tests.fuzz.targets import TARGETS


@dataclass(frozen=True)
class Played:
    """What a case was, how it ended, and what does not hold."""

    words: list[str]
    ended: Ended
    wrong: list[str]

    def __str__(self) -> str:
        command = " ".join(shlex.quote(word) for word in ("sam2long", *self.words))
        return "\n".join([*self.wrong, command, self.ended.err[-2000:], self.ended.failure or ""]).strip()


def play(target: str, seed: int, corpus: Corpus, folder: Path) -> Played:
    """Make a case's files in `folder`/work, which does not exist yet, run its command there, and judge.

    The temporary folder is `folder`/tmp meanwhile, and home is `folder`/home.
    """
    work, temporary = folder / "work", folder / "tmp"
    for place in (work, temporary, folder / "home"):
        place.mkdir()
    case = TARGETS[target](Random(f"{target} {seed}"), corpus, work)
    before, here, usual, home = look(work), Path.cwd(), tempfile.tempdir, os.environ.get("HOME", "")
    os.chdir(work)
    tempfile.tempdir, os.environ["HOME"] = str(temporary), str(folder / "home")
    try:
        ended = run(case.words)
    finally:
        os.chdir(here)
        tempfile.tempdir, os.environ["HOME"] = usual, home
    if any(temporary.iterdir()):
        gc.collect()  # a session is deleted with its results when Python lets go of it
    left = sorted(path.name for path in temporary.iterdir())
    return Played(case.words, ended, complaints(case, ended, before, look(work), left))
