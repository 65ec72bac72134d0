"""What the host learns in its one transfer is what the tensors say, object by object."""

import pytest
import torch

from sam2long.model import Candidates
from sam2long.tracking.frame.candidate_scores import fetch_candidate_scores, mask_differences


def candidates(rows):
    generator = torch.Generator().manual_seed(0)
    masks = torch.randn(rows, 3, 8, 8, generator=generator)
    return Candidates(masks, torch.rand(rows, 3, generator=generator), masks[..., 0, :5], torch.arange(float(rows)) - 2)


def test_every_object_gets_its_rows():
    given = candidates(6)
    first, second, third = fetch_candidate_scores(given, [1, 3, 2])
    assert second.ious == given.ious[1:4].tolist()
    assert [first.object_scores, second.object_scores, third.object_scores] == [[-2.0], [-1.0, 0.0, 1.0], [2.0, 3.0]]


def test_disagreement_is_the_largest_difference_between_survivors():
    given = candidates(6)
    verdict = fetch_candidate_scores(given, [1, 3, 2])[1]
    places = [(0, 2), (1, 0), (2, 1)]
    inside = [given.masks[1 + row, candidate] > 0 for row, candidate in places]
    apart = [1 - (a & b).sum() / (a | b).sum() for i, a in enumerate(inside) for b in inside[:i]]
    assert verdict.disagreement(places) == pytest.approx(max(apart).item())
    assert verdict.disagreement(places[:1]) == 0.0


def test_differences_by_hand():
    logits = torch.full((3, 2, 4), -1.0)
    assert mask_differences(logits).tolist() == [[0.0] * 3] * 3
    logits[0, 0] = 1.0
    logits[1, 0, :2] = 1.0
    logits[2, 0] = 1.0
    assert mask_differences(logits).tolist() == [[0.0, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.0]]
