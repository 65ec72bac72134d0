from __future__ import annotations

import hashlib
from itertools import groupby

import numpy as np
import pytest

from sam2long.errors import UserError
from sam2long.synthetic import KINDS, Scene, SceneConfig, iterate

SEEDS = range(5)


def small(kind: str, frames: int = 40, seed: int = 3, **settings: float) -> Scene:
    return Scene(SceneConfig(kind, frames, height=96, width=128, **settings), seed)  # type: ignore[arg-type]


def digest(scene: Scene, frames: list[int]) -> str:
    parts = [part.tobytes() for t in frames for part in scene.render(t)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def areas(scene: Scene) -> np.ndarray:
    """Visible pixels of object 1 on every frame, without the cost of the lens."""
    return np.array([np.count_nonzero(scene._paint(t, None).ids == 1) for t in range(len(scene))])


def absences(scene: Scene) -> list[int]:
    return [len(list(run)) for hidden, run in groupby(areas(scene) == 0) if hidden]


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_gives_the_same_bytes_in_any_order_of_frames(kind: str) -> None:
    order = [0, 7, 21, 39]
    assert digest(small(kind), order) == digest(small(kind), order)
    first, again = small(kind), small(kind)
    forward = {t: first.render(t) for t in order}
    for t in reversed(order):
        image, ids = again.render(t)
        assert (image == forward[t][0]).all() and (ids == forward[t][1]).all()


def test_other_seeds_and_frames_give_other_pictures() -> None:
    pictures = {digest(small("mixed", seed=seed), [t]) for seed in SEEDS for t in (0, 20)}
    assert len(pictures) == 2 * len(SEEDS)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_have_the_promised_types_and_shapes(kind: str) -> None:
    scene = small(kind, frames=6, objects=3)
    assert len(scene) == 6
    for image, ids in iterate(scene):
        assert image.shape == (96, 128, 3) and image.dtype == np.uint8
        assert ids.shape == (96, 128) and ids.dtype == np.uint8
        assert ids.max() <= 3


@pytest.mark.parametrize("kind", KINDS)
def test_mask_is_where_the_picture_changes_when_the_object_is_taken_away(kind: str) -> None:
    for seed in SEEDS:
        scene = small(kind, seed=seed, frames=60)
        for t in (0, 30):
            with_object, without = scene._paint(t, None), scene._paint(t, 1)
            changed = (with_object.image != without.image).any(axis=-1)
            mask = with_object.ids == 1
            if mask.any():
                assert changed[mask].mean() > 0.9
            assert not (without.ids == 1).any()
            assert (with_object.ids == without.ids)[~mask].all()


def test_mask_excludes_what_covers_the_object() -> None:
    scene = small("mixed", objects=1)
    target, t = scene._actors, 12
    alone = small("mixed", objects=1)
    alone._actors = [actor for actor in target if actor.object_id == 1]
    alone._front = None
    seen, whole = scene.render(t)[1] == 1, alone.render(t)[1] == 1
    assert whole.any() and not (seen & ~whole).any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_prompt_frame_shows_the_target(kind: str) -> None:
    for seed in SEEDS:
        scene = small(kind, seed=seed)
        seen = scene._paint(0, None).ids == 1
        scene._actors = [actor for actor in scene._actors if actor.object_id == 1]
        scene._front = None
        assert np.count_nonzero(seen) > 0.6 * np.count_nonzero(scene._paint(0, None).ids)


def test_easy_scenes_never_hide_the_target_and_move_it_moderately() -> None:
    for seed in SEEDS:
        scene = Scene(SceneConfig("easy", 60, height=128, width=128), seed)
        sizes, centres = [], []
        for _, ids in iterate(scene):
            y, x = np.nonzero(ids == 1)
            sizes.append(len(y))
            centres.append((y.mean(), x.mean()))
        assert min(sizes) > 0.4 * max(sizes)
        assert 0.05 < np.hypot(*np.diff(centres, axis=0).T).mean() < 4


def test_occlusions_last_as_long_as_promised() -> None:
    lengths = [n for seed in SEEDS for n in absences(Scene(SceneConfig("occlusion", 240, 64, 64), seed))]
    assert max(lengths) <= 80
    assert sum(n >= 20 for n in lengths) >= len(SEEDS)


def test_occluders_hide_the_target_inside_the_picture() -> None:
    scene = next(s for s in (Scene(SceneConfig("occlusion", 240, 96, 96), n) for n in range(20)) if absences(s))
    hidden = int(np.flatnonzero(areas(scene) == 0)[0])
    scene._actors = [actor for actor in scene._actors if actor.object_id == 1]
    assert np.count_nonzero(scene._paint(hidden, None).ids == 1) > 0


def test_exits_take_the_target_out_and_bring_it_back_elsewhere() -> None:
    returns = 0
    for seed in SEEDS:
        scene = Scene(SceneConfig("exit", 240, 96, 96), seed)
        scene._actors = [actor for actor in scene._actors if actor.object_id == 1]
        scene._front = None
        sizes = areas(scene)
        gone = np.flatnonzero(sizes == 0)
        assert len(gone) and max(absences(scene)) <= 80
        assert sizes[: gone[0]].all()
        back = np.flatnonzero(sizes[gone[0] :])
        if len(back):
            returns += 1
            before, after = scene._paint(int(gone[0]) - 1, None).ids, scene._paint(int(gone[0] + back[0]), None).ids
            gap = np.argwhere(before == 1).mean(axis=0) - np.argwhere(after == 1).mean(axis=0)
            assert np.hypot(*gap) > 25
    assert returns >= 3


def test_look_alikes_come_close_to_the_target() -> None:
    for seed in SEEDS:
        scene = Scene(SceneConfig("lookalike", 240, 96, 96, objects=3), seed)
        tracked = {actor.object_id: actor for actor in scene._actors if actor.object_id}
        target = tracked[1].path.position
        nearest = min(np.hypot(*(target - tracked[n].path.position).T).min() for n in (2, 3))
        assert nearest < tracked[1].reach


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "hard"},
        {"frames": 0},
        {"height": 8},
        {"objects": 0},
        {"objects": 9},
        {"difficulty": 1.5},
    ],
)
def test_impossible_scenes_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UserError):
        SceneConfig(**{"kind": "easy", "frames": 10, **settings})  # type: ignore[arg-type]


def test_frames_outside_the_scene_and_negative_seeds_are_refused() -> None:
    with pytest.raises(IndexError):
        small("easy").render(40)
    with pytest.raises(UserError):
        small("easy", seed=-1)


def test_any_size_and_the_shortest_scene_render() -> None:
    for height, width in ((32, 32), (45, 131), (200, 64)):
        image, ids = Scene(SceneConfig("mixed", 1, height, width, difficulty=0.0), 5).render(0)
        assert image.shape == (height, width, 3) and ids.shape == (height, width)


@pytest.mark.parametrize("seed", range(4))
def test_small_scenes_that_are_not_square(seed: int) -> None:
    image, ids = Scene(SceneConfig("lookalike", 5, height=48, width=64), seed).render(2)
    assert image.shape == (48, 64, 3) and ids.shape == (48, 64)
