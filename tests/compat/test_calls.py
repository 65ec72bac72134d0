"""The calls of Meta's video notebook and the rest of the interface: against `Session`, and by their shapes."""

import av
import numpy as np
import pytest
import torch
from PIL import Image

from sam2long import Session, TreeConfig
from sam2long.compat import SAM2VideoPredictor
from sam2long.errors import ConfigError, PromptError, VideoError
from tests.compat.conftest import FRAMES, HEIGHT, WIDTH

BOX = np.array([10, 20, 30, 40], np.float32)
ABSENT = -1024.0


def one(x, y, label=1):
    """A click as the notebook gives it."""
    return {"points": np.array([[x, y]], np.float32), "labels": np.array([label], np.int32)}


def segments(predictor, state, **how):
    """The notebook's loop: bool masks by object id, by frame."""
    found = {}
    for frame, ids, logits in predictor.propagate_in_video(state, **how):
        found[frame] = {obj_id: (logits[i] > 0.0).cpu().numpy() for i, obj_id in enumerate(ids)}
    return found


def session_like(predictor, clip):
    return Session(predictor.model, clip, tree=predictor.tree, keep_logits=True)


def same(masks, results, ids):
    """`ids` maps the predictor's ids to the session's."""
    assert any(mask.any() and not mask.all() for found in masks.values() for mask in found.values())
    results = {result.frame: result for result in results}
    assert list(masks) == list(results)
    for frame, found in masks.items():
        assert list(found) == list(ids)
        for theirs, ours in ids.items():
            assert found[theirs].shape == (1, HEIGHT, WIDTH) and found[theirs].dtype == bool
            np.testing.assert_array_equal(found[theirs][0], results[frame].masks[ours])


def test_the_notebook(predictor, clip):
    """One object by clicks and a correction; a box and a click; two objects: each after `reset_state`."""
    state = predictor.init_state(video_path=clip)
    predictor.reset_state(state)
    frame, ids, logits = predictor.add_new_points_or_box(inference_state=state, frame_idx=0, obj_id=1, **one(20, 30))
    assert (frame, ids) == (0, [1]) and logits.shape == (1, 1, HEIGHT, WIDTH) and logits.dtype == torch.float32
    two = {"points": np.array([[20, 30], [25, 33]], np.float32), "labels": np.array([1, 1], np.int32)}
    predictor.add_new_points_or_box(inference_state=state, frame_idx=0, obj_id=1, **two)
    session = session_like(predictor, clip)
    session.add_points(0, 1, [(20, 30)])
    session.add_points(0, 1, [(20, 30), (25, 33)], replace=True)
    same(segments(predictor, state), session.propagate(before_prompts=True), {1: 1})

    predictor.add_new_points_or_box(inference_state=state, frame_idx=4, obj_id=1, **one(60, 30, 0))
    session.add_points(4, 1, [(60, 30)], [0], replace=True)
    same(segments(predictor, state), session.propagate(before_prompts=True), {1: 1})

    predictor.reset_state(state)
    predictor.add_new_points_or_box(inference_state=state, frame_idx=0, obj_id=4, box=BOX)
    session = session_like(predictor, clip)
    session.add_box(0, 1, BOX)
    same(segments(predictor, state), session.propagate(), {4: 1})

    predictor.reset_state(state)
    predictor.add_new_points_or_box(inference_state=state, frame_idx=0, obj_id=2, **one(20, 30))
    both = {"points": np.array([[20, 30], [70, 20]], np.float32), "labels": np.array([1, 0], np.int32)}
    predictor.add_new_points_or_box(inference_state=state, frame_idx=0, obj_id=2, **both)
    _, ids, logits = predictor.add_new_points_or_box(inference_state=state, frame_idx=0, obj_id=3, **one(80, 50))
    assert ids == [2, 3] and logits.shape == (2, 1, HEIGHT, WIDTH)
    session = session_like(predictor, clip)
    session.add_points(0, 2, [(20, 30)])
    session.add_points(0, 2, [(20, 30), (70, 20)], [1, 0], replace=True)
    session.add_points(0, 3, [(80, 50)])
    same(segments(predictor, state), session.propagate(), {2: 2, 3: 3})


def test_a_box_is_sent_again_with_a_click(predictor, state):
    """As in the notebook: the second call starts from the mask of the first."""
    _, _, alone = predictor.add_new_points_or_box(state, 0, 4, box=BOX)
    _, _, refined = predictor.add_new_points_or_box(state, 0, 4, **one(12, 22), box=BOX)
    _, _, fresh = predictor.add_new_points_or_box(state, 0, 5, **one(12, 22), box=BOX)
    assert not torch.equal(refined[0], alone[0]) and not torch.equal(refined[0], fresh[1])
    np.testing.assert_array_equal(fresh[0], refined[0])


def test_ways_of_giving_the_same_points(predictor, state):
    _, _, logits = predictor.add_new_points_or_box(state, 0, "a", [[20, 30]], [1])
    share = torch.tensor([[[20 / WIDTH, 30 / HEIGHT]]], dtype=torch.float64)
    predictor.add_new_points_or_box(state, 0, "b", share, torch.tensor([[1]]), normalize_coords=False)
    predictor.add_new_points(state, 0, ("c", 7), **one(20, 30))
    _, ids, logits = predictor.add_new_points_or_box(state, 0, 9, **one(20, 30))
    assert ids == ["a", "b", ("c", 7), 9]
    for other in logits[1:]:
        np.testing.assert_allclose(other, logits[0], atol=1e-4)


def test_points_accumulate_if_told(predictor, state, clip):
    predictor.add_new_points_or_box(state, 0, 1, **one(20, 30))
    _, _, logits = predictor.add_new_points_or_box(state, 0, 1, **one(70, 20, 0), clear_old_points=False)
    session = session_like(predictor, clip)
    session.add_points(0, 1, [(20, 30)])
    session.add_points(0, 1, [(70, 20)], [0])
    np.testing.assert_array_equal(logits[0, 0], session.preview(0, 1).logits)


def test_objects_that_are_not_on_a_frame_are_absent_until_tracked(predictor, state):
    predictor.add_new_points_or_box(state, 0, 1, **one(20, 30))
    _, _, logits = predictor.add_new_points_or_box(state, 3, 2, **one(50, 30))
    assert (logits[0] == ABSENT).all() and torch.equal(logits[1, 0], state.session.preview(3, state.numbers[2]).logits)
    tracked = {frame: masks for frame, _, masks in predictor.propagate_in_video(state)}
    _, _, logits = predictor.add_new_points_or_box(state, 5, 3, **one(50, 30))
    np.testing.assert_array_equal(logits[:2], tracked[5])
    assert torch.equal(logits[2, 0], state.session.preview(5, state.numbers[3]).logits)


def test_ranges(predictor, state):
    predictor.add_new_points_or_box(state, 3, 1, **one(40, 30))
    last = FRAMES - 1

    def visited(**how):
        return list(segments(predictor, state, **how))

    assert visited() == list(range(3, FRAMES))
    assert visited(reverse=True) == [3, 2, 1, 0]
    assert visited(start_frame_idx=0) == list(range(FRAMES))
    assert visited(start_frame_idx=1, max_frame_num_to_track=2) == [1, 2, 3]
    assert visited(start_frame_idx=5, max_frame_num_to_track=99) == [5, 6, 7]
    assert visited(start_frame_idx=last, reverse=True, max_frame_num_to_track=2) == [7, 6, 5]
    assert visited(start_frame_idx=0, reverse=True) == []


def test_a_mask_takes_the_place_of_clicks(predictor, state, clip):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:40, 10:30] = True
    predictor.add_new_points_or_box(state, 0, 1, **one(70, 20))
    _, _, logits = predictor.add_new_mask(state, 0, 1, torch.from_numpy(mask))
    _, _, again = predictor.add_new_mask(state, 0, 2, mask.astype(np.float32))
    np.testing.assert_array_equal(again[1], logits[0])
    session = session_like(predictor, clip)
    session.add_mask(0, 1, mask)
    session.add_mask(0, 2, mask)
    same(segments(predictor, state), session.propagate(), {1: 1, 2: 2})


def test_clicks_refine_a_mask(predictor, state):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:40, 10:30] = True
    predictor.add_new_mask(state, 0, 1, mask)
    _, _, refined = predictor.add_new_points_or_box(state, 0, 1, **one(12, 22))
    _, _, fresh = predictor.add_new_points_or_box(state, 0, 2, **one(12, 22))
    assert not torch.equal(refined[0], fresh[1])


def test_removing_an_object_leaves_the_others(predictor, state, clip):
    predictor.add_new_points_or_box(state, 0, 1, **one(20, 30))
    predictor.add_new_points_or_box(state, 0, 2, box=BOX)
    predictor.add_new_points_or_box(state, 3, 1, **one(35, 30))
    before = segments(predictor, state)
    ids, frames = predictor.remove_object(state, 1)
    assert ids == [2] == state["obj_ids"] and [frame for frame, _ in frames] == [0, 3]
    for frame, logits in frames:
        np.testing.assert_array_equal((logits > 0)[0].numpy(), before[frame][2])
    after = segments(predictor, state)
    for frame, masks in after.items():
        assert list(masks) == [2]
        np.testing.assert_array_equal(masks[2], before[frame][2])
    assert predictor.remove_object(state, 1) == ([2], [])
    assert predictor.remove_object(state, 2) == ([], [])
    with pytest.raises(PromptError, match="no object 2"):
        predictor.remove_object(state, 2, strict=True)


def test_clearing_the_prompts_of_a_frame(predictor, state, clip):
    predictor.add_new_points_or_box(state, 0, 1, **one(20, 30))
    first = segments(predictor, state)
    predictor.add_new_points_or_box(state, 3, 1, **one(60, 30, 0))
    frame, ids, logits = predictor.clear_all_prompts_in_frame(state, 3, 1)
    assert (frame, ids, logits.shape) == (3, [1], (1, 1, HEIGHT, WIDTH))
    assert all((masks[1] == first[frame][1]).all() for frame, masks in segments(predictor, state).items())
    assert predictor.clear_all_prompts_in_frame(state, 0, 1, need_output=False) is None
    assert state["obj_ids"] == [1]
    with pytest.raises(PromptError, match="object 1 has no prompt left"):
        predictor.propagate_in_video_preflight(state)


def test_what_the_state_tells(predictor, state):
    predictor.add_new_points_or_box(state, 0, "left", **one(20, 30))
    predictor.add_new_points_or_box(state, 0, "right", **one(70, 30))
    assert (state["num_frames"], state["video_height"], state["video_width"]) == (FRAMES, HEIGHT, WIDTH)
    assert state["obj_ids"] == ["left", "right"] and state["device"] == predictor.device
    assert state["obj_id_to_idx"] == {"left": 0, "right": 1} and state["obj_idx_to_id"] == {0: "left", 1: "right"}
    assert set(state) == set(dict(state))
    with pytest.raises(KeyError, match="num_frames"):
        state["images"]


@pytest.mark.parametrize("kind", ["folder", "mp4"])
def test_folders_and_files(small_model, clip, tmp_path, kind):
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
        for number, frame in enumerate(clip):
            Image.fromarray(frame).save(path / f"{number:05d}.jpg", quality=95)
    else:
        path = path.with_suffix(".mp4")
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
            for frame in clip:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
    predictor = SAM2VideoPredictor(small_model)
    state = predictor.init_state(str(path), offload_video_to_cpu=True, offload_state_to_cpu=True)
    assert (state["num_frames"], state["video_height"], state["video_width"]) == (FRAMES, HEIGHT, WIDTH)
    predictor.add_new_points_or_box(state, 0, 1, box=BOX)
    assert list(segments(predictor, state)) == list(range(FRAMES))


def test_within_autocast(predictor, state):
    """The notebook's first lines set it for everything that follows."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        _, _, logits = predictor.add_new_points_or_box(state, 2, 1, **one(40, 30))
        found = segments(predictor, state, start_frame_idx=0)
    assert logits.dtype == torch.float32 and list(found) == list(range(FRAMES))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "neither a point nor a box"),
        ({"points": [[1, 2]]}, "given together"),
        ({"points": [[1, 2], [3, 4]], "labels": [1]}, "2 points but 1 labels"),
        ({"points": [1, 2, 3], "labels": [1]}, r"expected \[n, 2\]"),
        ({"points": [["x", 2]], "labels": [1]}, "points cannot be read as numbers"),
        ({"points": [[1, 2]], "labels": [2]}, "label 2"),
        ({"points": [[1, 200]], "labels": [1]}, "outside the 100x60 frame"),
        ({"box": [1, 2, 3]}, "four numbers"),
        ({"box": BOX, "clear_old_points": False}, "clear_old_points=True"),
        ({"frame_idx": 99, "box": BOX}, "no frame 99"),
    ],
)
def test_wrong_prompts_leave_nothing_behind(predictor, state, given, message):
    with pytest.raises(PromptError, match=message):
        predictor.add_new_points_or_box(state, **{"frame_idx": 0, "obj_id": 1, **given})
    assert state["obj_ids"] == []
    with pytest.raises(PromptError, match="there is no prompt"):
        next(predictor.propagate_in_video(state))


def test_other_wrong_use(predictor, state, small_model):
    with pytest.raises(PromptError, match="the mask is empty"):
        predictor.add_new_mask(state, 0, 1, np.zeros((HEIGHT, WIDTH)))
    with pytest.raises(PromptError, match="no object 'cup'; the objects are: none"):
        predictor.clear_all_prompts_in_frame(state, 0, "cup")
    with pytest.raises(VideoError, match="live source"):
        predictor.init_state(iter([np.zeros((HEIGHT, WIDTH, 3), np.uint8)]))
    with pytest.raises(VideoError, match=r"file or folder .* does not exist"):
        predictor.init_state("nowhere.mp4")
    with pytest.raises(ConfigError, match="pathways is 0"):
        SAM2VideoPredictor(small_model, pathways=0)


def test_a_box_beyond_the_frame_is_cut_off(predictor, state):
    _, _, logits = predictor.add_new_points_or_box(state, 0, 1, box=[-0.4, 5, WIDTH + 0.3, 40])
    _, _, again = predictor.add_new_points_or_box(state, 0, 2, box=[0, 5, WIDTH, 40])
    np.testing.assert_array_equal(logits[0], again[1])


def test_one_pathway_is_plain_sam2(small_model):
    assert SAM2VideoPredictor(small_model, pathways=1).tree == TreeConfig.greedy()
    assert SAM2VideoPredictor(small_model).tree == TreeConfig(pathways=3, binary_prompts=True)
