"""Miniature copies of the official layouts, with pictures, for commands to run on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.evaluation.folders import HEIGHT, WIDTH, empty, ids, photos, save, save_video

FIRST = ids((1, 8, 5, 20, 17))
TWO = ids((1, 8, 5, 20, 17), (3, 25, 30, 36, 50))
LATE = ids((3, 25, 30, 36, 50))


def davis_2017(root: Path) -> Path:
    names = [f"{n:05d}" for n in range(5)]
    for video in ("bear", "cows"):
        photos(root / "JPEGImages/480p" / video, names)
        truth = np.where(TWO == 3, 2, TWO).astype(np.uint8) if video == "bear" else FIRST
        save_video(root / "Annotations/480p", video, dict.fromkeys(names, truth))
    _write(root / "ImageSets/2017/val.txt", "bear\ncows\n")
    return root


def davis_2016(root: Path) -> Path:
    davis_2017(root)
    for path in (root / "Annotations/480p").rglob("*.png"):
        save(np.where(FIRST > 0, 255, 0).astype(np.uint8), path, palette=False)
    _write(root / "ImageSets/2016/val.txt", "bear\n")
    return root


def sav_val(root: Path) -> Path:
    photos(root / "JPEGImages_24fps/sav_1", [f"{n:05d}" for n in range(17)])
    for folder, mask in (("000", FIRST), ("001", LATE)):
        frames = {f"{n:05d}": (mask > 0).astype(np.uint8) for n in range(0, 17, 4)}
        save_video(root / "Annotations_6fps/sav_1", folder, frames)
    _write(root / "sav_val.txt", "sav_1\n")
    return root


def lvos(root: Path) -> Path:
    numbers = range(1, 37, 5)
    names = [f"{n:08d}" for n in numbers]
    objects = {"1": _range(1, 41, 8), "3": _range(11, 36, 5)}
    for video in ("seenvid1", "R3UJGYwy"):
        photos(root / "JPEGImages" / video, names)
        masks = {name: TWO if 11 <= n < 36 else FIRST for n, name in zip(numbers, names)}
        save_video(root / "Annotations", video, masks)
    _write(
        root / "valid_meta.json", json.dumps({"videos": {v: {"objects": objects} for v in ("seenvid1", "R3UJGYwy")}})
    )
    return root


def mose(root: Path) -> Path:
    for video in ("0a", "0b"):
        photos(root / "JPEGImages" / video, [f"{n:05d}" for n in range(4)])
        save_video(root / "Annotations", video, {"00000": TWO})
    return root


def vost(root: Path) -> Path:
    names = [f"frame{n:05d}" for n in (12, 24, 36, 48, 60, 600)]
    photos(root / "JPEGImages/1_cut_onion", names)
    save_video(root / "Annotations", "1_cut_onion", dict.fromkeys(names, FIRST + ids((255, 30, 40, 38, 55))))
    _write(root / "ImageSets/val.txt", "1_cut_onion\n")
    return root


def pumavos(root: Path) -> Path:
    names = [f"frame_{n:06d}" for n in range(4)]
    photos(root / "JPEGImages/vlog", names)
    save_video(root / "Annotations", "vlog", {names[0]: empty(), names[1]: FIRST, names[2]: TWO, names[3]: TWO})
    return root


def youtube_vos(root: Path) -> Path:
    names = [f"{n:05d}" for n in range(0, 25, 5)]
    photos(root / "JPEGImages/003234408d", names)
    save_video(root / "Annotations", "003234408d", {"00005": FIRST, "00015": LATE})
    objects = {"1": {"category": "cow", "frames": ["00005", "00010"]}, "3": {"frames": ["00015"]}}
    _write(root / "meta.json", json.dumps({"videos": {"003234408d": {"objects": objects}}}))
    return root


def lasot(root: Path) -> Path:
    folder = root / "cat" / "cat-1"
    photos(folder / "img", [f"{n:08d}" for n in range(1, 7)])
    _write(folder / "groundtruth.txt", "".join(f"{5 + n},8,12,12\n" for n in range(6)))
    _write(folder / "full_occlusion.txt", "0,0,0,1,0,0\n")
    _write(folder / "out_of_view.txt", "0,0,0,0,0,0\n")
    _write(root / "testing_set.txt", "cat-1\n")
    return root


def got10k(root: Path, first_only: bool = False) -> Path:
    folder = root / "GOT-10k_Val_000001"
    photos(folder, [f"{n:08d}" for n in range(1, 7)])
    count = 1 if first_only else 6
    _write(folder / "groundtruth.txt", "".join(f"{5 + n}.0,8.0,12.0,12.0\n" for n in range(count)))
    _write(folder / "cover.label", "8\n8\n8\n0\n8\n8\n")
    _write(folder / "meta_info.ini", f"[METAINFO]\nresolution: ({WIDTH}, {HEIGHT})\n")
    _write(root / "list.txt", folder.name + "\n")
    return root


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def _range(start: int, end: int, count: int) -> dict[str, dict[str, str]]:
    return {"frame_range": {"start": str(start), "end": str(end), "frame_nums": str(count)}}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
