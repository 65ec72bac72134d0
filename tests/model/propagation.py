"""Whole propagations of a session beside those of a model of the Transformers library."""

from __future__ import annotations

import numpy as np
import torch

from sam2long import Session, TreeConfig
from sam2long.model.preprocess import prepare_image

CLICK = [[30.0, 40.0]], [1]
BOX = [[20.0, 30.0], [90.0, 100.0], [40.0, 50.0]], [2, 3, 0]
"""A box, and a negative point in it."""


def close(ours, theirs, tolerance=1e-4):
    """Compare two tensors."""
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=tolerance, rtol=1e-4)


def noise(config, frames, seed=0):
    """A clip of noise, uint8 [frames, size, size, 3]."""
    side = config.image_size
    return np.random.default_rng(seed).integers(0, 256, (frames, side, side, 3), dtype=np.uint8)


def compare(pair, inference, clip, prompts, start=0, reverse=False, tolerance=1e-4):
    """Track greedily with both; returns the object scores as {object id: [score on each frame]}.

    Args:
        pair: our model and the library's.
        inference: the library's class of inference sessions.
        clip: from `noise`.
        prompts: by frame and object id, points and labels (2 and 3 for corners of a box), or a mask.
    """
    ours, library = pair
    side = ours.config.image_size
    frames = torch.cat([prepare_image(frame, ours.config, ours.device) for frame in clip])
    theirs = inference(video=frames, video_height=side, video_width=side, dtype=torch.float32)
    session = Session(ours, clip, tree=TreeConfig.greedy(), keep_logits=True)
    for frame, given in prompts.items():
        for object_id, prompt in given.items():
            _prompt(session, theirs, frame, object_id, prompt)
        theirs.obj_with_new_inputs = list(given)
        library(theirs, frame_idx=frame)
    outputs = library.propagate_in_video_iterator(theirs, start_frame_idx=start, reverse=reverse)
    scores = {object_id: [] for given in prompts.values() for object_id in given}
    for result, other in zip(session.propagate(start, reverse=reverse), outputs, strict=True):
        assert result.frame == other.frame_idx
        expected = torch.nn.functional.interpolate(other.pred_masks, size=(side, side), mode="bilinear")[:, 0]
        for number, object_id in enumerate(scores):
            close(result.logits[object_id], expected[number], tolerance)
            score = other.object_score_logits.flatten()[number].item()
            np.testing.assert_allclose(result.object_scores[object_id], score, atol=tolerance, rtol=1e-4)
            scores[object_id].append(score)
    return scores


def shift_scores(pair, shift):
    """Add `shift` to the object scores of both models."""
    ours, library = pair
    for head in (library.mask_decoder.pred_obj_score_head.proj_out, ours.mask_decoder.object_score_head.layers[-1]):
        head.bias.data.add_(shift)


def comes_back(scores):
    """Whether an object, given its object scores, is visible, then absent, then visible again."""
    seen = [score > 0 for score in scores]
    absent = seen.index(False, seen.index(True))
    return True in seen[absent:]


def as_sam2_does_with_masks(library, monkeypatch):
    """Make the library take the pointer of a mask prompt from the token for unambiguous prompts.

    SAM 2 does so, and so do we (tests/tracking/test_golden.py); the library takes that of the best of the other three.
    """
    forward = library._single_frame_forward

    def single(**given):
        only_a_mask = given.get("input_masks") is not None and given.get("input_points") is None
        return forward(**{"multimask_output": not only_a_mask} | given)

    monkeypatch.setattr(library, "_single_frame_forward", single)


def _prompt(session, theirs, frame, object_id, prompt):
    index = theirs.obj_id_to_idx(object_id)
    if isinstance(prompt, np.ndarray):
        theirs.add_mask_inputs(index, frame, torch.from_numpy(prompt).float()[None, None])
        session.add_mask(frame, object_id, prompt)
        return
    points, labels = prompt
    coordinates, kinds = torch.tensor([[points]]), torch.tensor([[labels]], dtype=torch.int32)
    theirs.add_point_inputs(index, frame, {"point_coords": coordinates, "point_labels": kinds})
    if 2 in labels:
        session.add_box(frame, object_id, np.ravel(points[:2]), points[2:], labels[2:])
    else:
        session.add_points(frame, object_id, points, labels)
