"""Scene cuts that pause the tree: what is attended to, on a fake network that says when the object shows."""

import pytest

from sam2long.tree import FOUND, Clock, Node, ObjectTree, TreeConfig


class Driver:
    """Runs a tree that was prompted on frame 0."""

    def __init__(self, config):
        self.tree = ObjectTree(config, Clock())
        self.tree.prompt(Node(0, 1.0, 10.0, 0))
        self.decided, self.attended = [], {}

    def step(self, frame, score):
        selections = self.tree.memories(frame)
        self.attended[frame] = [sorted(node.payload for node in one.spatial) for one in selections]
        choices = self.tree.choose([[0.9, 0.8, 0.7]] * len(selections), [score] * len(selections))
        nodes = [Node(frame, 0.9, score, frame) for _ in self.tree.survivors(choices)]
        self.tree.grow(frame, choices, nodes, [node.payload for node in nodes])
        self.decided += [branch.frame for branch in self.tree.decided()]


def cut(driver):
    driver.decided += [branch.frame for branch in driver.tree.pause()]


@pytest.mark.parametrize("config", [TreeConfig(), TreeConfig(uncertainty_threshold=50.0)], ids=["certain", "restless"])
def test_nothing_is_remembered_until_the_object_is_found_again(config):
    driver = Driver(config)
    for frame in range(1, 4):
        driver.step(frame, 5.0)
    cut(driver)
    assert driver.decided == [1, 2, 3]
    for frame, score in ((4, -3.0), (5, FOUND), (6, 0.5)):
        driver.step(frame, score)
        assert driver.attended[frame] == [[0, 1, 2, 3]] and driver.tree.paused
    driver.step(7, 2.1)
    assert driver.attended[7] == [[0, 1, 2, 3]] and not driver.tree.paused
    driver.step(8, -1.0)
    assert all(seen == [0, 1, 2, 3, 7] for seen in driver.attended[8])
    driver.step(9, 5.0)  # the previous frame counts again, whatever its score
    assert all(seen == [0, 1, 2, 3, 7, 8] for seen in driver.attended[9])
    assert driver.decided[:6] == [1, 2, 3, 4, 5, 6]


def test_the_frame_before_a_cut_is_forgotten_unless_it_is_useful():
    driver = Driver(TreeConfig())
    driver.step(1, 5.0)
    driver.step(2, -5.0)
    cut(driver)
    driver.step(3, 5.0)
    assert driver.attended[3] == [[0, 1]]


def test_a_prompt_ends_a_pause_and_a_cut_during_one_changes_nothing():
    driver = Driver(TreeConfig())
    driver.step(1, 5.0)
    cut(driver)
    driver.step(2, 0.0)
    cut(driver)
    driver.step(3, 0.0)
    assert driver.attended[3] == [[0, 1]] and driver.tree.paused
    driver.tree.prompt(Node(4, 1.0, 10.0, 4))
    assert not driver.tree.paused
    driver.step(5, 0.0)
    driver.step(6, 5.0)
    assert all(seen == [0, 1, 4, 5] for seen in driver.attended[6])


def test_a_search_goes_on_across_a_cut():
    driver = Driver(TreeConfig())
    driver.tree.search([(Node(0, 1.0, 10.0, place),) for place in range(3)])
    cut(driver)
    assert driver.tree.searching and not driver.tree.paused and len(driver.tree.pathways) == 3
