"""Which prompted frames are attended to if there are more than the network takes."""

import random

import pytest
from transformers.models.sam3_tracker_video.modeling_sam3_tracker_video import Sam3TrackerVideoModel

from sam2long.tree import Clock, History, Node, TreeConfig
from sam2long.tree.memory import select_memory


def node(frame):
    return Node(frame, 0.9, 5.0, None)


@pytest.mark.parametrize("config", [TreeConfig.greedy(), TreeConfig()], ids=["greedy", "tree"])
@pytest.mark.parametrize("stride", [1, -1])
def test_the_closest_ones(config, stride):
    """As the Transformers library chooses them for SAM 3."""
    draw = random.Random(0)
    for _ in range(200):
        frames = sorted(draw.sample(range(30), draw.randint(1, 9)))
        frame, most = draw.randrange(30), draw.randint(2, 5)
        prompted = {place: node(place) for place in frames if place != frame}
        chosen, others = Sam3TrackerVideoModel._select_closest_cond_frames(None, frame, prompted, most)
        selection = select_memory(list(prompted.values()), History(), frame, config, Clock(stride, max_prompted=most))
        slots = [(one.frame, slot) for one, slot in zip(selection.spatial, selection.slots, strict=True)]
        assert sorted(place for place, slot in slots if slot == 0) == sorted(chosen)
        # SAM 2's rule takes one that is passed over for an unprompted frame; a tree remembers by rank, without it.
        distances = {place: (frame - place) * stride for place in others}
        near = {(place, steps) for place, steps in distances.items() if 1 <= steps <= 6}
        assert {pair for pair in slots if pair[1] > 0} == (near if config.iou_threshold is None else set())
        behind = {place for place in prompted if (frame - place) * stride >= 0}
        assert {one.frame for one in selection.pointers} == behind


def test_an_unprompted_result_comes_before_one_that_is_passed_over():
    prompted = [node(place) for place in (1, 2, 3)]
    history = History((node(2), node(4)), node(4))
    selection = select_memory(prompted, history, 5, TreeConfig.greedy(), Clock(max_prompted=1))
    assert [(one.frame, slot) for one, slot in zip(selection.spatial, selection.slots, strict=True)] == [
        (3, 0),
        (1, 4),
        (2, 3),
        (4, 1),
    ]
    assert selection.spatial[2] is history.useful[0]
