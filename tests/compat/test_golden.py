"""Recorded numbers of SAM 2's own predictor, by its own calls."""

import numpy as np
import pytest

from sam2long.compat import SAM2VideoPredictor

pytestmark = pytest.mark.slow

TOLERANCE = 2e-3


@pytest.fixture(scope="module")
def predictor(golden_model):
    return SAM2VideoPredictor(golden_model("sam2.1-hiera-tiny"), pathways=1)


def close(logits, reference):
    np.testing.assert_allclose(logits[..., ::16, ::16].numpy(), reference, atol=TOLERANCE)


def test_a_mask(predictor, golden, golden_inputs):
    reference = golden("greedy")["mask_prompt"]
    state = predictor.init_state(golden_inputs.frames(6))
    predictor.add_new_mask(state, 0, 1, golden_inputs.first_mask())
    frames = []
    for frame, _, logits in predictor.propagate_in_video(state, max_frame_num_to_track=1):
        close(logits, reference[frame][None])
        frames.append(frame)
    assert frames == [0, 1]


def test_clicks_and_a_box_both_ways(predictor, golden, golden_inputs):
    reference = golden("greedy")
    state = predictor.init_state(golden_inputs.frames(6))
    _, _, logits = predictor.add_new_points_or_box(state, 2, 7, points=[[480, 512]], labels=[1])
    close(logits[0, 0], reference["click_object7_frame2"][0])
    _, _, logits = predictor.add_new_points_or_box(state, 2, 7, points=[[560, 512]], labels=[0])
    close(logits[0, 0], reference["second_click_object7_frame2"][0])
    _, ids, logits = predictor.add_new_points_or_box(state, 0, 3, box=[120, 380, 390, 650])
    close(logits[1, 0], reference["box_object3_frame0"][0])
    assert ids == reference["object_order"].astype(int).tolist()
    for frame, _, logits in predictor.propagate_in_video(state):
        close(logits, reference["two_objects_forward"][frame])
    backward = list(predictor.propagate_in_video(state, start_frame_idx=2, reverse=True))
    assert [frame for frame, _, _ in backward] == [2, 1, 0]
    for (_, _, logits), expected in zip(backward, reference["two_objects_backward_from_2"], strict=True):
        close(logits, expected)
