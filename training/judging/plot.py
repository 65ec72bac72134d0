"""The curve of a training run as a picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from training.judging.journal import read_journal


def plot_curve(log: Path, picture: Path) -> None:
    """Draw the overlap of training clips over steps, with the stages marked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    train = read_journal(log, "train")
    figure, axes = pyplot.subplots(figsize=(8, 4), dpi=100)
    axes.plot([line["step"] for line in train], [line["overlap"] for line in train], lw=1)
    for before, line in pairwise(train):
        if before["stage"] != line["stage"]:
            axes.axvline(float(line["step"]), color="grey", lw=0.5)
            axes.text(float(line["step"]), 0.02, line["stage"], fontsize=7, rotation=90, va="bottom")
    axes.set(xlabel="step", ylabel="IoU of later frames", ylim=(0, 1))
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture)
    pyplot.close(figure)
