"""Scenes on disk: folders in DAVIS layout, and mp4 files."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image as Pillow

from sam2long.errors import OutputError
from sam2long.results.films.encoder import Mp4Encoder
from sam2long.results.palette import davis_palette
from sam2long.synthetic.noise import Image
from sam2long.synthetic.scene import Scene, iterate

FPS = 24.0
_JPEG_QUALITY = 95


def write_davis(scene: Scene, out: Path, name: str) -> None:
    """Write `out/JPEGImages/name/00000.jpg ...` and `out/Annotations/name/00000.png ...`, palette PNG of object ids.

    Raises:
        OutputError: one of the two folders exists or cannot be written; then nothing is left behind.
    """
    finals = [out / "JPEGImages" / name, out / "Annotations" / name]
    for final in finals:
        if final.exists():
            raise OutputError(f"{final} exists already; choose another folder or name")
    parts = [final.with_name(f".{name}.part") for final in finals]
    try:
        for part in parts:
            part.mkdir(parents=True)
        for t, (image, ids) in enumerate(iterate(scene)):
            Pillow.fromarray(image).save(parts[0] / f"{t:05d}.jpg", quality=_JPEG_QUALITY, subsampling=0)
            write_ids(ids, parts[1] / f"{t:05d}.png")
        for part, final in zip(parts, finals):
            part.rename(final)
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        for part in parts:
            shutil.rmtree(part, ignore_errors=True)


def write_ids(ids: Image, path: Path) -> None:
    """Write an id map uint8 [H, W] as a PNG with the DAVIS palette."""
    picture = Pillow.fromarray(ids)
    picture.putpalette(davis_palette().tobytes())
    picture.save(path)


def write_mp4(scene: Scene, path: Path) -> None:
    """Write the pictures as H.264 at 24 frames per second; odd sides gain a row or column.

    Raises:
        OutputError: the file cannot be written; then nothing is left behind.
    """
    part = path.with_name(f".{path.stem}.part.mp4")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _encode(scene, part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _encode(scene: Scene, path: Path) -> None:
    encoder = Mp4Encoder(path, scene.config.height, scene.config.width, FPS)
    try:
        for t, (image, _) in enumerate(iterate(scene)):
            encoder.add(image, t / FPS)
    except BaseException:
        encoder.abort()
        raise
    encoder.close()
