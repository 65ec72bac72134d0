"""Maps the names of SAM 2's configuration files to presets."""

from __future__ import annotations

import re

from sam2long.errors import CheckpointError

_SIZES = {"t": "tiny", "s": "small", "b+": "base-plus", "l": "large"}
_CONFIG = re.compile(r"(?:.*/)?(sam2(?:\.1)?)_hiera_(t|s|b\+|l)(?:\.yaml)?")

_EFFICIENTTAM = re.compile(r"(?:.*/)?efficienttam_(s|ti)(?:_(1|2|512)(?:x512)?)?\.yaml")

_RELATIVES = (
    (re.compile(r"(?:.*/)?edgetam\.yaml"), "edgetam"),
    (re.compile(r"(?:.*/)?sam2\.1_hiera_t512(?:\.yaml)?"), "medsam2"),
)
"""Configuration files of EdgeTAM and MedSAM2."""


def preset_of(config_file: str) -> str:
    """Return the preset of a configuration file such as "configs/sam2.1/sam2.1_hiera_l.yaml".

    Any name that is not a YAML file is returned unchanged, for `load_model`.

    Raises:
        CheckpointError: a YAML file that is not one of SAM 2's.
    """
    for pattern, preset in _RELATIVES:
        if pattern.fullmatch(config_file):
            return preset
    found = _EFFICIENTTAM.fullmatch(config_file)
    if found:
        return "-".join(["efficienttam", *(part for part in found.groups() if part)])
    found = _CONFIG.fullmatch(config_file)
    if found:
        family, size = found.groups()
        return f"{family}-hiera-{_SIZES[size]}"
    if config_file.endswith((".yaml", ".yml")):
        raise CheckpointError(
            f"configuration {config_file!r} is not one of SAM 2's; use sam2.1_hiera_l.yaml (or t, s, b+; or"
            " sam2_hiera_...), a preset such as 'sam2.1-hiera-large', or 'nano'"
        )
    return config_file
