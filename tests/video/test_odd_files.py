"""Files that are whole, but not laid out as most are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import number_of

from sam2long.video import open_video


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
