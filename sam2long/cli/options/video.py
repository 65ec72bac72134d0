"""How a video is to be read, from the words of a command line."""

from __future__ import annotations

from sam2long.errors import ConfigError


def parse_levels(text: str | None) -> tuple[float, float] | None:
    """Reads `LOW,HIGH`; whether they are levels is `open_video`'s to say.

    Raises:
        ConfigError: not two numbers.
    """
    if text is None:
        return None
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"--levels {text}: give LOW,HIGH, the values of black and white, such as 0,4095") from None
    return low, high
