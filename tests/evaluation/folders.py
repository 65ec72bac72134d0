"""Miniature data sets in the official layouts, as small arrays of ids and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sam2long.results.palette import davis_palette

HEIGHT, WIDTH = 40, 60


def empty() -> np.ndarray:
    return np.zeros((HEIGHT, WIDTH), np.uint8)


def ids(*boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    """Boxes (id, y0, x0, y1, x1), later ones on top."""
    image = empty()
    for object_id, y0, x0, y1, x1 in boxes:
        image[y0:y1, x0:x1] = object_id
    return image


def save(image: np.ndarray, path: Path, palette: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    png = Image.fromarray(image)
    if palette and image.dtype == np.uint8:
        png.putpalette(davis_palette().tobytes())
    png.save(path)


def save_video(root: Path, video: str, frames: dict[str, np.ndarray], palette: bool = True) -> None:
    for name, image in frames.items():
        save(image, root / video / f"{name}.png", palette)


def random_video(seed: int, frames: int, id_pool: tuple[int, ...], noise: int = 0) -> list[np.ndarray]:
    """Id maps whose objects come, go and move; `noise` moves them a little, for a prediction."""
    rng, jitter = np.random.default_rng(seed), np.random.default_rng(1000 + noise)
    video = []
    for _ in range(frames):
        image = empty()
        for object_id in id_pool:
            y, x, height, width = rng.integers([0, 0, 3, 3], [28, 45, 14, 20])
            if rng.random() < 0.7:
                dy, dx = jitter.integers(-3, 4, 2) if noise else (0, 0)
                image[max(y + dy, 0) : y + dy + height, max(x + dx, 0) : x + dx + width] = object_id
        video.append(image)
    return video


def photos(folder: Path, names: list[str], height: int = HEIGHT, width: int = WIDTH) -> None:
    """Pictures with a bright square that moves."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        image = np.full((height, width, 3), 40, np.uint8)
        image[8:20, 5 + number : 17 + number] = 220
        Image.fromarray(image).save(folder / f"{name}.jpg")
