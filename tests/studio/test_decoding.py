"""Which frames are decoded for what is asked, in which order, and that a frame is decoded once."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sam2long.errors import VideoError
from sam2long.studio import proxies
from sam2long.studio.decoding import BusyError, Line, Urgency
from sam2long.studio.frames import FrameImages
from sam2long.video import Frame, VideoSource

COUNT = 1000


class Slow(VideoSource):
    """Gives frames one by one, each after `gate` has been opened; `read` has the numbers of those given."""

    name, height, width, fps = "slow", 8, 16, 24.0

    def __init__(self):
        self.read, self.passes = [], 0
        self.gate = threading.Semaphore(0)

    @property
    def frame_count(self):
        return COUNT

    def frame(self, index):
        self.gate.acquire()
        if index == 666:
            raise VideoError("frame 666 cannot be read")
        self.read.append(index)
        return Frame(index, index / 24, np.full((self.height, self.width, 3), index % 256, np.uint8))

    def frames(self, start=0, stop=None, step=1):
        self.passes += 1
        return super().frames(start, stop, step)

    def let_go(self, frames=10_000):
        self.gate.release(frames)


@pytest.fixture
def source():
    source = Slow()
    yield source
    source.let_go()


@pytest.fixture
def line(source):
    line = Line(source)
    yield line
    line.close()


def begun(source, line):
    """A line that is busy with frame 0, so that what is asked next waits."""
    first = line.ask(0, Urgency.NOW)
    while line._pass is None:
        threading.Event().wait(0.005)
    return first


def order(source, *futures):
    """Open the gate, and return the frames in the order in which they came."""
    came, lock = [], threading.Lock()

    def note(future):
        with lock:
            came.append(future.result().index)

    for future in futures:
        future.add_done_callback(note)
    source.let_go()
    for future in futures:
        future.result(10)
    return came


def test_the_newest_shown_frame_comes_first_and_what_follows_it_in_the_same_pass(source, line):
    first = begun(source, line)
    shown = [line.ask(frame, Urgency.NOW) for frame in (100, 300, 200)]
    soon = line.ask(202, Urgency.SOON)
    assert order(source, first, *shown, soon)[:2] == [0, 200]
    assert source.passes <= 5 and source.read.count(201) == 1


def test_what_nobody_waits_for_any_more_is_not_decoded(source, line):
    first = begun(source, line)
    gone, wanted = line.ask(500, Urgency.NOW), line.ask(100, Urgency.SOON)
    assert gone.cancel()
    order(source, first, wanted)
    assert not any(400 < frame < 600 for frame in source.read)


def test_a_frame_is_decoded_once_for_all_who_ask(source, line):
    first = begun(source, line)
    futures = [line.ask(50, Urgency.NOW) for _ in range(3)]
    order(source, first, *futures)
    assert line.ask(50, Urgency.NOW).result(10) is futures[0].result()
    assert source.read.count(50) == 1


def test_stepping_back_needs_one_pass_for_several_frames(source, line):
    source.let_go()
    for frame in range(80, 71, -1):
        line.ask(frame, Urgency.NOW).result(10)
    assert source.passes <= 3 and len(source.read) <= 14


def test_longest_waiting_are_dropped(source, line):
    first = begun(source, line)
    futures = [line.ask(20 * number, Urgency.NOW) for number in range(1, 12)]
    source.let_go()
    dropped = [isinstance(future.exception(10), BusyError) for future in futures]
    assert dropped == sorted(dropped, reverse=True) and 0 < sum(dropped) < len(dropped)
    first.result(10)


def test_an_error_is_told_and_the_next_frame_comes(source, line):
    source.let_go()
    with pytest.raises(VideoError, match="666"):
        line.ask(666, Urgency.NOW).result(10)
    assert line.ask(667, Urgency.NOW).result(10).index == 667


def test_a_shown_frame_stops_what_is_wanted_in_advance(source):
    near = Line(source)
    far = Line(source, after=near)
    shown = begun(source, near)
    ahead = far.ask(900, Urgency.SOON)
    source.let_go(1)
    shown.result(10)
    source.let_go()
    assert ahead.result(10).index == 900 and source.read[0] == 0
    far.close()
    near.close()


def test_a_new_shown_frame_drops_the_surroundings_of_the_old_one(source, tmp_path, monkeypatch):
    monkeypatch.setattr(proxies, "_REST", 1e9)
    images = FrameImages(source, tmp_path)

    async def look():
        first = asyncio.create_task(images.get(0, 16, Urgency.NOW))
        await asyncio.sleep(0.05)
        old = [asyncio.create_task(images.get(frame, 16, Urgency.SOON)) for frame in (490, 510, 520)]
        thumbnail = asyncio.create_task(images.get(700, 16, Urgency.LATER))
        await asyncio.sleep(0.05)
        shown = asyncio.create_task(images.get(100, 16, Urgency.NOW))
        await asyncio.sleep(0.05)
        source.let_go()
        assert all(isinstance(error, BusyError) for error in await asyncio.gather(*old, return_exceptions=True))
        for task in (first, shown, thumbnail):
            assert (await task).data[:2] == b"\xff\xd8"
        assert images.decoded(100).result(10).index == 100 and source.read.count(100) == 1

    # In a thread of its own, since Playwright's loop may be running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, look()).result(20)
    images.close()
