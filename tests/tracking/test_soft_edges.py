"""Soft edges of a session's results: what they are, and that a saved session gives the same ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from sam2long import Session
from sam2long.results.postprocessing import Postprocessing
from sam2long.results.writers import open_writers
from sam2long.tracking import state
from tests.tracking.blob import HEIGHT, WIDTH, same_results, start


def edges(results):
    return {(result.frame, i): soft.alpha() for result in results for i, soft in result.soft.items()}


def same_edges(first, second):
    assert first.keys() == second.keys() and first
    for place, alpha in first.items():
        np.testing.assert_array_equal(alpha, second[place])


def test_they_are_the_sigmoid_near_the_outline_and_solid_away_from_it(small_model, clip):
    session = start(small_model, clip, keep_logits=True, soft_edges=True)
    cell = np.sqrt(HEIGHT * WIDTH) / small_model.config.mask_size
    places = 0
    for result in session.propagate():
        for object_id, soft in result.soft.items():
            alpha, logits = soft.alpha(), result.logits[object_id].numpy()
            inside = alpha > 0.5
            assert alpha.shape == logits.shape and alpha.dtype == np.float32
            wrong = inside != (logits > 0)
            assert not wrong.any() or np.abs(logits[wrong]).max() < 0.05
            if not inside.any() or inside.all():
                continue
            depth = ndimage.distance_transform_edt(inside) + ndimage.distance_transform_edt(~inside) - 0.5
            near, far = depth < 0.45 * cell, depth > 1.1 * cell
            assert np.abs(alpha - 1 / (1 + np.exp(-logits)))[near].max(initial=0) < 0.012
            np.testing.assert_array_equal(alpha[far], inside[far])
            places += near.sum()
    assert places > 1000


def test_only_if_asked_and_results_stay_the_same(small_model, clip):
    plain, soft = (list(start(small_model, clip, soft_edges=asked).propagate()) for asked in (False, True))
    assert not any(result.soft for result in plain) and all(result.soft for result in soft)
    same_results(plain, soft)


@pytest.mark.parametrize("exact", [False, True])
def test_a_session_saved_without_them_gives_the_same(small_model, clip, tmp_path, exact):
    asked = start(small_model, clip, soft_edges=True, keep_logits=exact)
    expected = edges(asked.propagate())
    same_edges(edges(asked.results()), expected)
    plain = start(small_model, clip, keep_logits=exact)
    for result in plain.propagate():
        if result.frame == 7:
            break
    plain.save(tmp_path / "a.s2l")
    opened = Session.open(tmp_path / "a.s2l", small_model, clip, soft_edges=True)
    same_edges(edges(opened.propagate()), expected)
    same_edges(edges(opened.results()), expected)


def test_with_many_pixels_and_without_stored_results(small_model, clip, monkeypatch):
    expected = edges(start(small_model, clip, soft_edges=True).propagate())
    same_edges(edges(start(small_model, clip, soft_edges=True, keep_results=False).propagate()), expected)
    monkeypatch.setattr(state, "MOST_DENSE", 1000)
    same_edges(edges(start(small_model, clip, soft_edges=True).propagate()), expected)


def test_post_processing_is_never_remembered(small_model, clip, tmp_path):
    plain = list(start(small_model, clip).propagate())
    session = start(small_model, clip, soft_edges=True)
    heavy = Postprocessing(soft=True, largest=True, fill_holes=True, grow=-3, feather=2)
    results = []
    with open_writers(
        tmp_path / "out", ["png", "matte"], session.source, object_ids=[1, 2], settings={}, postprocessing=heavy
    ) as writers:
        for result in session.propagate():
            writers.write(result)
            results.append(result)
    same_results(results, plain)
    same_results(list(session.results()), plain)


def test_results_of_bfloat16_networks(small_model, clip):
    steps = next(start(small_model, clip, soft_edges=True).propagate()).soft[1].steps
    assert steps.dtype == np.int8 and steps.shape == (small_model.config.mask_size,) * 2
    from sam2long.tracking.storage.packing import to_steps

    logits = torch.linspace(-40, 40, 64).reshape(8, 8).to(torch.bfloat16)
    assert ((to_steps(logits) > 0) == (logits > 0).numpy()).all()
