"""The figures that papers and repositories have published, row by row with their sources."""

from __future__ import annotations

from dataclasses import dataclass

SAM2LONG_README = "SAM2Long repository, README; J and F as in arXiv 2410.16268"
SAM2LONG_PAPER = "arXiv 2410.16268, tables"
SAM2_README = "SAM 2 repository, README, released checkpoints"
EDGETAM = "EdgeTAM repository, README"
SEC = "SeC repository, README"
SAM2_PAPER = "SAM 2 paper; training mix with open data sets, not reproducible with the released weights"
SAMURAI_ISSUE = "SAMURAI repository, issue 119, run by a third party"
UNCONFIRMED = "a third party's leaderboard, unconfirmed"


@dataclass(frozen=True)
class PublishedRow:
    """One published result, in percent.

    Attributes:
        dataset: title of the data set, as in `Benchmark.title`.
        method: with its size.
        score: J&F, or the main figure of the data set.
        j, f: where they were published.
        rule: evaluator it was scored by, as far as that is known.
        source: where it was published.
        groups: further figures by the names that the evaluator gives them.
    """

    dataset: str
    method: str
    score: float
    j: float | None
    f: float | None
    rule: str
    source: str
    groups: tuple[tuple[str, float], ...] = ()


_VAL, _TEST, _LVOS = "SA-V val", "SA-V test", "LVOS v2 val"

# J&F, J, F on SA-V val, SA-V test and LVOS v2 val
_RERUNS: tuple[tuple[str, tuple[tuple[float, float, float], ...]], ...] = (
    ("SAM2-T", ((73.5, 70.1, 76.9), (74.6, 71.1, 78.0), (77.8, 74.5, 81.2))),
    ("SAM2-S", ((73.0, 69.7, 76.3), (74.6, 71.0, 78.1), (79.7, 76.2, 83.3))),
    ("SAM2-B+", ((75.4, 71.9, 78.8), (74.6, 71.2, 78.1), (80.2, 76.8, 83.6))),
    ("SAM2-L", ((76.3, 73.0, 79.5), (75.5, 72.2, 78.9), (83.0, 79.6, 86.4))),
    ("SAM2.1-T", ((75.1, 71.6, 78.6), (76.3, 72.7, 79.8), (81.6, 77.9, 85.2))),
    ("SAM2.1-S", ((76.9, 73.5, 80.3), (76.9, 73.3, 80.5), (82.1, 78.6, 85.6))),
    ("SAM2.1-B+", ((78.0, 74.6, 81.5), (77.7, 74.2, 81.2), (83.1, 79.6, 86.5))),
    ("SAM2.1-L", ((78.6, 75.1, 82.0), (79.6, 76.1, 83.2), (84.0, 80.7, 87.4))),
    ("SAM2.1Long-L", ((81.1, 77.5, 84.7), (81.2, 77.6, 84.9), (85.3, 81.9, 88.8))),
)

# J&F on SA-V test, MOSE val and LVOS v2 val
_RELEASED: tuple[tuple[str, tuple[float, float, float]], ...] = (
    ("SAM2-T", (75.0, 70.9, 75.3)),
    ("SAM2-S", (74.9, 71.5, 76.4)),
    ("SAM2-B+", (74.7, 72.8, 75.8)),
    ("SAM2-L", (76.0, 74.6, 79.8)),
    ("SAM2.1-T", (76.5, 71.8, 77.3)),
    ("SAM2.1-S", (76.6, 73.5, 78.3)),
    ("SAM2.1-B+", (78.2, 73.7, 78.2)),
    ("SAM2.1-L", (79.5, 74.6, 80.6)),
)

_OTHERS = (
    PublishedRow("LVOS v1 val", "SAM2-L", 77.9, None, None, "", SAM2LONG_PAPER),
    PublishedRow("LVOS v1 val", "SAM2.1-L", 80.2, 75.4, 84.9, "", SAM2LONG_PAPER),
    PublishedRow("LVOS v1 val", "SAM2.1Long-L", 83.4, None, None, "", SAM2LONG_PAPER),
    PublishedRow(_LVOS, "SAM2-L", 79.8, None, None, "lvos", SAM2LONG_PAPER),
    PublishedRow(
        _LVOS,
        "SAM2.1-L",
        84.1,
        None,
        None,
        "lvos",
        SAM2LONG_PAPER,
        (("J seen", 80.7), ("F seen", 87.4), ("J unseen", 80.6), ("F unseen", 87.7)),
    ),
    PublishedRow(_LVOS, "SAM2.1Long-L", 85.9, None, None, "lvos", SAM2LONG_PAPER),
    PublishedRow("MOSE val", "SAM2.1-L", 74.5, 70.6, 78.4, "", SAM2LONG_PAPER),
    PublishedRow("MOSE val", "SAM2.1Long-L", 75.2, None, None, "", SAM2LONG_PAPER),
    PublishedRow("VOST val", "SAM2.1-L", 53.1, 47.8, 58.3, "sav", SAM2LONG_PAPER),
    PublishedRow("VOST val", "SAM2.1Long-L", 54.0, None, None, "sav", SAM2LONG_PAPER),
    PublishedRow("PUMaVOS", "SAM2.1-L", 81.1, 78.5, 83.7, "sav", SAM2LONG_PAPER),
    PublishedRow("PUMaVOS", "SAM2.1Long-L", 82.4, None, None, "sav", SAM2LONG_PAPER),
    PublishedRow(_VAL, "SAMURAI-L", 79.8, 75.9, 83.6, "sav", SAMURAI_ISSUE),
    PublishedRow(_TEST, "SAMURAI-L", 80.0, 76.2, 83.9, "sav", SAMURAI_ISSUE),
    PublishedRow("DAVIS 2017 val", "SAM2.1-L", 90.6, None, None, "davis", SEC),
    PublishedRow("YouTube-VOS 2019 val", "SAM2.1-L", 88.7, None, None, "", SEC),
    PublishedRow(_VAL, "SAM2-B+", 73.6, None, None, "sav", EDGETAM),
    PublishedRow(_TEST, "SAM2-B+", 74.1, None, None, "sav", EDGETAM),
    PublishedRow("MOSE val", "SAM2-B+", 75.8, None, None, "", EDGETAM),
    PublishedRow("DAVIS 2017 val", "SAM2-B+", 90.9, None, None, "davis", EDGETAM),
    PublishedRow("YouTube-VOS 2019 val", "SAM2-B+", 88.4, None, None, "", EDGETAM),
    PublishedRow(_VAL, "SAM2.1-B+", 76.8, None, None, "sav", EDGETAM),
    PublishedRow(_TEST, "SAM2.1-B+", 77.0, None, None, "sav", EDGETAM),
    PublishedRow("MOSE val", "SAM2.1-B+", 76.6, None, None, "", EDGETAM),
    PublishedRow("DAVIS 2017 val", "SAM2.1-B+", 90.2, None, None, "davis", EDGETAM),
    PublishedRow("YouTube-VOS 2019 val", "SAM2.1-B+", 88.6, None, None, "", EDGETAM),
    PublishedRow("MOSE val", "SAM2-L", 77.9, None, None, "", SAM2_PAPER),
    PublishedRow("DAVIS 2017 val", "SAM2-L", 90.7, None, None, "davis", SAM2_PAPER),
    PublishedRow(_LVOS, "SAM2-L", 78.0, None, None, "", SAM2_PAPER),
    PublishedRow(_VAL, "SAM2-L", 77.9, None, None, "sav", SAM2_PAPER),
    PublishedRow(_TEST, "SAM2-L", 78.4, None, None, "sav", SAM2_PAPER),
    PublishedRow("YouTube-VOS 2019 val", "SAM2-L", 89.3, None, None, "", SAM2_PAPER),
    PublishedRow("LaSOT test", "SAM2", 70.0, None, None, "lasot", UNCONFIRMED),
    PublishedRow("LaSOT_ext", "SAM2", 56.9, None, None, "lasot", UNCONFIRMED),
    PublishedRow("GOT-10k test", "SAM2", 80.7, None, None, "got10k", UNCONFIRMED),
)

PUBLISHED: tuple[PublishedRow, ...] = (
    *(
        PublishedRow(title, method, *scores, "sav", SAM2LONG_README)
        for method, row in _RERUNS
        for title, scores in zip((_VAL, _TEST, _LVOS), row, strict=True)
    ),
    *(
        PublishedRow(title, method, score, None, None, rule, SAM2_README)
        for method, row in _RELEASED
        for title, score, rule in zip((_TEST, "MOSE val", _LVOS), row, ("sav", "", ""), strict=True)
    ),
    *_OTHERS,
)
"""All rows there are."""


def published_rows(dataset: str, rule: str) -> list[PublishedRow]:
    """Rows of a data set by an evaluator; those whose evaluator is not known go with every one."""
    return [row for row in PUBLISHED if row.dataset == dataset and row.rule in (rule, "")]
