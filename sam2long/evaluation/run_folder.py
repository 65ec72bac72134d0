"""The folder of one run: finished videos and the settings they were made with, so that a run can be resumed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from sam2long.errors import OutputError

PREDICTIONS = "predictions"
SETTINGS = "run.json"
TIMES = "times.jsonl"
LOCK = ".lock"


@dataclass(frozen=True)
class VideoTime:
    """How long a video took: frames, and seconds with decoding, tracking and writing."""

    video: str
    frames: int
    seconds: float


class RunFolder:
    """A video's results appear in `predictions` once all of it is finished, and are never made again.

    Attributes:
        path: the folder.
        predictions: folder with a folder or file for each finished video.
    """

    def __init__(self, path: Path, settings: Mapping[str, object]) -> None:
        """Check the folder, without creating anything; raises OutputError if it holds results of other settings."""
        self.path = path
        self.predictions = path / PREDICTIONS
        self._settings = dict(settings)
        self._lock = FileLock(path / LOCK)
        self._check(self._settings)

    def begin(self, weights: str) -> None:
        """Make the folder, once the network is loaded, and keep others from writing there until `end`.

        Raises:
            OutputError: it cannot be written, another process writes there, or it holds results of other weights.
        """
        self._settings["weights"] = weights
        self._check(self._settings)
        try:
            self.predictions.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except Timeout:
            raise OutputError(
                f"another sam2long eval is writing to {self.path}; wait until it ends, or choose another --out"
            ) from None
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error.strerror or error}") from error
        # Once more, since another process may have written them before the lock was taken.
        earlier = self._check(self._settings)
        write_text(self.path / SETTINGS, json.dumps({**earlier, **self._settings}, indent=1))

    def end(self) -> None:
        """Remove what workers that were stopped have left unfinished, and let other processes write here."""
        if self._lock.is_locked:
            for left in self.predictions.glob(".*.part"):
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
        self._lock.release()

    def done(self, video: str) -> bool:
        """Whether a video is finished."""
        return (self.predictions / video).exists() or (self.predictions / f"{video}.txt").exists()

    @contextmanager
    def unfinished(self, video: str) -> Iterator[Path]:
        """A folder to write a video's results into; afterwards they are final, or gone if anything failed.

        Raises:
            OutputError: they cannot be written.
        """
        staging = self.predictions / f".{video}.part"
        shutil.rmtree(staging, ignore_errors=True)
        try:
            staging.mkdir()
            yield staging
            staging.rename(self.predictions / video)
        except OSError as error:
            raise OutputError(f"{self.predictions} cannot be written: {error.strerror or error}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def record(self, time: VideoTime) -> None:
        """Remember how long a video took."""
        with (self.path / TIMES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"video": time.video, "frames": time.frames, "seconds": time.seconds}) + "\n")

    def _check(self, settings: Mapping[str, object]) -> dict[str, object]:
        """The settings of earlier results, none of which may differ."""
        path = self.path / SETTINGS
        if not path.exists():
            return {}
        earlier = _read(path)
        differing = [key for key in settings if key in earlier and earlier[key] != _plain(settings[key])]
        if differing:
            key = differing[0]
            raise OutputError(
                f"{self.path} holds results of another run ({key}: {earlier[key]}, now {_plain(settings[key])}); "
                "choose another --out, or score them with --score-only"
            )
        return earlier


def read_times(folder: Path) -> list[VideoTime]:
    """The times recorded in a run's folder; none if it has none."""
    path = folder / TIMES
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [VideoTime(**json.loads(line)) for line in lines if line.endswith("}")]


def write_text(path: Path, text: str) -> None:
    """Write a file through a temporary name; raises OutputError."""
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _plain(value: object) -> object:
    return json.loads(json.dumps(value))


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise OutputError(f"{path} is not what sam2long writes there; choose another --out")
    return content
