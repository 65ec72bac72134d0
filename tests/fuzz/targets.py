"""What is damaged, and which command is given it. Every target makes its files in an empty folder, the working one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz import kept
from tests.fuzz.case import Case
from tests.fuzz.checkpoints import damaged_checkpoint
from tests.fuzz.corpus import FRAMES, Corpus
from tests.fuzz.mutate import (
    ODD_WORDS,
    dump,
    mutate,
    mutate_json,
    mutate_words,
    odd_number,
    truncate,
)
from tests.fuzz.sessions import damage_session

Target = Callable[[Random, Corpus, Path], Case]
BOX = ("--box", "4,16,20,32")
NUMBERS = (
    "--pathways", "--iou-threshold", "--uncertainty-threshold", "--max-delay", "--start", "--end", "--stride",
    "--image-size", "--fps",
)  # fmt: skip
INSIDE = tuple(word for word in ODD_WORDS if word.strip("-. ") and not word.startswith(("/", "~")))
"""Odd names that lead nowhere else, whatever a command makes of them."""
FORMATS = ("png", "png-per-object", "coco", "overlay", "npz")


def _track(
    draw: Random, corpus: Corpus, folder: Path, video: object, *words: object, out: str = "out", model: object = None
) -> Case:
    save = ",".join(draw.sample(FORMATS, draw.choice((1, 1, 2, 5))))
    common = ("--model", model or corpus.model, "--device", "cpu", "--save", save, "--out", out)
    quiet = ("--quiet",) if draw.random() < 0.5 else ()
    return Case([str(word) for word in ("track", video, *words, *common, *quiet)], Path(os.path.normpath(folder / out)))


def videos(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """A damaged video file."""
    suffix = draw.choice(sorted(corpus.videos))
    other = draw.choice(sorted(corpus.videos))
    path = folder / f"clip.{draw.choice((suffix, suffix, suffix, other))}"
    path.write_bytes(mutate(draw, corpus.videos[suffix].read_bytes(), corpus.videos[other].read_bytes()))
    more = draw.choice(
        ((), (), ("--reverse", "--box", "4,16,20,32@5"), ("--stride", "2"), ("--start", "3"), ("--end", "4"))
    )
    return _track(draw, corpus, folder, path.name, *BOX, *more)


def images(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """A folder of images, or a single one, some of them damaged or not what they are called."""
    place = folder / draw.choice(("in", "in", "in put", "[in]", "ün"))
    place.mkdir()
    for number in range(draw.choice((1, 3, 4))):
        suffix = draw.choice(("png", "png", *sorted(corpus.pictures)))
        data = corpus.pictures[suffix].read_bytes()
        if draw.random() < 0.4:
            data = mutate(draw, data, corpus.pictures[draw.choice(sorted(corpus.pictures))].read_bytes())
        (place / f"{draw.choice(('', 'frame', 'a'))}{number}.{suffix}").write_bytes(data)
    _spoil_folder(draw, place, corpus.pictures["png"])
    video = draw.choice((place.name, place.name, f"{place.name}/*", f"{place.name}/{min(place.iterdir()).name}"))
    return _track(draw, corpus, folder, video, *BOX, *draw.choice(((), ("--fps", odd_number(draw)))))


def _spoil_folder(draw: Random, place: Path, picture: Path) -> None:
    """Perhaps put something beside the images that is none."""
    kind = draw.randrange(8)
    if kind == 0:
        (place / "22.png").symlink_to("nowhere.png")
    elif kind == 1:
        (place / "33.png").mkdir()
    elif kind == 2:
        (place / f"{'9' * 40}.png").write_bytes(picture.read_bytes())
    elif kind == 3:
        (place / "Thumbs.db").write_bytes(b"\0" * 10)
    elif kind == 4:
        size = draw.choice(((64, 49), (1, 1), (3, 4000), (64, 48)))
        Image.new(draw.choice(("L", "RGB", "RGBA", "P", "1", "I;16", "LA", "CMYK", "F")), size).save(place / "4.tiff")


def masks(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """A damaged mask."""
    kind = draw.random()
    path = folder / draw.choice(("mask.png", "mask@2#3.png", "mask.jpg", "mask"))
    data = draw.choice(corpus.masks).read_bytes()
    if kind < 0.6:
        path.write_bytes(mutate(draw, data, corpus.pictures["png"].read_bytes()))
    elif kind < 0.9:
        _odd_mask(draw).save(path, "PNG")
    else:
        path = folder / draw.choice(("", "nowhere.png", "out", "."))
    suffix = draw.choice(("", "", "", "#2", "@3", "@99", f"#{odd_number(draw)}", f"@{odd_number(draw)}"))
    return _track(draw, corpus, folder, corpus.videos["mp4"], "--mask", f"{path.name}{suffix}")


def _odd_mask(draw: Random) -> Image.Image:
    size = draw.choice(((48, 64), (48, 64), (48, 64), (64, 48), (1, 1)))
    values = np.array(
        [[draw.choice((0, 0, 1, 2, 255, draw.randrange(256))) for _ in range(8)] for _ in range(6)], np.uint8
    )
    grown = np.ascontiguousarray(np.kron(values, np.ones((8, 8), np.uint8))[: size[0], : size[1]])
    image = Image.fromarray(grown)
    if draw.random() < 0.4:
        image.putpalette(draw.randbytes(draw.choice((3, 6, 768))))
    return image if image.mode == "P" else image.convert(draw.choice(("L", "L", "RGB", "RGBA", "LA", "1", "I;16")))


def prompt_files(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """A damaged file of prompts."""
    shutil.copy(corpus.masks[0], folder / "mask.png")
    entries = [
        {"frame": 0, "object": 1, "box": [4, 16, 20, 32]},
        {"frame": 0, "object": 1, "points": [[8, 20], [40, 20]], "labels": [1, 0]},
        {"frame": draw.choice((0, 3)), "object": 3, "mask": "mask.png"},
    ]
    if draw.random() < 0.5:
        entries[2] = {"frame": 5, "object": 2, "points": [[50, 30]]}
    (folder / "prompts.json").write_bytes(mutate_json(draw, dump({"prompts": entries})))
    return _track(draw, corpus, folder, corpus.videos["mp4"], "--prompts", "prompts.json")


def prompt_words(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """Odd words after --point, --box and --mask."""
    shutil.copy(corpus.masks[1], folder / "mask.png")
    words: list[str] = []
    for _ in range(draw.choice((1, 1, 2, 3))):
        option, text = draw.choice((BOX, ("--point", "8,20"), ("--point", "40,20,0@2#1"), ("--mask", "mask.png@1#2")))
        words += [option, mutate_words(draw, text) if draw.random() < 0.8 else text]
    return _track(draw, corpus, folder, corpus.videos["mp4"], *words)


def option_words(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """Odd numbers and words in every other option."""
    words: list[str] = []
    for option in draw.sample(NUMBERS, draw.choice((1, 1, 2))):
        words += [option, odd_number(draw)]
    kind = draw.randrange(9)
    if kind == 0:
        words += ["--modulation", f"{odd_number(draw)},{odd_number(draw)}"]
    elif kind == 1:
        words += ["--save", mutate_words(draw, "png,coco")]
    elif kind == 2:
        words += ["--precision", mutate_words(draw, "bfloat16")]
    elif kind == 3:
        words += ["--device", draw.choice(("cuda", "cuda:99", "mps", "meta", "cpu:1", "xpu", "hpu", *ODD_WORDS))]
    elif kind == 4:
        words += draw.sample(("--reverse", "--greedy", "--overwrite", "--compile=1", "--random-weights"), 2)
    elif kind == 5:
        words += ["--checkpoint", draw.choice((*ODD_WORDS, str(corpus.model), str(folder)))]
    video = draw.choice((corpus.videos["mp4"], corpus.folder, corpus.folder, draw.choice(ODD_WORDS)))
    if kind == 6:
        return _track(draw, corpus, folder, video, *BOX, *words, model=draw.choice((*ODD_WORDS, "facebook/x", "nano")))
    return _track(draw, corpus, folder, video, *BOX, *words)


def checkpoints(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """A damaged `.safetensors` or `.pt`, or one of something else."""
    path = damaged_checkpoint(draw, corpus, folder)
    if draw.random() < 0.2:
        return _track(draw, corpus, folder, corpus.videos["mp4"], *BOX, "--checkpoint", path.name, model="nano")
    return _track(draw, corpus, folder, corpus.videos["mp4"], *BOX, model=path.name)


def sessions(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """A run that goes on from a damaged session file."""
    path = folder / "run.s2l"
    damage_session(draw, corpus, path)
    words = draw.choice(((), (), ("--point", "30,20@6#1"), BOX, ("--reverse",), ("--start", "4")))
    case = _track(draw, corpus, folder, corpus.videos["mp4"], *words, "--session", path.name)
    return Case(case.words, case.out, (path,))


def reviews(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """`review` of a damaged trace or session file."""
    kind = draw.random()
    if kind < 0.4:
        path = folder / draw.choice(("run.s2l", "run.s2l", "run"))
        damage_session(draw, corpus, path)
    else:
        shutil.copytree(corpus.run, folder / "run")
        path = folder / draw.choice(("run", "run/trace.csv"))
        (folder / "run" / "trace.csv").write_bytes(_mutate_trace(draw, (corpus.run / "trace.csv").read_bytes()))
    words = ["review", str(path.relative_to(folder))]
    words += draw.choice(([], ["--json"], ["--budget", odd_number(draw)]))
    if draw.random() < 0.1:
        return Case([*words, "--plot", "plot.png"], None, (folder / "plot.png",))
    return Case(words)


def _mutate_trace(draw: Random, data: bytes) -> bytes:
    if draw.random() < 0.4:
        return mutate(draw, data)
    rows = [line.split(",") for line in data.decode().splitlines()]
    for _ in range(draw.choice((1, 1, 3))):
        row = draw.choice(rows)
        at = draw.randrange(len(row))
        row[at] = draw.choice((odd_number(draw), draw.choice(ODD_WORDS), '"'))
    return "\n".join(",".join(row) for row in rows).encode(errors="surrogateescape")


def scores(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """`score` of folders in which masks are damaged, missing or not what they seem."""
    for side in ("pred", "gt"):
        shutil.copytree(corpus.dataset / "Annotations" / "480p", folder / side)
    for _ in range(draw.choice((1, 1, 2, 4))):
        _spoil_masks(draw, corpus, folder / draw.choice(("pred", "pred", "gt")))
    words = ["score", *draw.choice((("pred", "gt"), ("pred", "gt"), ("pred/bear", "gt/bear"), ("gt", "pred/cows")))]
    words += [
        "--workers",
        "1",
        *draw.choice(([], ["--rule", "davis"], ["--rule", "vost"], ["--binary"], ["--all-frames"])),
    ]
    words += draw.choice(([], [], ["--allow-missing"], ["--ignore-id", odd_number(draw)]))
    files = draw.choice(((), ("o.csv", "o.json"), ("gt/bear/o.csv",), ("no/o.csv",)))
    for name in files:
        words += ["--json" if name.endswith("json") else "--csv", name]
    return Case(words, None, tuple(folder / name for name in files))


def _spoil_masks(draw: Random, corpus: Corpus, side: Path) -> None:
    paths = sorted(path for path in side.rglob("*.png") if path.is_file() and not path.is_symlink())
    if not paths:
        return
    path = draw.choice(paths)
    kind = draw.randrange(11)
    if kind <= 2:
        path.write_bytes(mutate(draw, path.read_bytes(), corpus.pictures["png"].read_bytes()))
    elif kind == 3:
        path.unlink()
    elif kind == 4:
        shutil.rmtree(path.parent)
    elif kind == 5:
        path.unlink()
        path.symlink_to(draw.choice(("nowhere", "..", path.name)))
    elif kind == 6:
        path.unlink()
        path.mkdir()
    elif kind == 7:
        path.rename(path.with_name(draw.choice(("1.png", "00099.png", "x.png", "00000.PNG", "frame_1_2.png", "².png"))))
    elif kind == 8:
        _odd_mask(draw).save(path, "PNG")
    elif kind == 9:
        (side / draw.choice(("empty", "bear/0", "zebra"))).mkdir(exist_ok=True, parents=True)
    else:
        (side / draw.choice(("note.txt", ".DS_Store", "bear.png"))).write_bytes(truncate(draw, b"hello"))


def datasets(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """`eval` of a damaged data set, or `--score-only` of damaged predictions."""
    shutil.copytree(corpus.dataset, folder / "data")
    words = ["eval", "davis-2017", "--root", "data", "--out", "out", "--workers", "1", "--model", str(corpus.model)]
    if draw.random() < 0.5:
        shutil.copytree(corpus.dataset / "Annotations" / "480p", folder / "out" / "predictions")
        _spoil_masks(draw, corpus, folder / "out" / "predictions")
        words.append("--score-only")
    kind = draw.randrange(5)
    if kind == 0:
        path = folder / "data" / "ImageSets" / "2017" / "val.txt"
        path.write_bytes(
            draw.choice((mutate(draw, path.read_bytes()), b"", b"bear\nbear\n", b"../..\n", b"\xff\n", b"a/b\n"))
        )
    elif kind == 1:
        path = draw.choice(sorted((folder / "data" / "JPEGImages").rglob("*.jpg")))
        path.write_bytes(mutate(draw, path.read_bytes()))
    elif kind <= 3:
        _spoil_masks(draw, corpus, folder / "data" / "Annotations")
    else:
        words += draw.choice(
            (
                ["--limit", odd_number(draw)],
                ["--videos", mutate_words(draw, "bear,cows")],
                ["--sweep", mutate_words(draw, "pathways=1,2")],
            )
        )
    return Case([*words, *draw.choice(((), ("--allow-missing",)))], folder / "out", (folder / "out",))


def outputs(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """An output folder with something in the way."""
    out, outside = folder / "out", folder / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine", encoding="utf-8")
    words: tuple[str, ...] = draw.choice(((), ("--overwrite",), ("--overwrite",), ("--session", "run.s2l")))
    name = "out"
    kind = draw.randrange(10)
    if kind == 0:
        out.write_text("mine", encoding="utf-8")
    elif kind == 1:
        out.symlink_to(draw.choice(("outside", "nowhere", "out", "outside/mine.txt")))
    elif kind == 2:
        name = draw.choice((*INSIDE, "outside/mine.txt/out", "a/b/c", "outside/../out", "/dev/null/out", "/proc/out"))
    elif kind == 3:
        out.mkdir()
        out.chmod(0o500)
    else:
        out.mkdir()
        for _ in range(draw.choice((1, 1, 2))):
            _put_in_the_way(draw, corpus, out, outside)
    case = _track(draw, corpus, folder, corpus.videos["mp4"], *BOX, *words, out=name)
    session = (folder / "run.s2l",) if "--session" in words else ()
    return Case(case.words, case.out, session)


def _put_in_the_way(draw: Random, corpus: Corpus, out: Path, outside: Path) -> None:
    results = ("masks", "objects", "overlay.mp4", "coco.json", "ytvis.json", "masks.npz", "trace.csv", "summary.json")
    entry = out / draw.choice((*results, "thesis.tex", ".sam2long-unfinished", ".sam2long-lock"))
    if entry.is_symlink() or entry.exists():
        return
    kind = draw.randrange(6)
    if kind == 0:
        entry.write_text(draw.choice(("mine", "", "{", "[]", '{"settings": 3}')), encoding="utf-8")
    elif kind == 1:
        entry.symlink_to(draw.choice((outside, outside / "mine.txt", "nowhere", entry.name)))
    elif kind == 2:
        entry.mkdir()
    elif kind == 3:
        entry.mkdir()
        (entry / "mine.txt").write_text("mine", encoding="utf-8")
    else:
        shutil.copytree(corpus.run, out, dirs_exist_ok=True)


def prompts_and_video(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """Sound words that do not fit each other: frames, objects and ranges."""
    words: list[object] = []
    for _ in range(draw.choice((1, 2, 3))):
        frame, which = draw.choice((0, 0, 3, FRAMES - 1, FRAMES)), draw.choice((1, 2, 255, 256, 300))
        words += draw.choice((("--box", f"4,16,20,32@{frame}#{which}"), ("--point", f"9,20@{frame}#{which}")))
    start, end = draw.randrange(-1, FRAMES + 2), draw.randrange(-1, FRAMES + 2)
    words += draw.choice(((), ("--start", start), ("--end", end), ("--start", start, "--end", end)))
    words += draw.choice(((), ("--stride", draw.choice((1, 2, 3, 7, 100)))))
    words += draw.choice(((), ("--reverse",), ("--max-delay", draw.choice((0, 1, 100)))))
    return _track(draw, corpus, folder, draw.choice((corpus.videos["mp4"], corpus.folder)), *words)


TARGETS: dict[str, Target] = {
    "videos": videos,
    "images": images,
    "masks": masks,
    "prompt files": prompt_files,
    "prompt words": prompt_words,
    "prompts and video": prompts_and_video,
    "option words": option_words,
    "checkpoints": checkpoints,
    "sessions": sessions,
    "reviews": reviews,
    "scores": scores,
    "data sets": datasets,
    "output folders": outputs,
    "exports": kept.exports,
    "comparisons": kept.comparisons,
    "settings": kept.settings,
}
