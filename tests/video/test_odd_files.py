"""Files that are whole, but not laid out as most are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sam2long.errors import VideoError
from sam2long.video import open_video
from tests.video.pictures import HEIGHT, WIDTH, number_of, picture


def with_empty_packets(path: Path, name: str) -> Path:
    """Copy the packets of a clip, with an empty one behind every fifth."""
    result = path.with_name(name)
    with av.open(str(path)) as source, av.open(str(result), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            put(target, stream, packet, number * 2)
            if number % 5 == 4:
                put(target, stream, av.Packet(b""), number * 2 + 1)
    return result


def put(target: av.container.OutputContainer, stream: av.VideoStream, packet: av.Packet, pts: int) -> None:
    """Write a packet, shown after `pts` fiftieths of a second."""
    packet.stream, packet.time_base = stream, Fraction(1, 50)
    packet.pts = packet.dts = pts
    target.mux(packet)


def without_sample(path: Path, number: int) -> Path:
    """Give the bytes of one sample of a QuickTime file to the sample before it, so that it is empty itself."""
    data = bytearray(path.read_bytes())
    entry = data.index(b"stsz") + 16 + 4 * number
    before, own = (int.from_bytes(data[at : at + 4], "big") for at in (entry - 4, entry))
    data[entry - 4 : entry + 4] = (before + own).to_bytes(4, "big") + bytes(4)
    result = path.with_name("gap.mov")
    result.write_bytes(data)
    return result


def with_empty_chunks(path: Path) -> Path:
    """Put a chunk without bytes behind every fifth of an AVI file, as programs do that drop frames."""
    data = path.read_bytes()
    movi = data.index(b"movi") - 8
    size = int.from_bytes(data[movi + 4 : movi + 8], "little")
    chunks, place, number = data[movi + 12 : movi + 8 + size], 0, 0
    body, index = b"", b""
    while place < len(chunks):
        name, length = chunks[place : place + 4], int.from_bytes(chunks[place + 4 : place + 8], "little")
        entries = [(chunks[place : place + 8 + length + length % 2], length, 16)]
        entries += [(name + bytes(4), 0, 0)] * (number % 5 == 4)
        for chunk, bytes_of_it, flags in entries:
            index += name + b"".join(n.to_bytes(4, "little") for n in (flags, len(body) + 4, bytes_of_it))
            body += chunk
        place, number = place + len(entries[0][0]), number + 1
    parts = data[12:movi] + b"LIST" + (len(body) + 4).to_bytes(4, "little") + b"movi" + body
    parts += b"idx1" + len(index).to_bytes(4, "little") + index
    result = path.with_name("dropped.avi")
    result.write_bytes(b"RIFF" + (len(parts) + 4).to_bytes(4, "little") + b"AVI " + parts)
    return result


def record(
    path: Path,
    codec: str = "libx264",
    count: int = 20,
    *,
    first: int = 0,
    start: int = 0,
    pix_fmt: str = "yuv420p",
    aspect: Fraction | None = None,
    **options: str,
) -> Path:
    """Pictures that begin with number `first`, at a clock that begins at frame `start`; 25 per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={k.replace("_", "-"): v for k, v in options.items()})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, pix_fmt
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(first + number), format="rgb24")
            frame.pts = start + number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def joined(path: Path, parts: list[Path]) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def turned(path: Path) -> Path:
    """Turn an mp4 file by a quarter, in the header of its track."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 44
    for offset, value in ((0, 0), (4, 1), (12, -1), (16, 0)):
        data[start + offset : start + offset + 4] = (value << 16).to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path


def check_every_way(path: Path, expected: list[int]) -> None:
    """Forward, backward, from the middle and one by one: the pictures `expected`, with rising times."""
    source = open_video(path)
    assert source.frame_count == len(expected)
    forward = list(source.frames())
    assert [number_of(frame.image) for frame in forward] == expected
    assert np.all(np.diff([frame.time for frame in forward]) > 0)
    assert source.stopped_early is None
    fresh = open_video(path)
    backward = list(fresh.frames(len(expected) - 1, None, -1))[::-1]
    assert [number_of(frame.image) for frame in backward] == expected
    assert [frame.time for frame in backward] == [frame.time for frame in forward]
    middle = len(expected) // 2
    one = open_video(path).frame(middle)
    assert (number_of(one.image), one.time) == (expected[middle], forward[middle].time)


@pytest.mark.parametrize("name", ["empty.nut"])
def test_empty_packets_carry_no_frame(make_clip, name):
    path = make_clip("clip.mov", "mjpeg", 30, pix_fmt="yuvj420p")
    check_every_way(with_empty_packets(path, name), list(range(30)))


def test_empty_samples_carry_no_frame(make_clip):
    path = make_clip("clip.mov", "mjpeg", 30, pix_fmt="yuvj420p")
    check_every_way(without_sample(path, 10), [n for n in range(30) if n != 10])


def test_empty_chunks_take_time_but_carry_no_frame(make_clip):
    source = open_video(with_empty_chunks(make_clip("clip.avi", "mjpeg", 30, pix_fmt="yuvj420p")))
    check_every_way(source.path, list(range(30)))
    np.testing.assert_allclose([frame.time for frame in source.frames()], [(n + n // 5) / 25 for n in range(30)])


JOINED = {
    "h264": ("clip.ts", "libx264", {"g": "10", "bf": "3"}),
    "open-gop": ("clip.ts", "libx264", {"g": "10", "bf": "3", "x264_params": "open-gop=1"}),
    "mpeg2": ("clip.ts", "mpeg2video", {"g": "10", "bf": "2", "b": "4M"}),
    "program-stream": ("clip.mpg", "mpeg2video", {"g": "10", "b": "4M"}),
    "matroska": ("clip.mkv", "libx264", {"g": "10", "bf": "3"}),
    "vp8": ("clip.webm", "libvpx", {"b": "2M"}),
    "raw": ("clip.h264", "libx264", {}),
    "mjpeg": ("clip.avi", "mjpeg", {"pix_fmt": "yuvj420p"}),
}


@pytest.mark.parametrize("kind", JOINED)
@pytest.mark.parametrize("counts", [(30, 20), (12, 30, 9)], ids=["two", "three"])
def test_joined_recordings_go_on(tmp_path, kind, counts):
    name, codec, options = JOINED[kind]
    parts = [
        record(tmp_path / f"{part}{name}", codec, count, first=sum(counts[:part]), **options)
        for part, count in enumerate(counts)
    ]
    path = joined(tmp_path / name, parts)
    count = sum(counts)
    if kind in ("matroska", "vp8") and len(counts) > 2:  # FFmpeg reads two segments at most
        source = open_video(path)
        assert len(list(source.frames())) == count - counts[-1]
        assert "joined from several files" in source.stopped_early
        return
    check_every_way(path, list(range(count)))
    source = open_video(path)
    np.testing.assert_allclose([frame.time for frame in source.frames()], [n / 25 for n in range(count)], atol=0.0011)
    for number in (count - 1, counts[0] - 1, counts[0], 3):
        assert number_of(source.frame(number).image) == number


@pytest.mark.parametrize("hours", [-0.5, -20, 0.01, 3])
def test_joined_recordings_with_distant_clocks(tmp_path, hours):
    start = 25 * 3600
    one = record(tmp_path / "one.ts", start=start, g="10")
    other = record(tmp_path / "other.ts", first=20, start=start + round(25 * 3600 * hours), g="10")
    path = joined(tmp_path / "joined.ts", [one, other])
    check_every_way(path, list(range(40)))
    np.testing.assert_allclose([frame.time for frame in open_video(path).frames()], [n / 25 for n in range(40)])


def test_a_recording_before_the_other_on_the_same_clock(tmp_path):
    one = record(tmp_path / "one.ts", start=75, g="10")
    other = record(tmp_path / "other.ts", first=20, start=25, g="10")  # has earlier times, but comes later
    path = joined(tmp_path / "joined.ts", [one, other])
    assert number_of(open_video(path).frame(25).image) == 25
    check_every_way(path, list(range(40)))


def test_joined_files_that_ffmpeg_does_not_read(tmp_path):
    one = record(tmp_path / "one.mp4", count=10)
    source = open_video(joined(tmp_path / "joined.mp4", [one, one]))
    assert len(list(source.frames())) == 10 == source.frame_count
    assert "joined from several files" in source.stopped_early and "up to frame 9" in source.stopped_early


@pytest.mark.parametrize("spoil", ["counter", "error flag"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_packets_that_are_flagged_corrupt_but_whole(make_clip, spoil, codec):
    path = make_clip("clip.ts", codec, 60, g="20", bf="2")
    data = bytearray(path.read_bytes())
    packets = [at for at in range(0, len(data), 188) if data[at + 1] & 0x5F == 0x41 and data[at + 2] == 0]
    for at in packets[20:23] + packets[40:41]:  # they begin a picture of the video
        if spoil == "counter":
            data[at + 3] ^= 0x05
        else:
            data[at + 1] |= 0x80
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert any(packet.is_corrupt for packet in container.demux(video=0))
    check_every_way(path, list(range(60)))


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_packets_that_are_lost(make_clip, codec):
    path = make_clip("clip.ts", codec, 100, g="20", bf="2", b="2M")
    data = bytearray(path.read_bytes())
    for at in (188 * 60, 188 * 100):
        del data[at : at + 188 * 5]
    path.write_bytes(data)
    one = open_video(path).frame(70)  # before anything is known about the damage
    source = open_video(path)
    frames = list(source.frames())
    assert 70 < len(frames) == source.frame_count
    assert np.all(np.diff([frame.time for frame in frames]) > 0)
    assert (one.time, number_of(one.image)) == (frames[70].time, number_of(frames[70].image))
    backward = [frame.time for frame in source.frames(len(frames) - 1, None, -1)]
    assert backward[::-1] == [frame.time for frame in frames]


def test_a_damaged_end_is_told(make_clip):
    path = make_clip("clip.mkv", "libvpx-vp9", 40, g="10", lag_in_frames="0")
    with av.open(str(path)) as source, av.open(str(path.with_name("bad.mkv")), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            spoilt = packet if number < 30 else av.Packet(b"\xff" * packet.size)
            spoilt.pts, spoilt.dts, spoilt.time_base = packet.pts, packet.dts, packet.time_base
            spoilt.stream = stream
            target.mux(spoilt)
    bad = open_video(path.with_name("bad.mkv"))
    assert [number_of(frame.image) for frame in bad.frames()] == list(range(30))
    assert "cannot be decoded after frame 29" in bad.stopped_early


@pytest.mark.parametrize("name", ["clip.mkv", "clip.mp4", "clip.ts", "clip.mov"])
def test_the_shape_of_pixels(tmp_path, name):
    path = record(tmp_path / name, aspect=Fraction(64, 45))
    source = open_video(path)
    assert (source.height, source.width, source.pixel_aspect) == (48, 64, Fraction(64, 45))
    assert source.frame(0).image.shape == (48, 64, 3)
    if path.suffix in (".mp4", ".mov"):
        source = open_video(turned(path))
        assert (source.height, source.width, source.pixel_aspect) == (64, 48, Fraction(45, 64))
    assert open_video(record(tmp_path / "square.mp4", count=2)).pixel_aspect == 1
    assert open_video(np.zeros((1, 4, 4, 3), np.uint8)).pixel_aspect == 1


@pytest.mark.parametrize("place", [4, 5, 40, 41, 42, 47, 48])
def test_lengths_that_make_no_sense(make_clip, place):
    path = make_clip("clip.mkv", count=10)
    data = bytearray(path.read_bytes())
    data[place : place + 8] = b"\x01" + b"\x7f" * 7  # EBML: 72 thousand terabytes
    path.write_bytes(data)
    try:
        source = open_video(path)
    except VideoError:
        return
    assert all(frame.image.shape == (HEIGHT, WIDTH, 3) for frame in source.frames())
