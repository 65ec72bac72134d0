"""Objects remembered from elsewhere: searched for, followed, undone, saved and resumed like prompted ones."""

import json
import zipfile

import numpy as np
import pytest
import torch

from sam2long import Reference, Session, TreeConfig
from sam2long.errors import PromptError, SessionError
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.memory.memory_attention import Memory
from sam2long.model.preprocess import prepare_image
from sam2long.model.sam2 import SAM2
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tracking.prompting.prompts import FrameSize
from tests.networks import SMALL, SMALL_EDGETAM
from tests.tracking.blob import FRAMES, HEIGHT, RESTLESS, WIDTH, equal, masks, same_results


@pytest.fixture
def picture(clip):
    """A picture of another size, in which the blob is elsewhere, and its mask."""
    image = np.ascontiguousarray(clip[3][::-1, ::-1][:50])
    y, x = np.mgrid[:50, :WIDTH]
    return image, (x - 67) ** 2 + (y - 29) ** 2 < 150


@pytest.fixture
def reference(small_model, picture):
    return Reference.from_image(small_model, *picture)


def like(model, clip, reference, tree=RESTLESS, **how):
    session = Session(model, clip, tree=tree, **how)
    session.add_reference(5, reference)
    return session


def moved(reference, x, y):
    """The reference's memory with the object's centre at (x, y)."""
    (memory,), ((was_x, was_y),) = reference.memories, reference.centres
    side = memory.spatial.shape[-1]
    shift = round((y - was_y) * side), round((x - was_x) * side)
    return torch.from_numpy(np.roll(memory.spatial.numpy(), shift, (1, 2)))


def look(model, features, reference, places):
    """What the network makes of a frame with the reference at each of some places, called by hand, one by one."""
    made = []
    for x, y in places:
        context = Memory(
            moved(reference, x, y)[None, None],
            torch.zeros(1, 1, dtype=torch.long),
            reference.memories[0].pointer[None, None],
            torch.tensor([[1 / 15]]),
        )
        one = model.decode(model.attend(features.coarse, context), features, model.no_prompts()).candidates()
        number = int(one.ious[0].argmax())
        made.append((float(one.object_scores[0]), float(one.ious[0, number]), one.masks[0, number]))
    return made


def test_the_first_frame_is_the_best_of_two_looks(small_model, clip, reference):
    config = small_model.config
    assert reference.centres[0] == pytest.approx((0.675, 0.59), abs=0.01)
    grid = [((column + 0.5) / 4, (row + 0.5) / 4) for row in range(4) for column in range(4)]
    with torch.inference_mode():
        features = small_model.encode_image(prepare_image(clip[0], config, small_model.device))
        first = look(small_model, features, reference, grid)
        first.sort(key=lambda one: -one[1] / (1 + np.exp(-one[0])))
        places = []
        for _, _, mask in first:
            rows, columns = (mask.numpy() > 0).nonzero()
            x, y = (columns.mean() + 0.5) / mask.shape[1], (rows.mean() + 0.5) / mask.shape[0]
            if len(places) < 6 and all(abs(x - a) + abs(y - b) > 0.04 for a, b in places):
                places.append((x, y))
        score, iou, mask = max(look(small_model, features, reference, places), key=lambda one: one[0])
    result = next(like(small_model, clip, reference).propagate())
    assert (result.frame, len(places) > 1) == (0, True)
    assert result.scores[5] == pytest.approx(iou, abs=1e-4)
    assert result.object_scores[5] == pytest.approx(score, abs=1e-2)
    assert (result.masks[5] != Outcome(mask, 1.0, 1.0).mask(FrameSize(HEIGHT, WIDTH))).mean() < 1e-3


def test_a_moved_memory_is_that_of_the_moved_picture_away_from_the_border(small_model):
    """A memory has no position of its own: moving the map by a cell is moving the picture by a cell."""
    from sam2long.tracking.prompting.reference import at_place

    rng = np.random.default_rng(2)
    image = np.kron(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8), np.ones((16, 16, 1), np.uint8))
    mask = np.zeros((128, 128), bool)
    mask[32:48, 32:48] = True
    one = Reference.from_image(small_model, image, mask)
    moved = at_place((one,), (one.centres[0][0] + 1 / 8, one.centres[0][1]), torch.device("cpu"))[0].payload
    assert torch.equal(moved.spatial, one.memories[0].spatial.roll(1, 2))
    assert torch.equal(moved.pointer, one.memories[0].pointer)


@pytest.mark.parametrize("tree", [RESTLESS, TreeConfig.greedy()], ids=["restless", "greedy"])
def test_undo_and_redo(small_model, clip, reference, tree):
    session = like(small_model, clip, reference, tree)
    first = list(session.propagate())
    assert session.object_ids == [5] and session.prompts == {5: []} and session.references == {5: (reference,)}
    session.add_points(8, 5, [(52, 30)])
    corrected = list(session.propagate())
    assert equal(masks(first, 5), masks(corrected, 5), range(8))
    session.undo()
    same_results(list(session.results()), first)
    session.undo()
    assert session.object_ids == [] and list(session.results()) == []
    session.redo()
    same_results(list(session.results()), first)
    session.redo()
    same_results(list(session.results()), corrected)
    session.remove_prompt(8, 5)
    again = list(session.propagate())
    assert equal(masks(again, 5), masks(first, 5), range(8)) and len(again) == FRAMES
    assert [note.what for note in session.undoable] == ["reference", "clicks", "removal"]


def test_a_further_reference_outdates_all_results(small_model, clip, reference, picture):
    session = like(small_model, clip, reference)
    first = list(session.propagate())
    other = Reference.from_image(small_model, picture[0][:, ::-1].copy(), picture[1][:, ::-1].copy())
    session.add_reference(5, other)
    assert list(session.results()) == []
    both = list(session.propagate())
    fresh = like(small_model, clip, reference)
    fresh.add_reference(5, other)
    same_results(both, list(fresh.propagate()))
    session.undo()
    same_results(list(session.propagate()), first)


def check_resumed(small_model, clip, reference, tree, path):
    expected = list(like(small_model, clip, reference, tree).propagate())
    session = like(small_model, clip, reference, tree)
    for result in session.propagate():
        if result.frame == 7:
            break
    session.save(path)
    opened = Session.open(path, small_model, clip)
    assert opened.references[5][0].digest == reference.digest
    same_results(list(opened.propagate()), expected)


@pytest.mark.parametrize("tree", [RESTLESS, TreeConfig.greedy()], ids=["restless", "greedy"])
def test_save_open_and_go_on_equals_one_run(small_model, clip, reference, tree, tmp_path):
    check_resumed(small_model, clip, reference, tree, tmp_path / "a.s2l")


def test_save_open_and_go_on_while_searching(small_model, clip, reference, blind, tmp_path):
    check_resumed(small_model, clip, reference, TreeConfig(), tmp_path / "a.s2l")


@pytest.fixture
def blind(monkeypatch):
    """Let the network see nothing while objects are searched for: memories without the pointer of a tracked frame."""
    from sam2long.tracking.frame.tracker import Tracker

    propose = Tracker.propose

    def propose_nothing(self, features, selections):
        made = propose(self, features, selections)
        if all(len(selection.spatial) == 1 for selection in selections):
            made.object_scores[:] = -3.0
            made.masks[:] = -1024.0
        return made

    monkeypatch.setattr(Tracker, "propose", propose_nothing)


def test_nothing_is_remembered_before_the_object_is_found(small_model, clip, reference, blind):
    session = like(small_model, clip, reference, trace=True)
    results = list(session.propagate())
    assert [result.frame for result in results] == list(range(FRAMES))
    assert not any(result.masks[5].any() for result in results)
    tree = session._state.tracks[5].live.tree
    assert tree.searching and len(tree.pathways) == 1 and tree.pathways[0].history.latest is None
    # A click there has no memory to start from, and ends the search.
    session.add_points(4, 5, [(36, 30)])
    after = list(session.propagate())
    assert not session._state.tracks[5].live.tree.searching and after[4].masks[5].any()


def test_backward_with_a_stride_and_beside_a_prompted_object(small_model, clip, reference):
    session = like(small_model, clip, reference)
    session.add_box(6, 1, (10, 20, 30, 40))
    assert [result.frame for result in session.propagate(reverse=True, stride=2)][:2] == [15, 13]
    results = list(session.propagate())
    assert [set(result.masks) for result in results] == [{5}] * 6 + [{5, 1}] * 10


def test_the_file_of_a_session_without_references_stays_readable_by_earlier_versions(
    small_model, clip, reference, tmp_path
):
    versions = []
    for session in (Session(small_model, clip), like(small_model, clip, reference)):
        session.add_box(0, 1, (10, 20, 30, 40))
        list(session.propagate(end=1))
        session.save(tmp_path / "a.s2l")
        with zipfile.ZipFile(tmp_path / "a.s2l") as file:
            data = json.loads(file.read("session.json"))
        versions.append(data["version"])
    assert versions == [2, 3]
    assert "references" not in data["objects"][1] and len(data["objects"][0]["references"]) == 1


def test_from_another_session_open_or_saved(small_model, clip, tmp_path):
    elsewhere = Session(small_model, clip[::-1].copy())
    elsewhere.add_box(0, 1, (70, 20, 90, 40))
    elsewhere.add_box(0, 3, (10, 20, 30, 40))
    for frame in range(4, 14, 2):
        elsewhere.add_points(frame, 3, [(60, 30)])
    list(elsewhere.propagate())
    elsewhere.save(tmp_path / "match.s2l")
    open_one, saved = elsewhere.reference(3), Reference.from_file(tmp_path / "match.s2l", 3)
    assert open_one.digest == saved.digest and open_one.centres == saved.centres and saved.object_id == 3
    assert 1 <= len(saved.memories) <= 4
    results = list(like(small_model, clip, saved).propagate())
    same_results(results, list(like(small_model, clip, open_one).propagate()))
    with pytest.raises(SessionError, match=r"has objects 1, 3; say which one, as in match.s2l#1"):
        Reference.from_file(tmp_path / "match.s2l")
    with pytest.raises(SessionError, match="has no object 2; its objects are 1, 3"):
        Reference.from_file(tmp_path / "match.s2l", 2)


def test_a_session_that_was_never_followed_remembers_nothing(small_model, clip, tmp_path):
    session = Session(small_model, clip)
    session.add_box(0, 1, (10, 20, 30, 40))
    session.save(tmp_path / "a.s2l")
    with pytest.raises(SessionError, match="has no encoded memory yet: follow it in its own video first"):
        Reference.from_file(tmp_path / "a.s2l")


def test_another_network_is_told_in_one_line(clip, reference):
    other = fresh_model(SMALL, seed=4)
    session = Session(other, clip)
    with pytest.raises(
        PromptError, match=r"^object 5: a picture was encoded by another network, .*picture with a mask$"
    ):
        session.add_reference(5, reference)
    assert session.object_ids == [] and session.undoable == []


def test_memories_that_are_tokens_stay_where_they_are(clip, picture):
    model = fresh_model(SMALL_EDGETAM, seed=3)
    assert isinstance(model, SAM2)
    session = like(model, clip, Reference.from_image(model, *picture), TreeConfig())
    assert [result.frame for result in session.propagate(end=3)] == [0, 1, 2, 3]


def test_a_mask_of_another_size_or_an_empty_one(small_model, picture):
    with pytest.raises(PromptError, match=f"the mask of a picture: the mask is {WIDTH}x{HEIGHT}"):
        Reference.from_image(small_model, picture[0], np.ones((HEIGHT, WIDTH), bool))
    with pytest.raises(PromptError, match="the mask is empty"):
        Reference.from_image(small_model, picture[0], np.zeros(picture[1].shape, bool))
