"""Detects truncated files (interrupted downloads and copies) and files joined from several ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

MATROSKA_MAGIC = b"\x1a\x45\xdf\xa3"
FILE_STARTS = (
    re.compile(rb"FLV\x01[\x00-\x05]\x00\x00\x00\x09"),
    re.compile(rb"DKIF\x00\x00\x20\x00"),  # IVF
    re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"),  # ASF and WMV
)
"""How files of other formats begin, which FFmpeg reads only up to the next such beginning."""
_LONGEST_START = 32
_SCANNED = 1 << 20


def is_cut_short(path: Path) -> bool:
    """Return whether an MP4/MOV, Matroska/WebM or AVI file is shorter than its headers state; False if unknown."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            announced_end = _reader_for(file.read(12))
            file.seek(0)
            return announced_end is not None and announced_end(file, size) > size
    except OSError:  # the file has been deleted or unmounted meanwhile
        return False


def begins_again(path: Path, after: int) -> bool:
    """Return whether the file was joined from several and one begins after byte `after`; False if unknown."""
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_START)
            start = next((start for start in FILE_STARTS if start.match(head)), None)
            if start is None:
                return _last_recording(file, path.stat().st_size) > after
            file.seek(max(after, 1))
            return _contains(file, start)
    except OSError:  # the file has been deleted or unmounted meanwhile
        return False


def _contains(file: BinaryIO, start: re.Pattern[bytes]) -> bool:
    """Search from the current position on."""
    end_of_last = b""
    while part := file.read(_SCANNED):
        if start.search(end_of_last + part):
            return True
        end_of_last = part[-_LONGEST_START:]
    return False


def _last_recording(file: BinaryIO, size: int) -> int:
    """Return the byte offset of the last of several joined MP4/MOV or Matroska/WebM files; 0 for a single file."""
    file.seek(0)
    reader = _reader_for(file.read(12))
    file.seek(0)
    if reader is _mp4_end:
        return max((begin for kind, begin, _ in _mp4_boxes(file, size) if kind == b"ftyp"), default=0)
    begin, end = 0, 0
    while reader is _matroska_end and end < size:
        begin, end = end, _matroska_end(file, size)
        if end >= size:
            break
        file.seek(end)
        if file.read(4) != MATROSKA_MAGIC:
            break
        file.seek(end)
    return begin


def _reader_for(head: bytes) -> Callable[[BinaryIO, int], int] | None:
    if head[:4] == MATROSKA_MAGIC:
        return _matroska_end
    if head[:4] == b"RIFF":
        return _riff_end
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _mp4_end
    return None


def _mp4_end(file: BinaryIO, size: int) -> int:
    return max((end for _, _, end in _mp4_boxes(file, size)), default=0)


def _mp4_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk the top-level boxes; yields type, start and end of each.

    A box starts with a 32-bit big-endian length (1: a 64-bit length follows, 0: up to the end) and its type.
    """
    end = 0
    while end + 8 <= size:
        file.seek(end)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or not head[4:8].isalnum():  # up to the end, or padding after the last box
            length = size - end
        yield head[4:8], end, end + length
        end += length


def _riff_end(file: BinaryIO, size: int) -> int:
    """Walk the RIFF chunks (large AVI files have several): a name and a 32-bit little-endian length (0: unknown)."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or length == 0:
            return size
        end += 8 + length + length % 2
    # some writers omit the last padding byte
    return end - 1 if end == size + 1 else end


def _matroska_end(file: BinaryIO, size: int) -> int:
    """Skip the EBML header, then read the segment length; all ones means unknown (a live recording)."""
    for _ in range(2):
        name = _element_number(file, keep_marker=True)
        length = _element_number(file, keep_marker=False)
        if name is None or length is None:
            return size
        if name != int.from_bytes(MATROSKA_MAGIC, "big") or file.tell() + length > size:
            return file.tell() + length
        file.seek(length, 1)
    return size


def _element_number(file: BinaryIO, *, keep_marker: bool) -> int | None:
    """Read an EBML variable-length number; None at the end of the file, or if all its bits are ones."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    extra = 8 - first[0].bit_length()
    rest = file.read(extra)
    if len(rest) < extra:
        return None
    value = int.from_bytes(first + rest, "big")
    if keep_marker:
        return value
    marker = 1 << (7 * (extra + 1))
    return None if value == 2 * marker - 1 else value - marker
