"""A fixed part of the fuzzing that `make fuzz` goes on with: see docs/robustness.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.corpus import Corpus
from tests.fuzz.play import play
from tests.fuzz.targets import TARGETS

SEEDS = 30
"""Cases of each target."""


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_files_and_odd_words(target: str, corpus: Corpus, tmp_path: Path) -> None:
    wrong = []
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        played = play(target, seed, corpus, folder)
        if played.wrong:
            wrong.append(f"seed {seed} of {target}: {played}")
    assert not wrong, "\n\n".join(wrong)
