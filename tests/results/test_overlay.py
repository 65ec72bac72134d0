from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from sam2long.results import FrameResult
from sam2long.results.drawing import Painter
from sam2long.results.films import encoder
from sam2long.results.palette import bright_colour
from sam2long.results.writers import open_writers
from sam2long.video import open_video
from tests.video.pictures import number_of

MILLISECONDS = [40 * i + 5 * (i % 3) + 700 for i in range(30)]


def write(folder, source, frames, masks):
    with open_writers(folder, ["overlay"], source, object_ids=list(masks), settings={}) as writers:
        for frame in frames:
            scores = dict.fromkeys(masks, 1.0)
            writers.write(FrameResult(frame, source.frame(frame).time, masks, scores, scores, scores))
        writers.finish()
    return open_video(folder / "overlay.mp4")


def corner(height: int, width: int):
    mask = np.zeros((height, width), bool)
    mask[-8:, -8:] = True
    return mask


@pytest.mark.parametrize("frames", [range(30), range(3, 30, 4), range(29, 2, -3), (5, 6, 7, 5, 4, 3)])
def test_frames_and_time_stamps_of_the_source(tmp_path, make_clip, frames):
    source = open_video(make_clip(count=30, milliseconds=MILLISECONDS, g="10", bf="2"))
    overlay = write(tmp_path / "out", source, frames, {1: corner(48, 64)})
    shown = sorted(set(frames))
    decoded = list(overlay.frames())
    assert [number_of(frame.image) for frame in decoded] == shown
    expected = [(MILLISECONDS[frame] - MILLISECONDS[shown[0]]) / 1000 for frame in shown]
    np.testing.assert_allclose([frame.time for frame in decoded], expected, atol=1e-3)
    red, green, _ = decoded[0].image[-5:-2, -5:-2].mean((0, 1))
    assert red > green + 30  # object 1 is drawn


def test_the_file_plays_anywhere(tmp_path):
    source = open_video(np.full((3, 47, 61, 3), 90, np.uint8))
    write(tmp_path / "out", source, range(3), {1: corner(47, 61)})
    with av.open(str(tmp_path / "out" / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (62, 48)
        assert stream.start_time == 0 and stream.average_rate == 24


def test_colours_survive_the_encoder(tmp_path):
    for colour in ((200, 40, 40), (30, 160, 60), (40, 60, 220)):
        path = tmp_path / "colour.mp4"
        film = encoder.Mp4Encoder(path, 48, 64, 25)
        film.add(np.full((48, 64, 3), colour, np.uint8), 0.0)
        film.close()
        np.testing.assert_allclose(open_video(path).frame(0).image.mean((0, 1)), colour, atol=3)


def test_without_libx264(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder.av, "codecs_available", {"mpeg4"})
    source = open_video(np.full((3, 48, 64, 3), 90, np.uint8))
    assert write(tmp_path / "out", source, range(3), {1: corner(48, 64)}).frame_count == 3
    with av.open(str(tmp_path / "out" / "overlay.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"


def test_painting():
    image = np.full((200, 300, 3), 100, np.uint8)
    mask = np.zeros((200, 300), bool)
    mask[80:160, 100:200] = True
    painted = Painter(200, 300).paint(image, {1: mask, 2: np.zeros_like(mask)})
    assert (image == 100).all()  # the frame itself is not touched
    np.testing.assert_allclose(painted[120, 150], 100 * 0.55 + bright_colour(1) * 0.45, atol=1)
    np.testing.assert_array_equal(painted[120, 100], bright_colour(1))
    changed = (painted != 100).any(axis=2)
    assert not changed[:, :90].any() and not changed[170:].any() and not changed[:, 210:].any()
    assert changed[60:78].any()  # the plate with the id, above the mask


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 200), (200, 5)])
def test_painting_tiny_frames(size):
    painted = Painter(*size).paint(np.zeros((*size, 3), np.uint8), {123456: np.ones(size, bool)})
    assert painted.shape == (*size, 3)


def test_the_smaller_id_is_on_top():
    everything = np.ones((60, 60), bool)
    painted = Painter(60, 60).paint(np.zeros((60, 60, 3), np.uint8), {2: everything, 1: everything})
    np.testing.assert_array_equal(painted[30, 0], bright_colour(1))


def test_pixels_keep_their_shape(tmp_path):
    source = open_video(np.full((2, 48, 64, 3), 90, np.uint8))
    source.pixel_aspect = Fraction(64, 45)
    write(tmp_path / "out", source, range(2), {1: corner(48, 64)})
    with av.open(str(tmp_path / "out" / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.sample_aspect_ratio == Fraction(64, 45)
        assert (stream.width, stream.height) == (64, 48)


def test_a_folder_whose_name_looks_like_a_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = open_video(np.full((2, 48, 64, 3), 90, np.uint8))
    with open_writers("run:1", ["overlay"], source, object_ids=[1], settings={}) as writers:
        writers.write(FrameResult(0, 0.0, {1: corner(48, 64)}, {1: 1.0}, {1: 1.0}, {1: 0.0}))
    assert len(list(open_video(tmp_path / "run:1" / "overlay.mp4").frames())) == 1


def test_a_folder_with_a_tilde_that_is_nobodys_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = open_video(np.full((1, 48, 64, 3), 90, np.uint8))
    with open_writers("~nobody-of-that-name", ["png"], source, object_ids=[1], settings={}) as writers:
        writers.write(FrameResult(0, 0.0, {1: corner(48, 64)}, {1: 1.0}, {1: 1.0}, {1: 0.0}))
    assert (tmp_path / "~nobody-of-that-name" / "masks" / "00000.png").exists()
