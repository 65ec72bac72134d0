"""Parses the command-line options that control how a video is read."""

from __future__ import annotations

from sam2long.errors import ConfigError


def parse_levels(text: str | None) -> tuple[float, float] | None:
    """Parse `LOW,HIGH`; `open_video` checks that they are valid levels.

    Raises:
        ConfigError: the text is not two numbers.
    """
    if text is None:
        return None
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--levels {text}: expected LOW,HIGH, the values of black and white, such as 0,4095"
        ) from None
    return low, high
