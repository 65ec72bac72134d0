"""A click on a tracked frame means what it means to the Transformers library's SAM 2."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from sam2long import Session, TreeConfig
from sam2long.model import SAM2
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.preprocess import prepare_image
from tests.model import oracle
from tests.networks import SMALL

pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = dataclasses.replace(SMALL, dim=128, memory_dim=64)  # the library fixes the memory at 64 channels
SIDE, FRAMES, CORRECTED = 128, 8, 5


def feed_back_masks(library, session, monkeypatch):
    """The library can start clicks from the tracked mask, as SAM 2 does, but its forward never asks for it."""
    run = library._run_single_frame_inference

    def run_from_tracked(frame_idx, point_inputs, **how):
        tracked = session.output_dict_per_obj[0]["non_cond_frame_outputs"].get(frame_idx)
        before = tracked["pred_masks"].clamp(-32, 32) if tracked is not None and point_inputs is not None else None
        return run(frame_idx=frame_idx, point_inputs=point_inputs, prev_sam_mask_logits=before, **how)

    monkeypatch.setattr(library, "_run_single_frame_inference", run_from_tracked)


def make_conditioning_frame(session, frame):
    """The library remembers a corrected frame as a tracked one; here, and with SAM 2's option, it conditions."""
    outputs = session.output_dict_per_obj[0]
    outputs["cond_frame_outputs"][frame] = outputs["non_cond_frame_outputs"].pop(frame)


def click(library, session, frame, point, label):
    given = {"point_coords": torch.tensor([[[point]]]), "point_labels": torch.tensor([[[label]]], dtype=torch.int32)}
    session.add_point_inputs(session.obj_id_to_idx(1), frame, given)
    session.obj_with_new_inputs = [1]
    return library(session, frame_idx=frame)


def full(masks):
    return torch.nn.functional.interpolate(masks, size=(SIDE, SIDE), mode="bilinear")[0, 0]


@torch.inference_mode()
def test_correcting_a_tracked_frame(monkeypatch):
    oracle.keep_float32(monkeypatch)
    library = oracle.build(CONFIG)
    ours = SAM2(CONFIG).eval()
    ours.load_state_dict(to_ours(library.state_dict()))
    clip = np.random.default_rng(0).integers(0, 256, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)
    frames = torch.cat([prepare_image(frame, CONFIG, ours.device) for frame in clip])
    theirs = Sam2VideoInferenceSession(video=frames, video_height=SIDE, video_width=SIDE, dtype=torch.float32)
    click(library, theirs, 0, [30.0, 40.0], 1)
    list(library.propagate_in_video_iterator(theirs))
    feed_back_masks(library, theirs, monkeypatch)
    corrected = click(library, theirs, CORRECTED, [70.0, 60.0], 0)
    make_conditioning_frame(theirs, CORRECTED)
    expected = list(library.propagate_in_video_iterator(theirs, start_frame_idx=CORRECTED))

    session = Session(ours, clip, tree=TreeConfig.greedy(), keep_logits=True)
    session.add_points(0, 1, [(30, 40)])
    list(session.propagate())
    session.add_points(CORRECTED, 1, [(70, 60)], [0])
    np.testing.assert_allclose(session.preview(CORRECTED, 1).logits, full(corrected.pred_masks), atol=3e-4)
    results = list(session.propagate(start=CORRECTED))
    assert [result.frame for result in results] == [other.frame_idx for other in expected]
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(result.logits[1], full(other.pred_masks), atol=3e-4)
