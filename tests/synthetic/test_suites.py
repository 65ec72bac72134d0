from __future__ import annotations

import pytest

from sam2long.errors import UserError
from sam2long.synthetic import KINDS, SUITES, training_seed


def test_suites_are_what_the_figures_are_reported_on() -> None:
    assert set(SUITES) == {"easy", "occlusion", "lookalike", "long", "validation"}
    for name, suite in SUITES.items():
        assert suite.name == name and suite.version == "v1"
        assert len(suite.videos) == 12
        assert len({video.name for video in suite.videos}) == 12
    assert {video.config.frames for video in SUITES["long"].videos} == {2000}
    assert {video.config.kind for video in SUITES["validation"].videos} == set(KINDS)


def test_no_two_videos_share_a_seed_and_training_has_none_of_them() -> None:
    seeds = [video.seed for suite in SUITES.values() for video in suite.videos]
    assert len(set(seeds)) == len(seeds)
    assert max(seeds) < training_seed(0) < training_seed(1)
    with pytest.raises(UserError):
        training_seed(-1)


def test_a_suite_video_makes_its_scene() -> None:
    video = SUITES["easy"].videos[0]
    scene = video.scene()
    assert (len(scene), scene.seed, scene.config) == (video.config.frames, video.seed, video.config)
