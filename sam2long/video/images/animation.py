"""Reads the frame durations of an animated WebP, PNG or GIF without decoding it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# duration in seconds that browsers give frames of zero duration
LEAST_SECONDS = 0.1
# FFmpeg, like browsers, treats shorter GIF durations as mistakes
LEAST_HUNDREDTHS = 2
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def durations(path: Path) -> list[float]:
    """Return the duration of each frame in seconds; an empty list if the file is not animated."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:8] == PNG_MAGIC:
            seconds = list(_png(file))
        elif head[:4] == b"RIFF" and head[8:] == b"WEBP":
            seconds = list(_webp(file))
        elif head[:3] == b"GIF":
            seconds = list(_gif(file))
        else:
            seconds = []
    return [value or LEAST_SECONDS for value in seconds]


def _png(file: BinaryIO) -> Iterator[float]:
    """Walk the chunks (length, type, data, checksum); each frame has an fcTL chunk with a fraction of a second."""
    file.seek(len(PNG_MAGIC))
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[:4], "big")
        end = file.tell() + length + 4
        if head[4:] == b"fcTL":
            data = file.read(24)
            yield int.from_bytes(data[20:22], "big") / (int.from_bytes(data[22:24], "big") or 100)
        file.seek(end)


def _webp(file: BinaryIO) -> Iterator[float]:
    """Walk the RIFF chunks (type, length, data, padding); each frame is an ANMF chunk with its milliseconds."""
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        end = file.tell() + length + length % 2
        if head[:4] == b"ANMF":
            yield int.from_bytes(file.read(16)[12:15], "little") / 1000
        file.seek(end)


def _gif(file: BinaryIO) -> Iterator[float]:
    """Walk the extension and image blocks; one extension holds the duration of the next image in 1/100 s."""
    file.seek(10)
    _skip_colours(file, file.read(3)[0])
    hundredths = 0
    while (kind := file.read(1)) in (b"!", b","):
        if kind == b"!":
            label = file.read(1)
            blocks = list(_sub_blocks(file))
            if label == b"\xf9" and blocks:
                hundredths = int.from_bytes(blocks[0][1:3], "little")
        else:
            _skip_colours(file, file.read(9)[8])
            file.read(1)
            for _ in _sub_blocks(file):
                pass
            yield hundredths / 100 if hundredths >= LEAST_HUNDREDTHS else 0
            hundredths = 0


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (1 + (flags & 7)), 1)


def _sub_blocks(file: BinaryIO) -> Iterator[bytes]:
    while size := int.from_bytes(file.read(1), "little"):
        yield file.read(size)
