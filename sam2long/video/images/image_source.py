"""Images of a folder or a glob, read as a video."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.errors import VideoError
from sam2long.video.images.image_file import StoredPicture, read_picture
from sam2long.video.pixels.depth import DepthReducer
from sam2long.video.pixels.levels import Levels
from sam2long.video.source import IMAGE_SUFFIXES, Frame, VideoSource

KINDS = "jpg, jpeg, png, bmp, webp, tif or tiff"
# number of images across a folder whose brightness is measured
SAMPLES = 9


class ImageSource(VideoSource):
    """Image files, one per frame, in the given order; applies EXIF orientation and ignores transparency."""

    def __init__(
        self, files: Sequence[Path], *, name: str, path: Path, fps: float, levels: Levels | None = None
    ) -> None:
        self.name = name
        self.path = path
        self.fps = fps
        self._files = list(files)
        self._depth = DepthReducer(str(path), levels, self._samples)
        self.height, self.width = self._image(0).shape[:2]
        self._own_names = len({file.stem for file in self._files}) == len(self._files)

    @property
    def frame_count(self) -> int:
        """Number of images."""
        return len(self._files)

    def frame(self, index: int) -> Frame:
        """Return image number `index`; raises VideoError if it does not exist, is unreadable or differs in size."""
        self._check_exists(index)
        image = self._image(index)
        if image.shape[:2] != (self.height, self.width):
            raise VideoError(
                f"the image {self._files[index]} is {image.shape[1]}x{image.shape[0]} pixels, but {self._files[0].name}"
                f" is {self.width}x{self.height}; all frames must have the same size"
            )
        return Frame(index, index / self.fps, image)

    def frame_name(self, index: int) -> str:
        """Name of the image file without suffix, unless two images share it."""
        return self._files[index].stem if self._own_names else super().frame_name(index)

    def file_name(self, index: int) -> str:
        """Name of the image file."""
        return self._files[index].name

    def _image(self, index: int) -> npt.NDArray[np.uint8]:
        return self._depth.to_rgb(read_picture(self._files[index]))

    def _samples(self) -> Iterator[StoredPicture]:
        """Yield some images from across the folder; skips unreadable ones."""
        count = len(self._files)
        for index in sorted({round(place) for place in np.linspace(0, count - 1, SAMPLES)}):
            with suppress(VideoError):
                yield read_picture(self._files[index])


def images_in(folder: Path) -> list[Path]:
    """Return the images of a folder except hidden files; raises VideoError if there are none."""
    try:
        files = _images(folder.iterdir())
    except OSError as error:
        raise VideoError(f"the folder {folder} cannot be read: {error.strerror}") from error
    if not files:
        raise VideoError(f"the folder {folder} contains no images ({KINDS})")
    return files


def images_matching(pattern: str) -> list[Path]:
    """Return the images that a glob matches; raises VideoError if there are none."""
    # pathlib's glob omits broken links if the last part of the pattern is a plain name
    files = _images(map(Path, glob.glob(pattern, recursive=True)))  # noqa: PTH207
    if not files:
        raise VideoError(f"no image ({KINDS}) matches {pattern}")
    return files


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that places frame2 before frame10."""
    pieces = re.findall(r"\d+|\D+", str(path))
    return [(0, int(piece), piece) if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def read_rgb(file: Path) -> npt.NDArray[np.uint8]:
    """Read an image, upright, as uint8 [height, width, 3]; raises VideoError naming the file."""
    picture = read_picture(file)
    return DepthReducer(str(file), None, lambda: [picture]).to_rgb(picture)


def _images(paths: Iterable[Path]) -> list[Path]:
    """Return the image files in natural order; raises VideoError if one is a broken link."""
    named = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")]
    for path in named:
        if path.is_symlink() and not path.exists():
            raise VideoError(f"the image {path} is a broken symbolic link")
    return sorted((path for path in named if path.is_file()), key=natural_key)
