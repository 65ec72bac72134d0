"""Effects of light, lens, sensor and codec on a rendered image; none of them moves a pixel, so masks stay exact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from sam2long.synthetic.noise import Image, Series, chance, pick, smooth_series, stream

_GAIN_ONE = 128
_TILE_SPARE = 32


@dataclass(frozen=True)
class Lens:
    """Photometry over the frames of a scene.

    Attributes:
        light: float64 [frames, 3], gain of each colour channel.
        lamp: float64 [frames, 2], slope of the gain across the picture, (x, y).
        tone: uint8 [256], tone curve.
        softness: sigma of the lens blur, pixels, 0 for none.
        noise: (positive, negative) parts of a noise tile, uint8 [H + spare, W + spare, 3], or None.
        quality: JPEG quality, 0 for no compression.
    """

    light: Series
    lamp: Series
    tone: Image
    softness: float
    noise: tuple[Image, Image] | None
    quality: int

    def expose(self, image: Image, t: int, rng: np.random.Generator) -> Image:
        """The image as recorded at frame t, uint8 RGB of the same shape."""
        image = cv2.LUT(_shaded(image, self.light[t], self.lamp[t]), self.tone)
        if self.softness > 0:
            image = cv2.GaussianBlur(image, (0, 0), self.softness)
        if self.noise is not None:
            image = _grainy(image, self.noise, rng)
        return _compressed(image, self.quality) if self.quality else image


def make_lens(rng: np.random.Generator, frames: int, height: int, width: int, wear: float) -> Lens:
    """A random lens; `wear` 0..1 scales light changes, noise and compression."""
    light = 0.12 * wear * smooth_series(rng, frames, pick(rng, 15, 80), 1) + 0.04 * smooth_series(rng, frames, 50, 3)
    if chance(rng, 0.2 * wear):
        cut = int(rng.integers(frames))
        light[cut:] += pick(rng, -0.3, 0.3)
    lamp = 0.25 * wear * smooth_series(rng, frames, pick(rng, 40, 150), 2)
    x = np.linspace(0, 1, 256)
    curve = x ** np.exp(rng.normal(0, 0.2))
    curve += pick(rng, -0.1, 0.1) * np.sin(2 * np.pi * x)
    noise = _split_noise(height, width, pick(rng, 1, 9) * wear) if chance(rng, 0.8) else None
    return Lens(
        light=np.clip(1 + light, 0.5, 1.5),
        lamp=np.clip(lamp, -0.35, 0.35),
        tone=(np.clip(curve, 0, 1) * 255).astype(np.uint8),
        softness=pick(rng, 0.45, max(0.45, height / 230 + 0.2)) if chance(rng, 0.5) else 0.0,
        noise=noise,
        quality=int(rng.integers(35, 95)) if chance(rng, 0.8 * wear) else 0,
    )


def _shaded(image: Image, light: Series, lamp: Series) -> Image:
    ramp = np.linspace(-1, 1, 8)
    plane = 1 + lamp[0] * ramp[None, :, None] + lamp[1] * ramp[:, None, None]
    gain = np.clip(plane * light * _GAIN_ONE, 0, 255).astype(np.uint8)
    full = cv2.resize(gain, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    shaded: Image = cv2.multiply(image, full, scale=1 / _GAIN_ONE)
    return shaded


@lru_cache(maxsize=4)
def _noise_tile(height: int, width: int) -> Image:
    """Signed normal noise of sigma 8, int8 [height, width, 3], the same for every scene of this size."""
    grain = stream(0, height, width).standard_normal((height, width, 3), dtype=np.float32)
    return np.clip(grain * 8, -127, 127).astype(np.int8)


def _split_noise(height: int, width: int, sigma: float) -> tuple[Image, Image]:
    """Noise of the given sigma as what it adds and what it takes away."""
    tile = _noise_tile(height + _TILE_SPARE, width + _TILE_SPARE)
    more = cv2.convertScaleAbs(np.maximum(tile, 0), alpha=sigma / 8)
    less = cv2.convertScaleAbs(np.minimum(tile, 0), alpha=sigma / 8)
    return more, less


def _grainy(image: Image, noise: tuple[Image, Image], rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    y, x = rng.integers(_TILE_SPARE, size=2)
    rows, columns = slice(y, y + height), slice(x, x + width)
    grainy: Image = cv2.subtract(cv2.add(image, noise[0][rows, columns]), noise[1][rows, columns])
    return grainy


def _compressed(image: Image, quality: int) -> Image:
    """A JPEG round trip; red and blue are swapped before and after, since OpenCV uses BGR."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
