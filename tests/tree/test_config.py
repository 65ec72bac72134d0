"""Settings outside their range are refused with a sentence."""

import math

import pytest

from sam2long.errors import ConfigError
from sam2long.tree import TreeConfig


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"pathways": 0}, "pathways is 0; it must be 1 or more"),
        ({"iou_threshold": 1.5}, "between 0 and 1"),
        ({"iou_threshold": math.nan}, "between 0 and 1"),
        ({"uncertainty_threshold": -1.0}, "0 or more"),
        ({"uncertainty_threshold": math.nan}, "0 or more"),
        ({"modulation": (1.05, 0.95)}, "low <= high"),
        ({"modulation": (0.0, 1.0)}, "0 < low"),
        ({"modulation": (0.9, math.inf)}, "two numbers"),
    ],
)
def test_out_of_range(setting, message):
    with pytest.raises(ConfigError, match=message):
        TreeConfig(**setting)


def test_defaults_follow_the_paper():
    config = TreeConfig()
    assert (config.pathways, config.iou_threshold, config.uncertainty_threshold) == (3, 0.3, 2.0)
    assert config.modulation == (0.95, 1.05)
