"""Searching by references, against a plain account of what each frame attends to, on a fake network."""

import pytest

from sam2long.tree import Clock, Node, ObjectTree, TreeConfig

PLACES = [(Node(0, 1.0, 10.0, f"a{place}"), Node(0, 1.0, 10.0, f"b{place}")) for place in range(5)]
TREES = pytest.mark.parametrize("config", [TreeConfig(uncertainty_threshold=50.0), TreeConfig.greedy()])


class Driver:
    """Runs a tree; `found` says at which frame which place sees the object."""

    def __init__(self, config, found):
        self.tree = ObjectTree(config, Clock())
        self.tree.search(PLACES)
        self.found, self.attended, self.decided = found, {}, []

    def step(self, frame):
        selections = self.tree.memories(frame)
        self.attended[frame] = [
            ([n.payload for n in s.spatial], s.slots, [n.payload for n in s.pointers], s.times) for s in selections
        ]
        searching = self.tree.searching
        scores = [3.0 if not searching or self.found.get(frame) == row else 1.9 - row for row in range(len(selections))]
        # The highest predicted IoU belongs to a place that does not see the object.
        ious = [
            [0.9 - 0.1 * candidate if score < 3 else 0.7 + 0.01 * candidate for candidate in range(3)]
            for score in scores
        ]
        choices = self.tree.choose(ious, scores)
        nodes = [
            Node(frame, ious[row][one], scores[row], f"{frame}.{one}") for row, one in self.tree.survivors(choices)
        ]
        row = self.tree.grow(frame, choices, nodes, [node.payload for node in nodes])
        self.tree.merge(0.0)
        self.decided += [(branch.frame, branch.outcome) for branch in self.tree.decided()]
        return row


@TREES
def test_all_places_are_tried_until_one_sees_the_object(config):
    driver = Driver(config, {3: 2})
    for frame in range(3):
        row = driver.step(frame)
        assert driver.tree.searching and row.parents == [0] * config.pathways  # the likeliest place
        assert [spatial for spatial, *_ in driver.attended[frame]] == [[f"a{i}", f"b{i}"] for i in range(5)]
    assert driver.decided == [(0, "0.0"), (1, "1.0"), (2, "2.0")]
    row = driver.step(3)
    assert not driver.tree.searching and row.parents == [2] * config.pathways and set(row.candidates) == {2}
    driver.step(4)
    # From here on as after a prompt: the references of that place take the slot of prompted frames.
    ((spatial, slots, pointers, times),) = driver.attended[4]
    assert (spatial, slots) == (["a2", "b2", "3.2"], [0, 0, 1])
    assert pointers[:2] == ["a2", "b2"] and times[:2] == [1 / 15, 1 / 15]


def test_references_do_not_age():
    driver = Driver(TreeConfig(), {0: 4})
    for frame in range(40):
        driver.step(frame)
    for spatial, slots, pointers, times in driver.attended[39]:
        assert spatial[:2] == pointers[:2] == ["a4", "b4"] and slots[:2] == [0, 0] and times[:2] == [1 / 15, 1 / 15]
        assert len(spatial) == 2 + 6


def test_references_count_as_prompted_for_modulation():
    driver = Driver(TreeConfig(), {0: 0})
    driver.step(0)
    (selection,) = driver.tree.memories(1)
    assert selection.spatial_weights == pytest.approx([1.0, 1.05, 0.95])  # the object score of frame 0 is lower


@pytest.mark.parametrize("seen", [{}, {1: 3}])
def test_a_prompt_ends_the_search_and_the_references(seen):
    driver = Driver(TreeConfig(), seen)
    driver.step(0)
    driver.step(1)
    driver.tree.prompt(Node(2, 1.0, 10.0, "prompt"))
    driver.step(3)
    for spatial, *_ in driver.attended[3]:
        assert spatial == (["prompt", "1.2"] if seen else ["prompt"])


def test_merging_does_not_end_a_search():
    driver = Driver(TreeConfig(merge=1), {5: 1})
    for frame in range(6):
        driver.step(frame)
    assert driver.tree.pathways[0].history.references == PLACES[1]


def test_the_best_find_is_the_best_mask_of_the_place_with_the_highest_object_score():
    tree = ObjectTree(TreeConfig(), Clock())
    tree.search(PLACES[:3])
    choices = tree.choose([[0.9, 0.1, 0.1], [0.5, 0.8, 0.3], [0.99, 0.9, 0.9]], [0.0, 5.0, -1000.0])
    assert [(choice.pathway, choice.candidate, choice.score) for choice in choices] == [(1, 1, 0.0)] * 3


def test_places_may_change_from_frame_to_frame():
    driver = Driver(TreeConfig(), {2: 1})
    driver.step(0)
    driver.tree.search(PLACES[:3])
    driver.step(1)
    driver.tree.search(PLACES[3:])
    driver.step(2)
    assert [frame for frame, _ in driver.decided] == [0, 1, 2] and not driver.tree.searching
    assert driver.tree.pathways[0].history.references == PLACES[4]
