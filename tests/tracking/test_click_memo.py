"""A further click costs one run of the decoder, and gives to the bit what running all rounds again gives."""

import random

import pytest
import torch

from sam2long import Session, TreeConfig
from sam2long.tracking.prompting.click_memo import ClickMemo
from sam2long.tracking.prompting.prompts import Clicks
from tests.tracking.blob import HEIGHT, RESTLESS, WIDTH, start


@pytest.fixture
def decoded(small_model, monkeypatch):
    """One entry per run of the decoder."""
    runs = []
    decode = type(small_model).decode
    monkeypatch.setattr(type(small_model), "decode", lambda self, *given: (runs.append(None), decode(self, *given))[1])
    return runs


def forgetful(session, monkeypatch):
    """A session that runs all rounds again each time."""
    monkeypatch.setattr(session._state.clicks, "find", lambda *_: None)
    return session


def same(one, other, frame):
    first, second = one.preview(frame, 1), other.preview(frame, 1)
    nodes = [session._state.tracks[1].conditionings[frame].node.payload for session in (one, other)]
    assert torch.equal(first.logits, second.logits)
    assert (first.score, first.object_score) == (second.score, second.object_score)
    assert torch.equal(nodes[0].spatial, nodes[1].spatial) and torch.equal(nodes[0].pointer, nodes[1].pointer)


def test_a_click_costs_one_run(small_model, clip, decoded, monkeypatch):
    session, again = Session(small_model, clip), forgetful(Session(small_model, clip), monkeypatch)
    rng = random.Random(0)
    for number in range(6):
        point, label = (rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)), number % 2 or 1
        if number:
            for _ in range(5):
                session.preview_points(0, 1, [(rng.uniform(0, WIDTH), 5)], [0])
        del decoded[:]
        session.add_points(0, 1, [point], [label])
        session.preview(0, 1)
        assert len(decoded) == 1
        again.add_points(0, 1, [point], [label])
        same(session, again, 0)


def test_edits_of_every_kind_give_what_running_again_gives(small_model, clip, monkeypatch):
    session, again = start(small_model, clip), forgetful(start(small_model, clip), monkeypatch)
    rng = random.Random(1)
    for _ in range(2):
        for one in (session, again):
            list(one.propagate())
        for step in range(10):
            frame, point, kind = rng.choice([0, 6, 9]), (rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)), rng.random()
            for one in (session, again):
                if kind < 0.6 or frame not in one.prompts[1] or step == 9:
                    one.add_points(frame, 1, [point], [1], replace=kind < 0.1)
                elif kind < 0.8:
                    rounds = one.prompt(frame, 1).rounds
                    one.set_clicks(frame, 1, [*rounds[:-1], Clicks((point,), (0,))])
                else:
                    one.undo()
            for frame in session.prompts[1]:
                same(session, again, frame)


def test_another_memory_is_not_mistaken_for_the_same(small_model, clip, decoded):
    session = start(small_model, clip)
    list(session.propagate())
    session.add_points(9, 1, [(50, 30)])
    del decoded[:]
    session.add_points(9, 1, [(55, 30)])
    assert len(decoded) == 1
    # The memories that frame 9 attends to are no longer those of its first click.
    session.add_points(5, 1, [(80, 50)])
    list(session.propagate(end=8))
    del decoded[:]
    session.add_points(9, 1, [(52, 34)], [0])
    assert len(decoded) == 3


def test_only_few_are_kept():
    memo = ClickMemo()
    for number in range(40):
        memo.keep(number)
    assert len(memo._runs) < 10


def test_what_was_prepared_makes_a_correction_cheap(small_model, clip, encoded, monkeypatch):
    for tree in (RESTLESS, TreeConfig.greedy()):
        session, other = (start(small_model, clip, tree, feature_cache="1GB") for _ in range(2))
        for one in (session, other):
            list(one.propagate())
            one.add_points(13, 1, [(60, 30)])  # the tree is gone, with the memories that it held
        memories = []
        encode = type(small_model).encode_memory
        with monkeypatch.context() as patch:
            patch.setattr(
                type(small_model),
                "encode_memory",
                lambda self, *a, **k: (memories.append(None), encode(self, *a, **k))[1],  # noqa: B023
            )
            session.prepare(9)
            steps = list(session.prepare_corrections(9))
            assert steps and memories
            del memories[:], encoded[:]
            session.add_points(9, 1, [(50, 30)])
            session.add_points(9, 1, [(55, 30)])
            assert not memories and not encoded
        other.add_points(9, 1, [(50, 30)])
        other.add_points(9, 1, [(55, 30)])
        same(session, other, 9)
