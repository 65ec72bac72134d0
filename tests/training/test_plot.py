from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from training.judging.journal import Journal, read_journal
from training.judging.plot import plot_curve

pytest.importorskip("matplotlib")


def test_the_curve_of_a_resumed_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log.jsonl")
    for step, overlap, stage in ((1, 0.1, "a"), (2, 0.2, "a"), (2, 0.3, "a"), (3, 0.4, "b")):
        journal.write("train", step=step, overlap=overlap, stage=stage)
    assert [line["overlap"] for line in read_journal(journal.path, "train")] == [0.1, 0.3, 0.4]
    plot_curve(journal.path, tmp_path / "curve.png")
    assert cv2.imread(str(tmp_path / "curve.png")).shape == (400, 800, 3)
