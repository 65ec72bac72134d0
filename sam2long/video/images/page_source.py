"""Pages of a TIFF, or frames of an animated WebP or PNG, read as a video."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image

from sam2long.errors import VideoError
from sam2long.video.images.animation import durations
from sam2long.video.images.image_file import StoredPicture, image_errors, stored_picture
from sam2long.video.images.image_source import SAMPLES, ImageSource
from sam2long.video.pixels.depth import DepthReducer
from sam2long.video.pixels.levels import Levels
from sam2long.video.source import DEFAULT_FPS, Frame, VideoSource

# most bytes of decoded frames held by a backward pass through an animation
MOST_HELD_BYTES = 192 * 2**20
# in other formats, further pictures are other sizes or previews of the same one
FORMATS = ("TIFF", "WEBP", "PNG", "GIF")
TIFF_SUBFILE_TYPE = 254
REDUCED, TRANSPARENCY_MASK = 1, 4


class PageSource(VideoSource):
    """Pictures of one image file; each pass opens the file itself, on any thread.

    Args:
        path: the image file.
        pages: page numbers of the pictures in Pillow.
        damage: why the file could not be read further, or None.
        fps: frames per second; None uses the durations in the file, or 24 if there are none.
        levels: values of black and white, if chosen by the user.
    """

    def __init__(
        self, path: Path, pages: Sequence[int], damage: str | None, fps: float | None, levels: Levels | None
    ) -> None:
        self.path: Path = path
        self.name = path.stem
        self._pages, self._damage = pages, damage
        with image_errors(path):
            shown = durations(path) if fps is None else []
        if len(shown) == len(pages):
            self.fps = len(shown) / sum(shown)
            self._times = [0.0, *accumulate(shown[:-1])]
        else:
            self.fps = fps or DEFAULT_FPS
            self._times = [index / self.fps for index in range(len(pages))]
        self._depth = DepthReducer(str(path), levels, self._samples)
        with image_errors(path), Image.open(path) as image:
            self._any_order = image.format == "TIFF"
            self.height, self.width = self._depth.to_rgb(self._picture(image, 0)).shape[:2]

    @property
    def frame_count(self) -> int:
        """Number of pictures."""
        return len(self._pages)

    def frame(self, index: int) -> Frame:
        """Return picture number `index`; raises VideoError if it does not exist, is unreadable or differs in size."""
        self._check_exists(index)
        with image_errors(self.path), Image.open(self.path) as image:
            return self._frame(image, index)

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step); see VideoSource."""
        numbers = self._numbers(start, stop, step)
        backward = step < 0 and not self._any_order
        return self._until_unreadable(self._held(numbers) if backward else self._direct(numbers))

    def _direct(self, numbers: range) -> Iterator[tuple[int, Callable[[], Frame]]]:
        with image_errors(self.path), Image.open(self.path) as image:
            for number in numbers:
                yield number, partial(self._frame, image, number)
        if self._damage is not None and len(self._pages) - 1 in numbers:
            self.stopped_early = f"{self.path} cannot be read after frame {len(self._pages) - 1}: {self._damage}"

    def _held(self, numbers: range) -> Iterator[tuple[int, Callable[[], Frame]]]:
        """Decode an animation backwards: decode forward, hold the last few requested frames, yield them in reverse."""
        most = max(1, MOST_HELD_BYTES // (self.height * self.width * 3))
        for first in range(0, len(numbers), most):
            with image_errors(self.path), Image.open(self.path) as image:
                held = [self._read(image, number) for number in reversed(numbers[first : first + most])]
            while held:
                yield held.pop()

    def _read(self, image: Image.Image, number: int) -> tuple[int, Callable[[], Frame]]:
        """Read a frame now; an error is raised only when the frame is requested."""
        try:
            frame = self._frame(image, number)
        except VideoError:
            return number, partial(self.frame, number)
        return number, lambda: frame

    def _frame(self, image: Image.Image, number: int) -> Frame:
        rgb = self._depth.to_rgb(self._picture(image, number))
        if rgb.shape[:2] != (self.height, self.width):
            raise VideoError(
                f"page {self._pages[number]} of {self.path} is {rgb.shape[1]}x{rgb.shape[0]} pixels, but the first is"
                f" {self.width}x{self.height}; all frames must have the same size"
            )
        return Frame(number, self._times[number], rgb)

    def _picture(self, image: Image.Image, number: int) -> StoredPicture:
        with image_errors(self.path):
            image.seek(self._pages[number])
            return stored_picture(image, self.path, self._pages[number])

    def _samples(self) -> Iterator[StoredPicture]:
        """Yield some pictures from across the file; skips unreadable ones."""
        with Image.open(self.path) as image:
            for number in sorted({round(place) for place in np.linspace(0, len(self._pages) - 1, SAMPLES)}):
                with suppress(VideoError):
                    yield self._picture(image, number)


def open_image(path: Path, *, fps: float | None, levels: Levels | None) -> VideoSource:
    """Open one image file with all its pictures; raises VideoError if it cannot be read."""
    pages, damage = _pages(path)
    if pages and pages != [0]:
        return PageSource(path, pages, damage, fps, levels)
    return ImageSource([path], name=path.stem, path=path, fps=fps or DEFAULT_FPS, levels=levels)


def open_images(files: Sequence[Path], folder: Path, *, fps: float | None, levels: Levels | None) -> VideoSource:
    """Open image files as the frames of a video; raises VideoError if the first cannot be read."""
    pages, _ = _pages(files[0])
    if len(pages) > 1 and len(files) == 1:
        return open_image(files[0], fps=fps, levels=levels)
    if len(pages) > 1:
        warnings.warn(
            f"{files[0]} holds {len(pages)} pictures; of each file in {folder}, only the first one is used",
            stacklevel=4,
        )
    return ImageSource(files, name=folder.resolve().name, path=folder, fps=fps or DEFAULT_FPS, levels=levels)


def _pages(path: Path) -> tuple[list[int], str | None]:
    """Page numbers in Pillow of the full-size pictures, and the error that ended the search early, or None."""
    with image_errors(path), Image.open(path) as image:
        if image.format == "TIFF":
            return _tiff_pages(image)
        first = 1 if getattr(image, "default_image", False) else 0  # skip the fallback picture of an animated PNG
        count = getattr(image, "n_frames", 1) if image.format in FORMATS else 1
        return list(range(first, count)), None


def _tiff_pages(image: Image.Image) -> tuple[list[int], str | None]:
    pages: list[int] = []
    page = 0
    while True:
        try:
            image.seek(page)
        except EOFError:
            return pages, None
        except Exception as error:  # Pillow raises almost anything on damaged files
            return pages, str(error)
        kind = image.tag_v2.get(TIFF_SUBFILE_TYPE, 0)  # type: ignore[attr-defined]
        if not kind & (REDUCED | TRANSPARENCY_MASK):
            pages.append(page)
        page += 1
