"""Damaged results of earlier runs, for `export` and `compare`, and damaged files of settings."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from tests.fuzz.case import Case
from tests.fuzz.corpus import Corpus
from tests.fuzz.mutate import ODD_WORDS, mutate, mutate_json, odd_number
from tests.fuzz.sessions import damage_session

MASKS = ("masks.npz", "objects", "coco.json", "masks")
SETTINGS = b"""[defaults]
model = "nano"
device = "cpu"

[track]
save = ["png", "npz"]
pathways = 2
quiet = true
image-size = 64
box = ["4,16,20,32#1"]

[bench]
frames = 1

[synth]
format = "davis"
"""


def _damaged_run(draw: Random, corpus: Corpus, run: Path) -> None:
    """Write an output folder with one kind of masks, and damage a file of it."""
    kept = draw.choice(MASKS)
    shutil.copytree(corpus.kept, run)
    for name in sorted({*MASKS} - {kept}):
        place = run / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    path = draw.choice((run / "summary.json", run / "trace.csv", run / kept, run / kept))
    if path.is_dir():
        path = draw.choice(sorted(item for item in path.rglob("*.png")))
    kind = draw.random()
    if kind < 0.1:
        path.unlink()
    elif kind < 0.15:
        path.unlink()
        path.mkdir()
    elif path.name == "summary.json" and kind < 0.8:
        lines = path.read_bytes().splitlines(keepends=True)
        at = draw.randrange(len(lines))
        value = lines[at].split(b'": ', 1)[-1]
        sound = value.strip().removesuffix(b"]}").removesuffix(b",")
        if sound not in (b"{", b"["):
            lines[at] = lines[at].replace(sound, mutate_json(draw, sound).replace(b"\n", b" "), 1)
        path.write_bytes(b"".join(lines))
    elif path.suffix == ".json" and kind < 0.8:
        path.write_bytes(mutate_json(draw, path.read_bytes()))
    else:
        path.write_bytes(mutate(draw, path.read_bytes(), corpus.pictures["png"].read_bytes()))


def _kept(draw: Random, corpus: Corpus, folder: Path) -> str:
    """Name of a damaged run or session in a folder."""
    if draw.random() < 0.35:
        damage_session(draw, corpus, folder / "run.s2l")
        return "run.s2l"
    _damaged_run(draw, corpus, folder / "run")
    return "run"


def exports(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """`export` of a damaged run or session."""
    save = ",".join(draw.sample(("png", "png-per-object", "coco", "npz", "overlay"), draw.choice((1, 1, 3))))
    words = ["export", _kept(draw, corpus, folder), "--save", save, "--out", "out"]
    words += draw.choice(([], [], ["--video", str(corpus.videos[draw.choice(("mp4", "avi"))])], ["--json"]))
    return Case(words, folder / "out")


def comparisons(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """`compare` of a damaged run or session with a sound one, or with the masks alone."""
    sides = [_kept(draw, corpus, folder), str(draw.choice((corpus.kept, corpus.kept / "masks", corpus.sessions[0])))]
    draw.shuffle(sides)
    written = draw.random() < 0.3
    files = ("cmp", "cmp/compare.json", "cmp/frames.csv", "cmp/side-by-side.mp4")
    words = ["compare", *sides, *(("--out", "cmp") if written else ()), *draw.choice(((), ("--json",)))]
    return Case(words, None, tuple(folder / name for name in files) if written else ())


def settings(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """Damaged settings, with commands that do nothing."""
    text = SETTINGS
    if draw.random() < 0.5:
        text = mutate(draw, text)
    for _ in range(draw.choice((0, 1, 2))):
        lines = text.split(b"\n")
        value = draw.choice((odd_number(draw), repr(draw.choice(ODD_WORDS)), "[1, 2]", "{a = 1}", "1979-05-27", "true"))
        lines[draw.randrange(len(lines))] = draw.choice((b"[x]", b"model = ", b"[track]", b"end = ")) + value.encode(
            "utf-8", "surrogateescape"
        )
        text = b"\n".join(lines)
    (folder / "sam2long.toml").write_bytes(text)
    return Case(list(draw.choice((("info",), ("info", "--json"), ("track", "nowhere.mp4", "--out", "out")))))
