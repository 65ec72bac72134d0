from __future__ import annotations

import os
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from sam2long.errors import ConfigError, VideoError
from sam2long.video import VideoSource, open_video
from sam2long.video.files import file_source
from sam2long.video.files.decoder import Decoder
from tests.video.pictures import number_of, picture

VARIABLE = [5000 + 7 * i * i + 20 * i for i in range(60)]  # milliseconds; does not begin at 0
H264 = {"g": "20", "bf": "3"}

KINDS = {
    "b-frames": {"name": "clip.mp4", **H264},
    "long-gop": {"name": "clip.mp4", "count": 150, "g": "1000", "bf": "3"},
    "open-gop": {"name": "clip.mkv", **H264, "x264_params": "open-gop=1"},
    "variable-rate": {"name": "clip.mp4", "milliseconds": VARIABLE, **H264},
    "variable-rate-mkv": {"name": "clip.mkv", "milliseconds": VARIABLE, **H264},
    "transport-stream": {"name": "clip.ts", **H264},
    "raw": {"name": "clip.h264", **H264},
    "avi-b-frames": {"name": "clip.avi", **H264},
    "intra-only": {"name": "clip.mov", "codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "vp8": {"name": "clip.webm", "codec": "libvpx", "b": "2M", "g": "20", "auto_alt_ref": "1", "lag_in_frames": "16"},
    "vp9": {"name": "clip.webm", "codec": "libvpx-vp9", "g": "20", "lag_in_frames": "16"},
    "gif": {"name": "clip.gif", "codec": "gif", "pix_fmt": "gray"},
}


def numbers(source: VideoSource, *span: int | None) -> list[int]:
    return [frame.index for frame in source.frames(*span)]


def same(one, other) -> bool:
    return one.index == other.index and one.time == other.time and np.array_equal(one.image, other.image)


@pytest.fixture(params=KINDS, ids=list(KINDS))
def kind(request, make_clip):
    return request.param, make_clip(**KINDS[request.param]), KINDS[request.param].get("count", 60)


def test_frames_come_in_order_and_whole(kind):
    name, path, count = kind
    source = open_video(path)
    assert (source.height, source.width, source.name, source.path) == (48, 64, "clip", path)
    assert source.frame_count == count
    frames = list(source.frames())
    assert [frame.index for frame in frames] == list(range(count))
    assert [number_of(frame.image) for frame in frames] == list(range(count))
    expected = [(t - VARIABLE[0]) / 1000 if "variable" in name else i / 25 for i, t in zip(range(count), VARIABLE * 3)]
    np.testing.assert_allclose([frame.time for frame in frames], expected, atol=0.0011)
    assert source.stopped_early is None
    assert all(frame.image.flags.c_contiguous and frame.image.dtype == np.uint8 for frame in frames)


def test_every_way_to_a_frame_gives_the_same(kind, monkeypatch):
    monkeypatch.setattr(file_source, "MOST_HELD", 16)
    _, path, count = kind
    forward = list(open_video(path).frames())
    backward = list(open_video(path).frames(count - 1, None, -1))
    assert len(backward) == count
    assert all(same(a, b) for a, b in zip(forward, reversed(backward)))
    source = open_video(path)
    for index in (count - 1, 0, 19, 20, 21, 38, 41):
        assert same(source.frame(index), forward[index])
    for span in ((7, 50, 1), (20, 60, 7), (50, 7, -1), (count - 2, 3, -9), (5, 0, -5), (3, 3, 1)):
        assert numbers(source, *span) == list(range(*span))
        assert all(same(frame, forward[frame.index]) for frame in source.frames(*span))


@pytest.mark.parametrize("name", ["long-gop", "b-frames"])
def test_backward_passes_hold_few_pictures(make_clip, monkeypatch, name):
    monkeypatch.setattr(file_source, "MOST_HELD", 8)
    held = []
    pictures = file_source.FileSource._pictures

    def spy(self, start, stop=None):
        held.append(stop - start)
        return pictures(self, start, stop)

    source = open_video(make_clip(**KINDS[name]))
    monkeypatch.setattr(file_source.FileSource, "_pictures", spy)
    list(source.frames(source.frame_count - 1, None, -1))
    assert max(held) <= 8


def test_passes_do_not_disturb_each_other(make_clip):
    source = open_video(make_clip(**H264))
    pairs = list(zip(source.frames(), source.frames(59, None, -1), source.frames(30)))
    assert [(a.index, b.index, c.index) for a, b, c in pairs] == [(i, 59 - i, 30 + i) for i in range(30)]
    assert all(number_of(frame.image) == frame.index for trio in pairs for frame in trio)


def rotated(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write (a, b, c, d) into the track header of an mp4 file: pixel (x, y) goes to (a x + c y, b x + d y)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    for offset, value in ((0, a), (4, b), (12, c), (16, d)):
        data[start + offset : start + offset + 4] = value.to_bytes(4, "big", signed=True)
    result = path.with_name("turned.mp4")
    result.write_bytes(data)
    return result


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), np.rot90),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
    ],
    ids=["clockwise", "half", "counter-clockwise", "mirrored", "upside-down"],
)
def test_rotation_metadata_is_honoured(make_clip, matrix, turn):
    path = make_clip(count=3)
    plain = open_video(path).frame(1).image
    source = open_video(rotated(path, matrix))
    image = source.frame(1).image
    assert (source.height, source.width) == image.shape[:2]
    np.testing.assert_array_equal(image, turn(plain))


def test_colours_survive(make_clip):
    corner = open_video(make_clip(count=1)).frame(0).image[3, 3]
    np.testing.assert_allclose(corner, picture(0)[3, 3], atol=12)


@pytest.mark.parametrize("kind_name", ["b-frames", "open-gop", "vp9", "avi-b-frames"])
def test_a_file_cut_short_gives_what_decodes(make_clip, kind_name):
    path = make_clip(**KINDS[kind_name])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    source = open_video(path)
    announced = source.frame_count
    decoded = [number_of(frame.image) for frame in source.frames()]
    assert 1 <= len(decoded) < 60
    assert decoded[: len(decoded) - 4] == list(range(len(decoded) - 4))  # B-frames may be missing at the cut
    assert announced == source.frame_count == len(decoded)
    assert "cut short" in source.stopped_early
    assert str(len(decoded)) in source.stopped_early
    assert len(list(open_video(path).frames(len(decoded) - 1, None, -1))) == len(decoded)


def test_a_damaged_middle_is_skipped_the_same_way_every_time(make_clip):
    path = make_clip(**H264)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(data)
    source = open_video(path)
    frames = list(source.frames())
    assert 20 <= len(frames) <= 60
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert source.frame_count == len(frames)
    backward = list(source.frames(len(frames) - 1, None, -1))
    assert all(same(a, b) for a, b in zip(frames, reversed(backward), strict=True))
    assert same(source.frame(len(frames) // 2), frames[len(frames) // 2])


def test_a_stream_that_begins_in_the_middle(make_clip):
    path = make_clip(**KINDS["transport-stream"])
    path.write_bytes(path.read_bytes()[188 * 12 :])
    source = open_video(path)
    frames = list(source.frames())
    assert frames[0].time == 0 and len(frames) == source.frame_count < 60
    backward = list(source.frames(len(frames) - 1, None, -1))
    assert all(same(a, b) for a, b in zip(frames, reversed(backward), strict=True))


@pytest.mark.parametrize("name", ["one.ts", "one.h264", "one.mjpeg"])
def test_a_change_of_size_ends_a_pass(make_clip, name):
    codec = "mjpeg" if name.endswith("mjpeg") else "libx264"
    kind = {"codec": codec, "count": 5, "pix_fmt": "yuvj420p" if codec == "mjpeg" else "yuv420p"}
    one, other = make_clip(name, **kind), make_clip("other" + name, **kind, size=(32, 32))
    one.write_bytes(one.read_bytes() + other.read_bytes())
    source = open_video(one)
    assert numbers(source) == [0, 1, 2, 3, 4]
    assert "stopped at frame 5" in source.stopped_early and "32x32" in source.stopped_early
    for index in (5, 9):
        with pytest.raises(VideoError, match=rf"frame {index} .*32x32.*64x48"):
            source.frame(index)
    assert number_of(source.frame(3).image) == 3
    backward = open_video(one)
    assert numbers(backward, 4, None, -1) == [4, 3, 2, 1, 0] and backward.stopped_early is None
    assert numbers(backward, 7, None, -1) == [] and "frame 7" in backward.stopped_early


@pytest.mark.parametrize(
    ("name", "codec"), [("a.flv", "flv1"), ("a.asf", "mpeg4"), ("a.ivf", "libvpx"), ("a.mp4", "mpeg4")]
)
def test_joined_files_of_which_ffmpeg_reads_only_the_first(make_clip, name, codec):
    path = make_clip(name, codec=codec, count=5)
    single = open_video(path)
    assert len(numbers(single)) == 5 and single.stopped_early is None
    path.write_bytes(path.read_bytes() * 2)
    joined = open_video(path)
    assert len(numbers(joined)) == 5 and "joined from several files" in joined.stopped_early


@pytest.mark.parametrize("index", [-1, 60, 1000])
def test_frames_that_do_not_exist(make_clip, index):
    source = open_video(make_clip(**H264))
    with pytest.raises(VideoError, match=f"frame {index} does not exist: clip has frames 0 to 59"):
        source.frame(index)
    with pytest.raises(VideoError, match=f"frame {index} does not exist"):
        source.frames(index)


def test_files_that_are_no_videos(tmp_path, make_clip):
    cases = {"empty.mp4": b"", "text.mp4": b"not a video\n" * 100, "noise.bin": np.random.default_rng(0).bytes(5000)}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(VideoError, match=name):
            open_video(tmp_path / name)
    with pytest.raises(VideoError, match=r"file or folder .*missing\.mp4 does not exist"):
        open_video(tmp_path / "missing.mp4")
    clip = make_clip()
    with pytest.raises(ConfigError, match="its own time stamps"):
        open_video(clip, fps=10)
    data = clip.read_bytes()
    clip.write_bytes(
        data[: int.from_bytes(data[:4], "big")] + data[data.index(b"mdat") - 4 :][:500]
    )  # its index is gone
    with pytest.raises(VideoError, match="cut short"):
        open_video(clip)


def test_sound_alone_is_no_video(tmp_path):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(VideoError, match="no video stream"):
        open_video(tmp_path / "sound.wav")


def test_a_stream_without_frames(tmp_path):
    path = tmp_path / "nothing.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(VideoError, match=r"no frame|not a video"):
        open_video(path)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere an open file cannot be deleted")
def test_a_file_that_is_deleted_while_it_is_read_is_read_to_its_end(make_clip):
    path = make_clip(**H264)
    source = open_video(path)
    frames = source.frames()
    next(frames)
    path.unlink()
    assert [frame.index for frame in frames] == list(range(1, 60)) and source.stopped_early is None


@pytest.mark.parametrize("kind_name", ["b-frames", "long-gop", "open-gop", "variable-rate"])
def test_frames_that_no_other_needs_are_left_out_on_the_way(make_clip, monkeypatch, kind_name):
    path = make_clip(**KINDS[kind_name])
    whole = list(open_video(path).frames())
    decoded = []
    frames = Decoder.frames

    def counted(self, *how):
        for frame in frames(self, *how):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(Decoder, "frames", counted)
    source, needed = open_video(path), 0
    for index in range(1, len(whole)):
        key = source._index.get().key_at_or_before(index)
        needed += index - key + 1
        assert same(source.frame(index), whole[index])
    assert len(decoded) < 0.7 * needed


def test_a_stream_that_cannot_be_hurried_through_is_read_whole(make_clip, monkeypatch):
    path = make_clip(**KINDS["b-frames"])
    whole = list(open_video(path).frames())
    frames = Decoder.frames

    def broken(self, hurry_to=None):
        pictures = frames(self, hurry_to)
        return pictures if hurry_to is None else (one for one in pictures if one.pts > hurry_to)

    monkeypatch.setattr(Decoder, "frames", broken)
    source = open_video(path)
    assert all(same(source.frame(index), whole[index]) for index in range(len(whole)))
    assert not source._index.damaged
