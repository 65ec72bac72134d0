"""Data sets of masks: their layouts, their prompts, and the evaluators that score them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sam2long.synthetic.suites import SUITES


@dataclass(frozen=True)
class Benchmark:
    """One data set; folders and files are relative to its root.

    Attributes:
        name: on the command line.
        title: in tables, and the key of its published rows.
        images: folder with a folder of pictures for each video.
        masks: the same for masks.
        video_list: file of video names, one per line; None takes the folders of `masks`.
        rules: evaluators, the main one first; none where only a server can score.
        per_object: whether masks and results have one folder per object, because objects may overlap.
        first_frame_only: prompts are the masks of the first annotated frame; otherwise every object's first mask.
        binary: masks are black and white, whatever their values.
        ignored: id that is background in the truth and never prompted.
        archive: folder at the top of the zip that a server wants, "" for none; None where there is no server.
        meta: `valid_meta.json` of LVOS or `meta.json` of YouTube-VOS, which name the objects or frames that count.
        videos: expected number of videos, if known.
    """

    name: str
    title: str
    images: str = "JPEGImages"
    masks: str = "Annotations"
    video_list: str | None = None
    rules: tuple[str, ...] = ("sav",)
    per_object: bool = False
    first_frame_only: bool = False
    binary: bool = False
    ignored: int | None = None
    archive: str | None = None
    meta: str | None = None
    videos: int | None = None


_SAV = Benchmark("sav-folder", "SA-V layout", "JPEGImages_24fps", "Annotations_6fps", per_object=True)
_LVOS = Benchmark("lvos-v2", "LVOS v2 val", rules=("lvos", "sav"), meta="valid_meta.json", videos=140)
_DAVIS = Benchmark(
    "davis-2017",
    "DAVIS 2017 val",
    "JPEGImages/480p",
    "Annotations/480p",
    "ImageSets/2017/val.txt",
    ("davis",),
    first_frame_only=True,
    ignored=255,
    videos=30,
)
_YOUTUBE = Benchmark(
    "youtube-vos-2019", "YouTube-VOS 2019 val", rules=(), archive="Annotations", meta="meta.json", videos=507
)

_REAL = (
    replace(_SAV, name="sav-val", title="SA-V val", video_list="sav_val.txt", videos=155),
    replace(_SAV, name="sav-test", title="SA-V test", video_list="sav_test.txt", videos=150),
    replace(_LVOS, name="lvos-v1", title="LVOS v1 val", videos=50),
    _LVOS,
    Benchmark("mose", "MOSE val", rules=(), first_frame_only=True, archive="", videos=311),
    Benchmark(
        "vost",
        "VOST val",
        video_list="ImageSets/val.txt",
        rules=("vost", "sav"),
        first_frame_only=True,
        ignored=255,
        videos=70,
    ),
    Benchmark("pumavos", "PUMaVOS"),
    replace(
        _DAVIS,
        name="davis-2016",
        title="DAVIS 2016 val",
        video_list="ImageSets/2016/val.txt",
        rules=("sav",),
        binary=True,
        ignored=None,
        videos=20,
    ),
    _DAVIS,
    replace(
        _DAVIS,
        name="davis-2017-test-dev",
        title="DAVIS 2017 test-dev",
        video_list="ImageSets/2017/test-dev.txt",
        rules=(),
        archive="",
    ),
    replace(_YOUTUBE, name="youtube-vos-2018", title="YouTube-VOS 2018 val", videos=474),
    _YOUTUBE,
    Benchmark("davis-folder", "DAVIS layout"),
    _SAV,
)
SYNTHETIC_PREFIX = "synthetic-"
_SYNTHETIC = tuple(
    Benchmark(f"{SYNTHETIC_PREFIX}{suite.name}", f"Synthetic {suite.name} {suite.version}", videos=len(suite.videos))
    for suite in SUITES.values()
)

BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in (*_REAL, *_SYNTHETIC)}
"""All of them by name."""
