"""A whole session on the pretended device says what it says on the CPU, whatever is done with it."""

from unittest.mock import patch

import numpy as np
import pytest
import torch

from sam2long import Session, TreeConfig
from sam2long.compat import SAM2VideoPredictor
from sam2long.results import FrameResult
from tests.device.conftest import FRAMES
from tests.device.pretend import DeviceTensor
from tests.device.small import start


def shown(session, frame, object_id):
    """A preview, as a result."""
    preview = session.preview(frame, object_id)
    told = (preview.mask, preview.score, preview.object_score, 0.0, 0.0, preview.logits)
    return FrameResult(frame, 0.0, *({object_id: value} for value in told))


def with_tree(model, clip, folder):
    return list(start(model, clip).propagate())


def greedy(model, clip, folder):
    return list(start(model, clip, TreeConfig.greedy()).propagate())


def packed_while_waiting(model, clip, folder):
    """Object 2 is marked on a frame that waits for object 1, so that the prompt's own mask is packed too."""
    session = start(model, clip)
    session.add_mask(2, 2, clip.mask(2, 2))
    with patch("sam2long.tracking.propagation._UNPACKED", 1):
        return [*session.propagate(end=4), shown(session, 2, 2)]


def live(model, clip, folder):
    return list(start(model, clip, source=iter(clip.frames)).propagate(end=4))


def corrected(model, clip, folder):
    """A correction on a tracked frame and on a new one, undone again, then backward."""
    session = start(model, clip, TreeConfig.greedy())
    results = list(session.propagate(end=3))
    session.add_points(2, 1, [clip.middle(1, 2)])
    results += [shown(session, 2, 1), shown(session, 0, 2), *session.propagate(end=3)]
    session.undo()
    session.add_points(4, 2, [clip.middle(2, 4)])
    return [*results, *session.propagate(end=5), *session.propagate(start=4, reverse=True), *session.results()]


def corrected_with_tree(model, clip, folder):
    session = start(model, clip, max_delay=1)
    results = list(session.propagate(end=3))
    session.add_points(2, 1, [clip.middle(1, 2)])
    return [*results, *session.propagate(end=3)]


def saved_and_opened(model, clip, folder):
    path = folder / f"{model.device.type}.s2l"
    with start(model, clip) as session:
        results = list(session.propagate(end=2))
        session.save(path)
    with Session.open(path, model, clip.frames) as opened:
        return [*results, *opened.propagate(end=4), *opened.results()]


def features_in_memory(model, clip, folder):
    return corrected_late(start(model, clip, TreeConfig.greedy(), feature_cache="1GB"), clip)


def corrected_late(session, clip):
    """The corrected frame is no longer among the latest."""
    with session:
        results = list(session.propagate(end=5))
        session.add_points(1, 1, [clip.middle(1, 1)])
        return [*results, *session.propagate(end=2)]


def predicted(model, clip, folder):
    """By the calls of SAM 2's predictor; object 2 is absent from the first answer."""
    predictor = SAM2VideoPredictor(model)
    state = predictor.init_state(clip.frames)
    answers = [
        predictor.add_new_mask(state, 0, 1, clip.mask(1)),
        predictor.add_new_points_or_box(state, 2, 2, box=np.array(clip.box(2, 2), np.float32)),
        predictor.add_new_points_or_box(state, 0, 1, [clip.middle(1)], [1]),
        *predictor.propagate_in_video(state, max_frame_num_to_track=3),
    ]
    return [
        FrameResult(
            frame, 0.0, {i: (one[0] > 0).cpu().numpy() for i, one in zip(ids, logits)}, {}, {}, {}, {},
            {i: one[0] for i, one in zip(ids, logits)},
        )
        for frame, ids, logits in answers
    ]  # fmt: skip


@pytest.mark.parametrize(
    "work",
    [
        with_tree,
        greedy,
        packed_while_waiting,
        live,
        corrected,
        corrected_with_tree,
        saved_and_opened,
        features_in_memory,
        predicted,
    ],
)
def test_it_says_what_it_says_on_the_cpu(both, small_model, clip, tmp_path, work):
    same(*both(lambda model: work(model, clip, tmp_path), small_model))


def test_nano_says_what_it_says_on_the_cpu(both, nano, clip, tmp_path):
    same(*both(lambda model: live(model, clip, tmp_path), nano))


def same(expected, got):
    """`expected` was computed on the CPU."""
    assert any(mask.any() and not mask.all() for result in expected for mask in result.masks.values())
    for ours, theirs in zip(got, expected, strict=True):
        same_frame(ours, theirs)


def same_frame(ours, theirs):
    assert (ours.frame, list(ours.masks)) == (theirs.frame, list(theirs.masks))
    assert ours.scores == pytest.approx(theirs.scores, abs=1e-5)
    assert ours.object_scores == pytest.approx(theirs.object_scores, abs=1e-3)
    assert ours.disagreement == pytest.approx(theirs.disagreement, abs=1e-3)
    for object_id, logits in theirs.logits.items():
        assert isinstance(ours.logits[object_id], DeviceTensor)
        tolerance = 1e-5 * max(1.0, float(logits.abs().max()))
        torch.testing.assert_close(ours.logits[object_id].cpu(), logits, atol=tolerance, rtol=0)
        # Another order of sums may move a pixel that is neither inside nor outside.
        clear = logits.abs().numpy() > tolerance
        np.testing.assert_array_equal(ours.masks[object_id][clear], theirs.masks[object_id][clear])


def test_a_session_of_the_device_opens_on_the_cpu(small_model, clip, tmp_path, on_device):
    with start(on_device(small_model), clip, TreeConfig.greedy()) as session:
        list(session.propagate(end=2))
        session.save(tmp_path / "a.s2l")
    with Session.open(tmp_path / "a.s2l", small_model, clip.frames) as opened:
        assert [result.frame for result in opened.propagate(end=3)] == [0, 1, 2, 3]


def test_images_are_encoded_in_batches(small_model, clip, on_device, monkeypatch):
    model, sizes = on_device(small_model), []
    encode = type(model).encode_image
    monkeypatch.setattr(
        type(model), "encode_image", lambda self, images: (sizes.append(len(images)), encode(self, images))[1]
    )
    list(start(model, clip, TreeConfig.greedy()).propagate())
    # The prompted frame, then all seven by threes.
    assert (FRAMES, sizes) == (7, [1, 3, 3, 1])
