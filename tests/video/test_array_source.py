from __future__ import annotations

import numpy as np
import pytest

from sam2long.errors import VideoError
from sam2long.video import VideoSource, open_video

STACK = np.random.default_rng(0).integers(0, 255, (5, 8, 10, 3), dtype=np.uint8)


@pytest.mark.parametrize("source", [STACK, list(STACK)], ids=["array", "list"])
def test_arrays(source):
    video = open_video(source, fps=5)
    assert (video.frame_count, video.height, video.width, video.fps, video.path) == (5, 8, 10, 5, None)
    assert [frame.index for frame in video.frames(3, None, -1)] == [3, 2, 1, 0]
    assert all(np.array_equal(frame.image, STACK[frame.index]) for frame in video.frames(1, 9, 2))
    assert video.frame(4).time == pytest.approx(0.8)
    assert open_video(video) is video


def test_grey_arrays():
    image = open_video(STACK[..., 0]).frame(2).image
    np.testing.assert_array_equal(image, np.stack([STACK[2, :, :, 0]] * 3, axis=2))


def test_iterators_are_live():
    taken = []

    def camera():
        for number, image in enumerate(STACK):
            taken.append(number)
            yield image

    video = open_video(camera())
    assert (video.seekable, video.frame_count, video.height, video.width) == (False, None, 8, 10)
    frames = video.frames(0, 3)
    assert np.array_equal(next(frames).image, STACK[0]) and taken == [0]
    assert [frame.index for frame in frames] == [1, 2] and taken == [0, 1, 2]
    with pytest.raises(VideoError, match="only once"):
        video.frames()


def test_iterators_run_forward_only():
    video = open_video(iter(STACK))
    with pytest.raises(VideoError, match="forward"):
        video.frames(4, None, -1)
    with pytest.raises(VideoError, match="iterator"):
        video.frame(3)
    assert [frame.index for frame in video.frames(1, None, 2)] == [1, 3]


def test_closing_closes_the_iterator():
    closed = []

    def camera():
        try:
            yield from STACK
        finally:
            closed.append(True)

    with open_video(camera()) as video:
        assert isinstance(video, VideoSource)
    assert closed


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (STACK[:0], "no frames"),
        ([], "no frames"),
        (iter([]), "no frames"),
        (STACK[0], r"image\[None\]"),
        (STACK / 255, "float64"),
        (STACK[..., :2], r"\[5, 8, 10, 2\]"),
        (iter([STACK[0] / 255]), "frame 0 has dtype float64"),
        (["frame.png"], "frame 0 is a str"),
        (7, "int"),
    ],
)
def test_what_is_no_video(source, message):
    with pytest.raises(VideoError, match=message):
        open_video(source)


def test_an_odd_frame_is_named():
    odd = [STACK[0], STACK[1], STACK[2, :4]]
    for source in (odd, iter(odd)):
        with pytest.raises(VideoError, match="frame 2 is 10x4"):
            list(open_video(source).frames())


def test_frames_that_do_not_exist():
    with pytest.raises(VideoError, match="frame 5 does not exist: array has frames 0 to 4"):
        open_video(STACK).frames(5)
    with pytest.raises(ValueError):
        open_video(STACK).frames(0, 5, 0)
