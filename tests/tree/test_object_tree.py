"""The tree against an independent, plain search, on a fake network that returns chosen scores."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2long.tree import Clock, Node, ObjectTree, TreeConfig
from tests.tree import naive


def shown(nodes, places, weights):
    weights = [1.0] * len(nodes) if weights is None else weights
    return naive.rounded([(node.payload, place, weight) for node, place, weight in zip(nodes, places, weights)])


class Driver:
    """Runs an `ObjectTree` on the fake network; the payload of a node is the name of its chain."""

    def __init__(self, config, seed, limit=16, tie_heavy=False, max_delay=None):
        self.tree = ObjectTree(config, Clock(max_pointers=limit))
        self.seed, self.limit, self.tie_heavy, self.max_delay = seed, limit, tie_heavy, max_delay
        self.reported = {}
        self.calls = 0
        self.tree.prompt(Node(0, 1.0, 10.0, (0,)))

    def ask(self, frame, selection):
        self.calls += 1
        maps = shown(selection.spatial, selection.slots, selection.spatial_weights)
        steps = [round(time * max(1, self.limit - 1)) for time in selection.times]
        pointers = shown(selection.pointers, steps, selection.pointer_weights)
        return naive.network(self.seed, frame, maps, pointers, self.tie_heavy)

    def step(self, frame):
        tree = self.tree
        parents = [
            pathway.history.latest.payload if pathway.history.latest else (0,) for pathway in tree._distinct().values()
        ]
        answers = [self.ask(frame, selection) for selection in tree.memories(frame)]
        ious, scores = [ious for ious, _ in answers], [score for _, score in answers]
        choices = tree.choose(ious, scores)
        nodes = [
            Node(frame, ious[row][candidate], scores[row], (*parents[row], candidate))
            for row, candidate in tree.survivors(choices)
        ]
        row = tree.grow(frame, choices, nodes, [node.payload for node in nodes])
        tree.merge(naive.disagreement(self.seed, frame) if len(nodes) > 1 else 0.0)
        self.report(tree.decided() if self.max_delay is None else tree.decide(self.max_delay))
        return list(zip(row.parents, row.candidates, row.scores))

    def report(self, branches):
        for branch in branches:
            assert branch.frame not in self.reported
            self.reported[branch.frame] = branch.outcome


configs = st.builds(
    TreeConfig,
    pathways=st.integers(1, 5),
    iou_threshold=st.sampled_from([0.0, 0.3, 0.7]),
    uncertainty_threshold=st.sampled_from([0.5, 2.0, 5.0]),
    modulation=st.sampled_from([None, (0.95, 1.05)]),
    merge=st.sampled_from([None, None, 1, 2, 5]),
    merge_iou=st.sampled_from([0.9, 0.95]),
)


@settings(max_examples=150, deadline=None)
@given(config=configs, seed=st.integers(0, 10**6), frames=st.integers(2, 40), tie_heavy=st.booleans())
def test_every_choice_and_the_final_masks_equal_the_plain_search(config, seed, frames, tie_heavy):
    limit = min(16, frames)
    expected, winner = naive.search(seed, frames, config, limit, tie_heavy)
    driver = Driver(config, seed, limit, tie_heavy)
    for frame in range(1, frames):
        steps = driver.step(frame)
        assert [step[:2] for step in steps] == [step[:2] for step in expected[frame - 1]]
        assert [step[2] for step in steps] == pytest.approx([step[2] for step in expected[frame - 1]], abs=1e-9)
    early = dict(driver.reported)
    driver.report(driver.tree.finish())
    assert [driver.reported[frame] for frame in range(1, frames)] == winner
    assert all(driver.reported[frame] == name for frame, name in early.items())


def test_one_pathway_without_filter_and_modulation_takes_the_best_candidate_and_the_latest_frames():
    driver = Driver(TreeConfig(pathways=1, iou_threshold=None, modulation=None), seed=5)
    chain, names = (0,), {0: (0,)}
    for frame in range(1, 40):
        maps = [((0,), 0, 1.0)]
        maps += [(names[frame - slot], slot, 1.0) for slot in range(6, 0, -1) if frame - slot >= 1]
        pointers = [((0,), frame, 1.0)]
        pointers += [(names[frame - steps], steps, 1.0) for steps in range(1, 16) if frame - steps >= 1]
        ious, _ = naive.network(5, frame, maps, pointers, False)
        best = ious.index(max(ious))
        chain = (*chain, best)
        names[frame] = chain
        ((_, candidate, _),) = driver.step(frame)
        assert candidate == best
        assert driver.reported[frame] == chain


def test_identical_pathways_cost_one_and_stay_identical():
    config = TreeConfig(pathways=3)
    tree = ObjectTree(config, Clock())
    tree.prompt(Node(0, 1.0, 10.0, "prompt"))
    for frame in range(1, 30):
        assert len(tree.memories(frame)) == 1
        # Certain, and one candidate so good that its three copies take the first three places.
        choices = tree.choose([[0.9, 0.1, 0.2]], [8.0])
        assert tree.survivors(choices) == [(0, 0)]
        tree.grow(frame, choices, [Node(frame, 0.9, 8.0, frame)], [frame])
        assert [branch.outcome for branch in tree.decided()] == [frame]
        assert len({pathway.score for pathway in tree.pathways}) == 1


def test_merged_pathways_are_one_decide_everything_and_part_again():
    tree = ObjectTree(TreeConfig(pathways=2, merge=3), Clock())
    tree.prompt(Node(0, 1.0, 10.0, "prompt"))
    grow(tree, 1, [[0.9, 0.5, 0.1]], [8.0])
    grow(tree, 2, [[0.9, 0.8, 0.7]], [0.5])
    for frame, apart in ((3, 0.05), (4, 0.3), (5, 0.05), (6, 0.05)):
        assert len(tree.memories(frame)) == 2
        grow(tree, frame, [[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]], [8.0, 8.0])
        tree.merge(apart)
        tree.decided()
    best = tree.best_chain()
    grow(tree, 7, [[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]], [8.0, 8.0])
    tree.merge(0.05)
    assert tree.decided()[: len(best)] == best
    assert len(tree.memories(8)) == 1
    assert len({pathway.score for pathway in tree.pathways}) == 1
    grow(tree, 8, [[0.9, 0.5, 0.1]], [8.0])
    assert len(tree.memories(9)) == 1
    grow(tree, 9, [[0.9, 0.8, 0.1]], [0.5])
    assert len(tree.memories(10)) == 2


def grow(tree, frame, ious, scores):
    choices = tree.choose(ious, scores)
    places = tree.survivors(choices)
    tree.grow(frame, choices, [Node(frame, ious[a][b], scores[a], (frame, a, b)) for a, b in places], places)


def test_state_is_bounded_even_when_the_object_is_gone_for_ever():
    rng = random.Random(1)
    tree = ObjectTree(TreeConfig(), Clock())
    tree.prompt(Node(0, 1.0, 10.0, 0))
    for frame in range(1, 500):
        gone = frame > 50
        rows = len(tree.memories(frame))
        choices = tree.choose([[rng.random() for _ in range(3)] for _ in range(rows)], [-9.0 if gone else 9.0] * rows)
        survivors = tree.survivors(choices)
        nodes = [Node(frame, 0.9, -9.0 if gone else 9.0, frame) for _ in survivors]
        tree.grow(frame, choices, nodes, [frame] * len(nodes))
        tree.decided()
        for pathway in tree.pathways:
            assert len(pathway.history.useful) <= 15
    kept = tree.memories(500)[0]
    assert [node.frame for node in kept.spatial] == [0, 46, 47, 48, 49, 50, 499]
    assert kept.slots == [0, 6, 5, 4, 3, 2, 1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), max_delay=st.integers(0, 5))
def test_a_forced_decision_keeps_the_delay_and_reports_one_chain(seed, max_delay):
    driver = Driver(TreeConfig(uncertainty_threshold=100.0), seed, max_delay=max_delay)
    for frame in range(1, 40):
        driver.step(frame)
        assert len(driver.reported) >= frame - max_delay
    driver.report(driver.tree.finish())
    chain = [driver.reported[frame] for frame in range(1, 40)]
    assert all(later[:-1] == earlier for earlier, later in pairwise(chain))


def test_a_new_prompt_decides_everything_and_starts_with_equal_scores():
    driver = Driver(TreeConfig(uncertainty_threshold=100.0), seed=11)
    for frame in range(1, 10):
        driver.step(frame)
    best = driver.tree.pathways[0].history.latest.payload
    driver.report(driver.tree.prompt(Node(10, 1.0, 10.0, (0,))))
    assert driver.reported[9] == best and sorted(driver.reported) == list(range(1, 10))
    assert [node.frame for node in driver.tree.memories(11)[0].spatial][:2] == [0, 10]
    assert len(driver.tree.memories(11)) == 1
    steps = driver.step(11)
    assert len({step[:2] for step in steps}) == 1 and {step[2] for step in steps} == {0.0}
