from __future__ import annotations

import torch

from sam2long.model.decoder.prompt_encoder import Label
from training.data.prompts import draw_boxes, draw_clicks, draw_prompts
from training.stages import PromptMix


def blobs() -> torch.Tensor:
    masks = torch.zeros(3, 64, 64, dtype=torch.bool)
    masks[0, 10:20, 30:60] = True
    masks[1, 5, 7] = True
    masks[2, 40:, :8] = True
    return masks


def test_clicks_lie_inside_their_mask() -> None:
    masks = blobs()
    for seed in range(10):
        points, labels = draw_clicks(masks, 3, torch.Generator().manual_seed(seed))
        assert (labels == Label.POSITIVE).all()
        for mask, clicks in zip(masks, points.long(), strict=True):
            assert mask[clicks[:, 1], clicks[:, 0]].all()


def test_boxes_are_near_the_bounding_box() -> None:
    boxes, labels = draw_boxes(blobs(), torch.Generator().manual_seed(0))
    true = torch.tensor([[30, 10, 59, 19], [7, 5, 7, 5], [0, 40, 7, 63]]).float()
    sides = (true[:, 2:] - true[:, :2]).repeat(1, 2)
    assert ((boxes.flatten(1) - true).abs() <= 0.1 * sides + 1e-4).all()
    assert labels.tolist() == [[Label.BOX_TOP_LEFT, Label.BOX_BOTTOM_RIGHT]] * 3


def test_mix_decides_what_is_drawn() -> None:
    masks = blobs().repeat(4, 1, 1)
    kinds = {"box": 0, "click": 0}
    for seed in range(200):
        prompts = draw_prompts(masks, PromptMix(mask=0.5, box=0.25), torch.Generator().manual_seed(seed))
        assert prompts.masked == 6
        assert len(prompts.points) == 6
        kinds["box" if (prompts.labels == Label.BOX_TOP_LEFT).any() else "click"] += 1
    assert 70 <= kinds["box"] <= 130


def test_masks_alone_leave_no_points() -> None:
    prompts = draw_prompts(blobs(), PromptMix(mask=1.0, box=0.0), torch.Generator().manual_seed(0))
    assert prompts.masked == 3
    assert prompts.points.shape[0] == prompts.labels.shape[0] == 0
