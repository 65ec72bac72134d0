"""Follow an object in frames that arrive one by one, and act on each result soon after.

With a camera, replace `frames` by a loop over `cv2.VideoCapture(0)`; OpenCV gives BGR, so turn the colours round.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from common import setup

import sam2long

run = setup("Follow an object in live frames.")


def frames() -> Iterator[npt.NDArray[np.uint8]]:
    """Yield uint8 [height, width, 3] RGB images, as a camera would."""
    with sam2long.open_video(run.video) as video:
        for frame in video.frames():
            yield frame.image


# Nothing is kept, so the camera may run for days. A frame is decided at most 5 frames after it arrived.
session = sam2long.Session(run.model, frames(), keep_results=False, max_delay=5)
session.add_box(frame=0, object_id=1, box=(115, 47, 175, 108))

for result in session.propagate():
    rows, columns = result.masks[1].nonzero()
    if len(rows) and result.frame % 10 == 0:
        print(f"frame {result.frame}: the object is at ({columns.mean():.0f}, {rows.mean():.0f})")
