"""Images of a folder or a glob as a video."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from sam2long.errors import VideoError
from sam2long.video.source import IMAGE_SUFFIXES, Frame, VideoSource

KINDS = "jpg, jpeg, png, bmp, webp, tif or tiff"
EXIF_ORIENTATION = 0x0112
UPRIGHT = 1
LYING_ORIENTATIONS = (5, 6, 7, 8)  # EXIF values that swap height and width


class ImageSource(VideoSource):
    """Image files, one a frame, in the order given; EXIF orientation is honoured, transparency ignored."""

    def __init__(self, files: Sequence[Path], *, name: str, path: Path, fps: float) -> None:
        self.name = name
        self.path = path
        self.fps = fps
        self._files = list(files)
        self.width, self.height = _upright_size(self._files[0])
        for file in self._files[1:]:
            _check_size(file, _upright_size(file), self._files[0], (self.width, self.height))
        self._own_names = len({file.stem for file in self._files}) == len(self._files)

    @classmethod
    def from_folder(cls, folder: Path, *, fps: float) -> ImageSource:
        """The images of a folder, hidden files left out; raises VideoError if there are none."""
        try:
            files = _images(folder.iterdir())
        except OSError as error:
            raise VideoError(f"the folder {folder} cannot be read: {error.strerror}") from error
        if not files:
            raise VideoError(f"the folder {folder} holds no images ({KINDS})")
        return cls(files, name=folder.resolve().name, path=folder, fps=fps)

    @classmethod
    def from_glob(cls, pattern: str, *, fps: float) -> ImageSource:
        """The images a pattern matches; raises VideoError if there are none."""
        path = Path(pattern)
        try:
            files = _images(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        except ValueError as error:
            raise VideoError(f"{pattern} is no pattern: {error}") from error
        if not files:
            raise VideoError(f"no image ({KINDS}) matches {pattern}")
        folder = files[0].parent
        return cls(files, name=folder.resolve().name, path=folder, fps=fps)

    @property
    def frame_count(self) -> int:
        """Number of images."""
        return len(self._files)

    def frame(self, index: int) -> Frame:
        """Return image number `index`; raises VideoError if it does not exist or cannot be read."""
        self._check_exists(index)
        file = self._files[index]
        image = read_rgb(file)
        _check_size(file, (image.shape[1], image.shape[0]), self._files[0], (self.width, self.height))
        return Frame(index, index / self.fps, image)

    def frame_name(self, index: int) -> str:
        """The image's own name without its suffix, unless two images share it."""
        return self._files[index].stem if self._own_names else super().frame_name(index)

    def file_name(self, index: int) -> str:
        """The name the picture has on the disk."""
        return self._files[index].name


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that puts frame2 before frame10."""
    pieces = re.findall(r"\d+|\D+", str(path))
    return [(0, int(piece), piece) if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def read_rgb(file: Path) -> npt.NDArray[np.uint8]:
    """Read an image, upright, as uint8 [height, width, 3]; raises VideoError naming the file."""
    try:
        with Image.open(file) as image:
            turned = _orientation(image) != UPRIGHT
            return np.array(_to_rgb(ImageOps.exif_transpose(image) if turned else image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise VideoError(f"the image {file} cannot be read: {error}") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow's own conversion would clip to white
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def _images(paths: Iterable[Path]) -> list[Path]:
    wanted = (p for p in paths if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".") and p.is_file())
    return sorted(wanted, key=natural_key)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8, from the header of an image that is not loaded yet."""
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT  # getexif would decode all of it, in search of a chunk behind the pixels
    return int(image.getexif().get(EXIF_ORIENTATION, UPRIGHT))


def _upright_size(file: Path) -> tuple[int, int]:
    """(width, height) after EXIF orientation, from the header alone."""
    try:
        with Image.open(file) as image:
            width, height = image.size
            lying = _orientation(image) in LYING_ORIENTATIONS
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise VideoError(f"the image {file} cannot be read: {error}") from error
    return (height, width) if lying else (width, height)


def _check_size(file: Path, size: tuple[int, int], first: Path, expected: tuple[int, int]) -> None:
    if size != expected:
        raise VideoError(
            f"the image {file} is {size[0]}x{size[1]} pixels, but {first.name} is {expected[0]}x{expected[1]};"
            " all frames must have one size"
        )
