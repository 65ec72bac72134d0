"""The kinds of scenes: easy ones, each difficulty apart, and all of them together."""

from __future__ import annotations

from dataclasses import replace

from sam2long.synthetic.cast import Traits

_HARD = Traits(
    radius=(0.07, 0.13),
    pace=(0.006, 0.02),
    strangers=(1, 4),
    twins=(0, 0),
    clutter=(5, 25),
    liveliness=(0.3, 1.0),
    wear=(0.2, 1.0),
    foreground=0.25,
)

TRAITS: dict[str, Traits] = {
    "easy": Traits(
        radius=(0.1, 0.2),
        pace=(0.004, 0.012),
        strangers=(0, 3),
        twins=(0, 0),
        clutter=(0, 15),
        liveliness=(0.1, 0.7),
        wear=(0.0, 0.6),
        foreground=0.0,
    ),
    "occlusion": replace(_HARD, twins=(0, 2), events=("sweep", "sweep", "hide", "hide", "half_cover", "glimpse")),
    "lookalike": replace(_HARD, twins=(2, 4), events=("encounter", "encounter", "half_cover", "glimpse", "hide")),
    "exit": replace(_HARD, twins=(0, 2), events=("leave", "leave", "encounter")),
    "long": replace(
        _HARD, twins=(1, 3), events=("sweep", "hide", "leave", "encounter", "half_cover", "glimpse"), gap=(30, 110)
    ),
    "mixed": replace(
        _HARD,
        radius=(0.06, 0.2),
        twins=(0, 3),
        events=("sweep", "hide", "leave", "encounter", "half_cover", "glimpse"),
    ),
}

KINDS = tuple(TRAITS)
