"""Objects that remember another one of their clip for a while, as after a mask has gone over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import torch

from sam2long.model import SAM2
from sam2long.model.checkpoints.loading import fresh_model
from training.data.augment import Rows
from training.data.prompts import Prompts
from training.loop import draw_misleading
from training.remembering import ObjectAwareMemory, Recollection, RolledMemory
from training.rollout import Correction, Misleading, roll_out

from .tiny import STAGE, TINY

SIZE, FRAMES = TINY.image_size, 10
SWAPPED = torch.tensor([1, 0, 2])
NO_CLICKS = Prompts(3, torch.zeros(0, 1, 2), torch.zeros(0, 1, dtype=torch.int64))


@pytest.fixture(scope="module")
def model() -> SAM2:
    return fresh_model(TINY, 0)


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Two objects of one clip, and the only one of another."""
    masks = torch.zeros(3, FRAMES, SIZE, SIZE, dtype=torch.bool)
    masks[0, :, 10:30, 10:30] = True
    masks[1, :, 40:60, 20:50] = True
    masks[2, :, 10:30, 10:30] = True
    images = torch.randn(2, FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return Rows(images, masks, torch.tensor([0, 0, 1]))


@dataclass
class Watched(RolledMemory):
    kept: list[Recollection] = field(default_factory=list)

    def add(self, frame: Recollection) -> None:
        self.kept.append(frame)
        super().add(frame)


@torch.no_grad()
def remembered(
    model: SAM2, rows: Rows, misleading: Misleading | None, clicked: int | None = None
) -> list[Recollection]:
    memory = Watched()
    correction = None if clicked is None else Correction(clicked, torch.Generator().manual_seed(1))
    list(roll_out(model, rows, NO_CLICKS, correction, memory, misleading=misleading))
    return memory.kept


def test_each_remembers_what_the_other_would(model: SAM2, rows: Rows) -> None:
    true, misled = remembered(model, rows, None), remembered(model, rows, Misleading(3, 4, SWAPPED))
    for number in range(3):
        assert torch.equal(misled[number].maps, true[number].maps)
    for part in ("maps", "pointers", "ious", "scores"):
        assert torch.equal(getattr(misled[3], part), getattr(true[3], part)[SWAPPED])
    assert not torch.equal(misled[4].maps, true[4].maps[SWAPPED]), "what came before is remembered, and it was wrong"


def test_an_object_alone_in_its_clip_is_never_misled(model: SAM2, rows: Rows) -> None:
    true, misled = remembered(model, rows, None), remembered(model, rows, Misleading(3, 4, SWAPPED))
    assert all(torch.equal(one.maps[2], other.maps[2]) for one, other in zip(true, misled, strict=True))


def test_a_corrected_frame_is_remembered_as_it_is(model: SAM2, rows: Rows) -> None:
    true = remembered(model, rows, None, clicked=3)
    misled = remembered(model, rows, Misleading(3, 1, SWAPPED), clicked=3)
    assert all(torch.equal(one.maps, other.maps) for one, other in zip(true, misled, strict=True))


def test_the_trees_memory_is_misled_too(model: SAM2, rows: Rows) -> None:
    with torch.no_grad():
        true, misled = (
            list(roll_out(model, rows, NO_CLICKS, memory=ObjectAwareMemory(), misleading=each))
            for each in (None, Misleading(1, 8, SWAPPED))
        )
    assert torch.equal(true[1].proposals.masks, misled[1].proposals.masks)
    assert not torch.equal(true[-1].proposals.masks[:2], misled[-1].proposals.masks[:2])


def test_only_other_objects_of_the_same_clip_are_drawn(rows: Rows) -> None:
    generator = torch.Generator().manual_seed(0)
    twice = Rows(rows.images, rows.masks[[0, 1, 2, 0]], torch.tensor([0, 0, 1, 0]))
    drawn = [draw_misleading(replace(STAGE, misled=0.5), twice, generator) for _ in range(400)]
    some = [each for each in drawn if each is not None]
    assert 150 < len(some) < 250
    assert all(each.first >= 1 and each.first + 4 <= FRAMES for each in some)
    sources = torch.stack([each.sources for each in some])
    assert {int(row) for row in sources[:, 0]} == {0, 1}
    assert {int(row) for row in sources[:, 1]} == {0, 1, 3}
    assert {int(row) for row in sources[:, 2]} == {2}
    assert 0.4 < (sources[:, 0] == 1).float().mean() < 0.6


def test_without_it_nobody_is_misled(rows: Rows) -> None:
    generator = torch.Generator().manual_seed(0)
    assert not any(draw_misleading(STAGE, rows, generator) for _ in range(50))
