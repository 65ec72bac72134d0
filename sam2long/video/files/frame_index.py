"""Maps frame numbers to time stamps and to the key frames at which decoding can start."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.video.files.decoder import Decoder

# in VP8, invisible pictures are separate packets; AVI has only packet numbers, no time stamps
CODECS_WITH_HIDDEN_FRAMES = frozenset({"vp8"})
FORMATS_WITHOUT_TIMES = frozenset({"avi"})


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a file in presentation order; 8 bytes per frame.

    Attributes:
        count: number of frames.
        pts: int64 [count] strictly increasing time stamps; None if the stream has no usable ones, so that frames can
            only be counted from the beginning.
        keys: int64 frame numbers of key frames, increasing; the first is 0.
    """

    count: int
    pts: npt.NDArray[np.int64] | None
    keys: npt.NDArray[np.int64]

    def fits(self, frame: int, pts: int | None) -> bool:
        """Return whether frame number `frame` may have this time stamp."""
        return frame < self.count and (self.pts is None or pts == self.pts[frame])

    def key_at_or_before(self, frame: int) -> int:
        """Return the number of the last key frame at or before `frame`."""
        return int(self.keys[np.searchsorted(self.keys, frame, side="right") - 1])

    def key_at_or_after(self, frame: int) -> int | None:
        """Return the number of the first key frame at or after `frame`, or None."""
        position = int(np.searchsorted(self.keys, frame))
        return int(self.keys[position]) if position < len(self.keys) else None


def index_packets(path: Path) -> FrameIndex | None:
    """Index a file without decoding it; None if the packets do not reliably tell which frames will be decoded."""
    pts, keys = array("q"), array("q")
    latest = latest_dts = -(1 << 63)
    with Decoder(path, tolerant=False) as decoder:
        if not _one_packet_one_frame(decoder):
            return None
        for packet in decoder.packets():
            if packet.size == 0:
                continue
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                return None
            latest, dts = max(latest, packet.pts), latest_dts if packet.dts is None else packet.dts
            if dts < latest_dts or (packet.is_keyframe and packet.pts < latest):
                return None  # the time stamps start again, so sorting would not give presentation order
            latest_dts = dts
            if packet.is_keyframe:
                keys.append(packet.pts)
            pts.append(packet.pts)
    if not keys or keys[0] != min(pts):  # pictures before the first key frame may or may not decode
        return None
    return _in_order(np.sort(np.array(pts)), np.sort(np.array(keys)))


def index_frames(path: Path, *, tolerant: bool) -> FrameIndex:
    """Index a file by decoding all of it; raises DamageError unless tolerant.

    If `tolerant`, only frame 0 counts as a key frame: what decodes after damage depends on the frames before.
    """
    pts, keys = array("q"), array("q")
    count = 0
    with Decoder(path, tolerant=tolerant) as decoder:
        timed = not tolerant and decoder.container.format.name not in FORMATS_WITHOUT_TIMES
        for frame in decoder.frames():
            count += 1
            timed = timed and frame.pts is not None
            if timed:
                pts.append(frame.pts)
                if frame.key_frame or count == 1:
                    keys.append(frame.pts)
    index = _in_order(np.array(pts), np.array(keys)) if timed and count else None
    return index or FrameIndex(count, None, np.zeros(1, np.int64))


def _one_packet_one_frame(decoder: Decoder) -> bool:
    codec, container = decoder.stream.codec_context.name, decoder.container.format.name
    return codec not in CODECS_WITH_HIDDEN_FRAMES and container not in FORMATS_WITHOUT_TIMES


def _in_order(pts: npt.NDArray[np.int64], key_pts: npt.NDArray[np.int64]) -> FrameIndex | None:
    """Build an index; None unless `pts` is strictly increasing."""
    if np.any(np.diff(pts) <= 0):
        return None
    return FrameIndex(len(pts), pts, np.searchsorted(pts, key_pts))
