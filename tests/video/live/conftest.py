from __future__ import annotations

import av
import pytest

from sam2long.errors import VideoError
from sam2long.video.live.live_source import check_pyav


@pytest.fixture(autouse=True)
def recent_pyav() -> None:
    """Skip where live sources are refused."""
    try:
        check_pyav()
    except VideoError as error:
        pytest.skip(f"{error} (PyAV {av.__version__})")
