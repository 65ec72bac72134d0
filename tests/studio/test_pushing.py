"""Which frames are pushed while following, however fast that is."""

from types import SimpleNamespace

import numpy as np

from sam2long.results import FrameResult
from sam2long.studio import masks
from sam2long.studio.work.pushing import Pusher
from tests.studio.served import Mask


def test_frames_that_come_fast_move_the_page_on():
    pushed = []
    tab = SimpleNamespace(shown=None, width=8, push=lambda frame, coded: pushed.extend(map(Mask, coded)))
    session = SimpleNamespace(progress=SimpleNamespace(frame=None), prompts={}, undecided={})
    pusher = Pusher(session, [tab], lambda _: None)
    for frame in range(40):  # as on a fast machine: each is decided when it is visited, much faster than the pause
        session.progress.frame = frame
        pusher.visited(0)
        scores = {1: 1.0}
        pusher.decided(FrameResult(frame, frame / 24, {1: np.ones((4, 8), bool)}, scores, scores, {1: 0.0}), 0)
    pusher.rest(0)
    assert len(pushed) > 1 and pushed[-1].frame == 39
    assert all(mask.flags & masks.NEWEST for mask in pushed)
