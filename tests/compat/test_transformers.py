"""With one pathway, the same masks as the Transformers library's SAM 2, in whichever order frames are visited."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from sam2long.compat import SAM2VideoPredictor
from sam2long.model import SAM2
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.preprocess import prepare_image
from tests.model import oracle
from tests.networks import SMALL

pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = dataclasses.replace(SMALL, dim=128, memory_dim=64)  # the library fixes the memory at 64 channels
SIDE, FRAMES, MARKED = 128, 7, 3
CORNERS = [2, 3]


def mark(library, session, prompts):
    """`prompts`: for each object points [n, 2] in pixels and their labels, 2 and 3 for the corners of a box."""
    for obj_id, (points, labels) in prompts.items():
        given = {"point_coords": torch.tensor([[points]]), "point_labels": torch.tensor([[labels]], dtype=torch.int32)}
        session.add_point_inputs(session.obj_id_to_idx(obj_id), MARKED, given)
    session.obj_with_new_inputs = list(prompts)
    library(session, frame_idx=MARKED)


def close(visited, theirs):
    for (frame, ids, logits), other in zip(visited, theirs, strict=True):
        assert (frame, ids) == (other.frame_idx, other.object_ids)
        expected = torch.nn.functional.interpolate(other.pred_masks, size=(SIDE, SIDE), mode="bilinear")
        np.testing.assert_allclose(logits, expected, atol=3e-4)


@torch.inference_mode()
@pytest.mark.parametrize(
    "visits",
    [[{}, {"reverse": True}], [{"start_frame_idx": 1, "max_frame_num_to_track": 3}, {"start_frame_idx": 6}]],
    ids=["forward, then backward", "from before the prompts, then leaving one out"],
)
def test_two_objects(monkeypatch, visits):
    oracle.keep_float32(monkeypatch)
    library = oracle.build(CONFIG)
    ours = SAM2(CONFIG).eval()
    ours.load_state_dict(to_ours(library.state_dict()))
    clip = np.random.default_rng(0).integers(0, 256, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)
    frames = torch.cat([prepare_image(frame, CONFIG, ours.device) for frame in clip])
    theirs = Sam2VideoInferenceSession(video=frames, video_height=SIDE, video_width=SIDE, dtype=torch.float32)
    corners = [[20.0, 30.0], [90.0, 100.0]]
    mark(library, theirs, {5: ([[30.0, 40.0]], [1]), 2: ([*corners, [40.0, 50.0]], [*CORNERS, 0])})

    predictor = SAM2VideoPredictor(ours, pathways=1)
    state = predictor.init_state(clip)
    predictor.add_new_points_or_box(state, MARKED, 5, [[30, 40]], [1])
    predictor.add_new_points_or_box(state, MARKED, 2, [[40, 50]], [0], box=np.ravel(corners))
    for how in visits:
        close(predictor.propagate_in_video(state, **how), library.propagate_in_video_iterator(theirs, **how))
