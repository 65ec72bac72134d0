"""Whole propagations at 1024 x 1024 against recorded numbers of the reference SAM 2 and SAM2Long.

Clicks, boxes and two objects both ways: see tests/compat/test_golden.py.
"""

import numpy as np
import pytest

from sam2long import Session, TreeConfig

pytestmark = pytest.mark.slow

ADJUST = {
    "sam_mask_decoder.pred_obj_score_head.layers.2.weight": (100, 0),
    "sam_mask_decoder.pred_obj_score_head.layers.2.bias": (100, -31.5),
    "sam_mask_decoder.iou_prediction_head.layers.2.weight": (4, 0),
}
TOLERANCE = 2e-3


def close(logits, reference):
    np.testing.assert_allclose(logits[::16, ::16].numpy(), reference, atol=TOLERANCE)


def test_plain_sam2_from_a_mask(golden, golden_inputs, golden_model):
    reference = golden("greedy")["mask_prompt"]
    model = golden_model("sam2.1-hiera-tiny")
    session = Session(model, golden_inputs.frames(6), tree=TreeConfig.greedy(), keep_logits=True)
    session.add_mask(0, 1, golden_inputs.first_mask())
    results = list(session.propagate())
    assert [result.frame for result in results] == list(range(6))
    for result in results:
        close(result.logits[1], reference[result.frame, 0])


def test_sam2long_decisions_scores_and_masks(golden, golden_inputs, golden_model):
    reference = golden("tree")
    model = golden_model("sam2.1-hiera-tiny", ADJUST)
    session = Session(model, golden_inputs.frames(14), tree=TreeConfig(), trace=True, keep_logits=True)
    session.add_mask(0, 1, golden_inputs.first_mask())
    results = list(session.propagate())
    assert [result.frame for result in results] == list(range(14))
    for result in results:
        close(result.logits[1], reference["winner"][result.frame])
    trace = session.traces[1]
    assert [row.frame for row in trace] == list(range(1, 14))
    assert [row.parents for row in trace[1:]] == reference["parent"].tolist()
    assert [row.candidates for row in trace[1:]] == reference["candidate"].tolist()
    for row, scores, ious, object_scores in zip(
        trace, reference["cumulative"], reference["iou"], reference["object_score"], strict=True
    ):
        # The reference records its one root node once; here it stands for all three pathways.
        known = ~np.isnan(ious)
        np.testing.assert_allclose(row.scores, scores, atol=1e-4)
        np.testing.assert_allclose(np.array(row.ious)[known], ious[known], atol=1e-4)
        np.testing.assert_allclose(np.array(row.object_scores)[known], object_scores[known], atol=2e-3)
