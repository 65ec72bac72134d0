"""Memory of the server while a video of 20,000 frames is scrubbed from end to end, and in any order."""

import random
from pathlib import Path

import av
import numpy as np
import pytest

from tests.studio.served import Served

FRAMES = 20_000


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """20,000 small frames, each of its own grey."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25, options={"g": "50"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(FRAMES):
            image = np.full((64, 96, 3), number % 200 + 20, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        file.mux(stream.encode())
    return path


def resident(process):
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1]) * 4096


def test_memory_is_flat(long_clip, tmp_path):
    rng = random.Random(0)
    with Served(long_clip, tmp_path / "long.s2l") as served, served.tab() as tab:
        assert tab.hello["video"]["frames"] == FRAMES
        key, sizes = tab.hello["video"]["key"], []
        forward = range(0, FRAMES, 100)
        for order in (forward, [rng.randrange(FRAMES) for _ in range(200)], reversed(forward), forward):
            for frame in order:
                status, headers, _ = served.get(f"/frames/{frame}?width=96&v={key}")
                assert status == 200 and float(headers["x-time"]) == pytest.approx(frame / 25, abs=1e-3)
                assert served.get(f"/thumbnails/{(frame + 7777) % FRAMES}?v={key}")[0] == 200
            sizes.append(resident(served.process))
        # The cache of images fills at first: 400 images of about 2 kB.
        assert max(sizes) < sizes[0] + 25e6, sizes
        print(f"resident memory in MB: {[round(size / 1e6) for size in sizes]}")
