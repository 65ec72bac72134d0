"""Scene cuts of a session: where they were detected, and what they mean for tracking."""

from __future__ import annotations

from dataclasses import dataclass, field

from sam2long.errors import ConfigError
from sam2long.video import Frame, VideoSource
from sam2long.video.cuts import FRAMES_COMPARED, CutDetector

MODES = ("keep", "pause", "stop")


@dataclass
class SceneCuts:
    """The scene cuts found so far.

    Attributes:
        mode: what a cut means: "keep" tracks on as if there were none; "pause" remembers nothing of an object behind a
            cut until it is found again; "stop" ends tracking before the first frame of the new scene.
        found: (direction, frame) of every first frame of a new scene; the direction is 1 forward and -1 backward.

    Raises:
        ConfigError: the mode is unknown.
    """

    mode: str = "keep"
    found: set[tuple[int, int]] = field(default_factory=set)
    _detector: CutDetector = field(default_factory=CutDetector)
    _latest: tuple[int, int] | None = None  # direction and number of the latest frame that the detector has seen

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"cuts is {self.mode!r}; it must be one of {', '.join(MODES)}")

    def begins_scene(self, frame: Frame, before: int | None, stride: int, source: VideoSource) -> bool:
        """Whether a scene begins with a frame that is to be visited.

        Args:
            frame: the frame.
            before: the frame that the propagation visited before it, or None if it starts here.
            stride: step from one visited frame to the next, negative when going backward.
            source: the video, of which a few frames are decoded again if the detector has not seen those before.
        """
        sign = 1 if stride > 0 else -1
        if (sign, frame.index) != self._latest:
            if before is None or (sign, before) != self._latest:
                self._detector = CutDetector()
                self._look_back(frame.index, stride, source)
            if self._detector.is_cut(frame.image):
                self.found.add((sign, frame.index))
            self._latest = sign, frame.index
        return (sign, frame.index) in self.found

    def _look_back(self, frame: int, stride: int, source: VideoSource) -> None:
        count = source.frame_count
        steps = frame // stride if stride > 0 else ((count or 0) - 1 - frame) // -stride
        steps = min(FRAMES_COMPARED, steps)
        if source.seekable and steps > 0:
            for earlier in source.frames(frame - steps * stride, frame, stride):
                self._detector.is_cut(earlier.image)
