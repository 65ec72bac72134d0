"""Scene cuts are found where videos were joined, and nowhere else: not at flashes, fast pans, fades or in noise."""

import numpy as np
import pytest

from sam2long.synthetic.scene import Scene, SceneConfig
from sam2long.video.cuts import CutDetector

KINDS = ("easy", "lookalike", "occlusion", "exit")


@pytest.fixture(scope="module")
def scenes():
    """Frames of eight scenes, uint8 [16, 256, 256, 3] each."""
    made = [Scene(SceneConfig(kind, 40), 92_000 + seed) for seed, kind in enumerate(2 * KINDS)]
    return [np.stack([scene.render(2 * time)[0] for time in range(16)]) for scene in made]


@pytest.fixture(scope="module")
def photo():
    """A large still of soft shapes of all sizes, uint8 [240, 1600, 3]."""
    import cv2

    rng = np.random.default_rng(4)
    layers = [cv2.resize(rng.uniform(0, 255, (n, 6 * n, 3)).astype(np.float32), (1600, 240)) for n in (3, 8, 20, 60)]
    return np.clip(np.mean(layers, 0) * 1.6 - 60, 0, 255).astype(np.uint8)


def cuts(frames):
    detector = CutDetector()
    return [number for number, frame in enumerate(frames) if detector.is_cut(frame)]


def test_joined_scenes(scenes):
    assert cuts(np.concatenate(scenes)) == list(range(16, 128, 16))


def test_short_scenes_and_cuts_through_black(scenes):
    short = np.concatenate([scene[:4] for scene in scenes])
    assert cuts(short) == list(range(4, 32, 4))
    black = np.zeros((2, 256, 256, 3), np.uint8)
    assert cuts(np.concatenate([scenes[0], black, scenes[1]])) == [18]


def test_none_in_a_scene_also_with_a_stride_or_backward(scenes):
    for scene in scenes:
        assert cuts(scene) == cuts(scene[::3]) == cuts(scene[::-1]) == []


@pytest.mark.parametrize("light", [60, 120, 200, 255])
@pytest.mark.parametrize("length", [1, 2])
def test_flashes(scenes, light, length):
    for scene in scenes:
        flashing = scene.astype(int)
        flashing[8 : 8 + length] += light
        assert cuts(flashing.clip(0, 255).astype(np.uint8)) == []


@pytest.mark.parametrize("speed", [10, 40, 90])
def test_fast_pans(photo, speed):
    still = [photo[:, :320]] * 6
    assert cuts([*still, *(photo[:, x : x + 320] for x in range(0, 1280, speed))]) == []


def test_fades_noise_and_blank_videos(scenes):
    fade = [(scenes[0][0] * weight).astype(np.uint8) for weight in np.linspace(1, 0, 12)]
    rng = np.random.default_rng(0)
    assert cuts(fade + fade[::-1]) == []
    assert cuts(rng.integers(0, 255, (20, 90, 160, 3), dtype=np.uint8)) == []
    assert cuts(np.full((9, 20, 30, 3), 7, np.uint8)) == cuts([]) == []


@pytest.mark.parametrize("shape", [(16, 9), (31, 17), (480, 854), (2160, 3840)])
def test_any_size(scenes, shape):
    import cv2

    one, two = (cv2.resize(scene[0], shape[::-1], interpolation=cv2.INTER_AREA) for scene in (scenes[0], scenes[5]))
    assert cuts([one] * 5 + [two] * 5) == [5]
