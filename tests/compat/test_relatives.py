"""SAM 2's own calls drive one of each kind of relative as a session does."""

import numpy as np
import pytest
import torch

from sam2long import Session
from sam2long.compat import SAM2VideoPredictor
from sam2long.model.checkpoints.loading import fresh_model
from tests.compat.conftest import FRAMES
from tests.networks import RELATIVES

BOX = (10.0, 20.0, 30.0, 40.0)


@pytest.mark.parametrize("pathways", [1, 3])
@pytest.mark.parametrize("config", RELATIVES, ids=lambda config: config.name)
def test_clicks_a_box_and_a_correction(config, pathways, clip):
    predictor = SAM2VideoPredictor(fresh_model(config), pathways=pathways)
    assert predictor.image_size == config.image_size
    state = predictor.init_state(clip)
    predictor.add_new_points_or_box(state, 0, "a", points=[(50, 30)], labels=[1])
    predictor.add_new_points_or_box(state, 0, "b", box=BOX)
    session = Session(predictor.model, clip, tree=predictor.tree, keep_logits=True)
    session.add_points(0, 1, [(50, 30)])
    session.add_box(0, 2, BOX)
    for click in (False, True):
        if click:
            predictor.add_new_points_or_box(state, 4, "a", points=[(60, 30)], labels=[0])
            session.add_points(4, 1, [(60, 30)], [0])
        results = {result.frame: result for result in session.propagate(before_prompts=True)}
        found = {frame: (ids, logits) for frame, ids, logits in predictor.propagate_in_video(state)}
        assert list(found) == list(results) == list(range(FRAMES))
        for frame, (ids, logits) in found.items():
            assert ids == ["a", "b"]
            expected = torch.stack([results[frame].logits[1], results[frame].logits[2]])
            np.testing.assert_array_equal(logits[:, 0].numpy(), expected.numpy())
