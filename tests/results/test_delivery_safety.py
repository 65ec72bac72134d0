"""Formats for other programs when a run is killed, resumed, or out of room: as safe as the masks themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PIL import Image

from sam2long.errors import OutputError
from sam2long.results.writers import open_writers
from sam2long.results.writers.annotation_files import ANNOTATION_FILES
from sam2long.results.writers.labelme import LabelmeWriter
from sam2long.results.writers.spool import Spool
from sam2long.video import open_video
from tests.results.delivered import COUNT, deliver, pictures, result
from tests.results.test_writer_safety import full

FORMATS = list(ANNOTATION_FILES)


@pytest.fixture
def source():
    return open_video(pictures(), fps=10)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
