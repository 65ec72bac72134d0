"""PyAV before 17.1 crashes where a live stream is opened again, so live sources refuse it."""

from __future__ import annotations

import pytest

from sam2long.errors import VideoError
from sam2long.video.live.live_source import check_pyav


@pytest.mark.parametrize("version", ["17.1.0", "18.0.0rc1", "20.0"])
def test_recent_versions_will_do(version: str) -> None:
    check_pyav(version)


@pytest.mark.parametrize("version", ["15.0.0", "17.0.1"])
def test_old_versions_are_refused(version: str) -> None:
    with pytest.raises(VideoError, match=rf"need PyAV 17\.1 or later, and this is {version}: pip install"):
        check_pyav(version)
