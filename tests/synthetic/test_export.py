from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.errors import OutputError
from sam2long.synthetic import Scene, SceneConfig
from sam2long.synthetic.export import write_davis, write_mp4
from sam2long.video import open_video


@pytest.fixture
def scene() -> Scene:
    return Scene(SceneConfig("lookalike", 5, height=65, width=98, objects=2), 11)


def test_davis_folders_read_back(scene: Scene, tmp_path: Path) -> None:
    write_davis(scene, tmp_path, "clip")
    pictures = sorted((tmp_path / "JPEGImages" / "clip").iterdir())
    masks = sorted((tmp_path / "Annotations" / "clip").iterdir())
    assert [file.name for file in pictures] == [f"{t:05d}.jpg" for t in range(5)]
    assert [file.name for file in masks] == [f"{t:05d}.png" for t in range(5)]
    assert len(list(tmp_path.rglob("*"))) == 4 + 10
    for t in range(5):
        image, ids = scene.render(t)
        png = Image.open(masks[t])
        assert png.mode == "P" and png.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]  # type: ignore[index]
        assert (np.asarray(png) == ids).all()
        assert np.abs(np.asarray(Image.open(pictures[t])).astype(int) - image).mean() < 4


def test_an_existing_clip_is_not_overwritten(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "Annotations" / "clip").mkdir(parents=True)
    with pytest.raises(OutputError, match="exists"):
        write_davis(scene, tmp_path, "clip")
    assert not (tmp_path / "JPEGImages").exists()


def test_nothing_is_left_when_writing_fails(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render = scene.render

    def failing(t: int) -> tuple[np.ndarray, np.ndarray]:
        if t == 3:
            raise OSError(28, "No space left on device")
        return render(t)

    monkeypatch.setattr(scene, "render", failing)
    with pytest.raises(OutputError, match="No space left"):
        write_davis(scene, tmp_path, "clip")
    with pytest.raises(OutputError, match="No space left"):
        write_mp4(scene, tmp_path / "clip.mp4")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or path.name.startswith(".")]


def test_mp4_reads_back(scene: Scene, tmp_path: Path) -> None:
    write_mp4(scene, tmp_path / "new" / "clip.mp4")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["clip.mp4"]
    with open_video(tmp_path / "new" / "clip.mp4") as video:
        frames = [frame.image for frame in video.frames()]
        assert video.fps == pytest.approx(24)
    assert len(frames) == 5
    for t, frame in enumerate(frames):
        assert np.abs(frame[:65, :98].astype(int) - scene.render(t)[0]).mean() < 12
