"""What users hand over: numbers of NumPy's kinds, masks of other kinds, boxes that overshoot, tiny objects."""

import json
import warnings

import numpy as np
import pytest

from sam2long import Session
from sam2long.compat.inputs import read_mask
from sam2long.errors import PromptError
from tests.tracking.blob import same_results


def box_mask(shape, kind=bool):
    mask = np.zeros(shape, kind)
    mask[20:40, 10:30] = 1
    return mask


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16])
def test_numbers_of_numpy_are_numbers(small_model, clip, tmp_path, kind):
    plain, fancy = Session(small_model, clip), Session(small_model, clip)
    plain.add_mask(0, 3, box_mask(clip.shape[1:3]))
    fancy.add_mask(kind(0), kind(3), box_mask(clip.shape[1:3]))
    plain.add_points(2, 4, [(70, 20)])
    fancy.add_points(kind(2), kind(4), [(70, 20)])
    expected = list(plain.propagate(end=6))
    same_results(list(fancy.propagate(end=kind(6))), expected)
    assert fancy.result(kind(5)).masks.keys() == {3, 4}
    json.dumps([[look.frame, look.object_id] for look in fancy.review()])
    fancy.save(tmp_path / "a.s2l")
    assert Session.open(tmp_path / "a.s2l", small_model, clip).object_ids == [3, 4]
    assert np.array_equal(fancy.preview(kind(0), kind(3)).mask, plain.preview(0, 3).mask)
    fancy.remove_prompt(kind(2), kind(4))
    fancy.remove_object(kind(3))
    assert fancy.object_ids == []


@pytest.mark.parametrize("number", [1.0, True, np.bool_(True), "1", None])
def test_what_is_no_whole_number(small_model, clip, number):
    session = Session(small_model, clip)
    for frame, object_id in ((0, number), (number, 1)):
        with pytest.raises(PromptError, match="whole number"):
            session.add_box(frame, object_id, (10, 20, 30, 40))
    session.add_box(0, 1, (10, 20, 30, 40))
    with pytest.raises(PromptError, match="whole number"):
        session.result(number)
    if number is not None:
        with pytest.raises(PromptError, match="whole number"):
            session.propagate(start=number)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, np.int64])
@pytest.mark.parametrize("value", [1, 255])
def test_masks_of_zeros_and_ones(small_model, clip, kind, value):
    session = Session(small_model, clip)
    session.add_mask(0, 1, (box_mask(clip.shape[1:3], np.uint8) * value).astype(kind))
    other = Session(small_model, clip)
    other.add_mask(0, 1, box_mask(clip.shape[1:3]))
    assert np.array_equal(session.preview(0, 1).mask, other.preview(0, 1).mask)


@pytest.mark.parametrize("values", [(-8.0, 5.0), (0.1, 0.9), (0.0, 0.9), (0, 3), (0.0, float("nan"))])
def test_logits_probabilities_and_labels_are_no_mask(small_model, clip, values):
    session = Session(small_model, clip)
    mask = np.where(box_mask(clip.shape[1:3]), values[1], values[0])
    for given in (mask, read_mask(mask)):
        with pytest.raises(PromptError, match=r"logits > 0, probabilities > 0\.5"):
            session.add_mask(0, 1, given)
    assert session.object_ids == []


def test_a_tiny_mask_is_there_on_its_own_prompt(small_model, clip):
    large = np.repeat(np.repeat(clip[:2], 20, axis=1), 20, axis=2)
    mask = np.zeros(large.shape[1:3], bool)
    mask[700:702, 1300:1303] = True
    session = Session(small_model, large)
    session.add_mask(0, 1, mask)
    shown = session.preview(0, 1)
    assert shown.object_score > 0 and shown.mask.any()
    rows, columns = shown.mask.nonzero()
    side = large.shape[2] / 32
    assert abs(rows.mean() - 700.5) < side and abs(columns.mean() - 1301) < side


def test_boxes_that_overshoot_are_cut(small_model, clip):
    height, width = clip.shape[1:3]
    session, exact = Session(small_model, clip), Session(small_model, clip)
    with pytest.warns(UserWarning, match="extends beyond .* clipped to 0,20,100,60"):
        session.add_box(0, 1, (-0.4, 20, width + 0.3, height + 0.001))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact.add_box(0, 1, (0, 20, width, height))
    assert np.array_equal(session.preview(0, 1).mask, exact.preview(0, 1).mask)
    for outside in ((-9, 0, 0, 10), (width, 0, width + 9, 10), (0, height + 1, 10, height + 5)):
        with pytest.raises(PromptError, match="lies outside"):
            exact.add_box(0, 2, outside)


class Lazy:
    """An array that is read when it is sliced, as of zarr and HDF5; it counts what is read."""

    def __init__(self, values):
        self._values, self.shape, self.dtype, self.reads = values, values.shape, values.dtype, 0

    def __len__(self):
        return len(self._values)

    def __getitem__(self, index):
        self.reads += 1
        return self._values[index]


def test_arrays_that_are_read_when_sliced(small_model, clip):
    lazy = Lazy(clip)
    session, plain = Session(small_model, lazy), Session(small_model, clip)
    assert session.source.seekable and session.source.frame_count == len(clip) and lazy.reads == 1
    for one in (session, plain):
        one.add_box(0, 1, (10, 20, 30, 40))
        list(one.propagate(end=3))
        one.add_points(2, 1, [(60, 50)], [0])
    same_results(list(session.propagate(end=5)), list(plain.propagate(end=5)))


def test_a_session_leaves_open_what_it_did_not_open(small_model, clip):
    from sam2long.video import open_video

    closed = []
    source = open_video(clip)
    source.close = lambda: closed.append(True)
    Session(small_model, source).close()
    assert not closed
