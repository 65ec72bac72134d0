from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sam2long.errors import CheckpointError
from training.data.augment import make_rows
from training.data.clips import ClipDataset, batch_of_step, batches
from training.data.prompts import draw_prompts
from training.judging.journal import read_journal
from training.loop import ALONE, LOG_FILE, STATE_FILE, RunOptions, clip_losses, train, train_step
from training.rollout import roll_out
from training.stages import PromptMix
from training.state import TrainingState, load_state, new_state
from training.team import Team

from .tiny import STAGE, TINY


def options(folder: Path, **changes: object) -> RunOptions:
    quiet = RunOptions(folder, device="cpu", workers=0, log_every=1, save_every=0.0, validate_every=0)
    return replace(quiet, **changes)  # type: ignore[arg-type]


def weights(state: TrainingState) -> torch.Tensor:
    return torch.cat([value.flatten() for value in state.model.state_dict().values()])


def test_same_seed_same_weights_and_resuming_changes_nothing(tmp_path: Path) -> None:
    whole = train(TINY, [STAGE], options(tmp_path / "whole"))
    train(TINY, [STAGE], options(tmp_path / "parts", stop_after=0))
    stopped = load_state(tmp_path / "parts" / STATE_FILE, TINY, torch.device("cpu"))
    assert stopped.step == 1
    parts = train(TINY, [STAGE], options(tmp_path / "parts", resume=True))
    assert (whole.stage, whole.total) == (parts.stage, parts.total) == (1, 3)
    assert torch.equal(weights(whole), weights(parts))
    assert [line["step"] for line in read_journal(tmp_path / "parts" / LOG_FILE, "train")] == [1, 2, 3]


def test_stages_may_change_the_image_size(tmp_path: Path) -> None:
    curriculum = [replace(STAGE, steps=1), replace(STAGE, steps=1, image_size=96)]
    state = train(TINY, curriculum, options(tmp_path))
    assert (state.stage, state.total, state.model.config.image_size) == (2, 2, 96)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_encoder_may_stay_as_it_is_in_a_stage(tmp_path: Path, frozen: bool) -> None:
    first = replace(STAGE, steps=1)
    train(TINY, [first], options(tmp_path))
    before = load_state(tmp_path / STATE_FILE, TINY, torch.device("cpu")).model.state_dict()
    state = train(TINY, [first, replace(STAGE, steps=2, encoder_frozen=frozen)], options(tmp_path, resume=True))
    changed = {name for name, value in state.model.state_dict().items() if not torch.equal(value, before[name])}
    assert any(name.startswith("memory_attention.") for name in changed)
    assert any(name.startswith("image_encoder.") for name in changed) == (not frozen)


def test_a_stage_may_keep_its_end_to_be_averaged_with(tmp_path: Path) -> None:
    first = replace(STAGE, name="first", steps=1, kept=True)
    train(TINY, [first], options(tmp_path / "half"))
    whole = train(TINY, [first, replace(STAGE, name="second", steps=1)], options(tmp_path / "whole"))
    halfway = load_state(tmp_path / "half" / STATE_FILE, TINY, torch.device("cpu"))
    kept = load_state(tmp_path / "whole" / "first.pt", TINY, torch.device("cpu"))
    assert (kept.stage, kept.step, kept.total) == (1, 0, 1)
    assert torch.equal(weights(kept), weights(halfway))
    assert not torch.equal(weights(kept), weights(whole))
    assert not (tmp_path / "whole" / "second.pt").exists()


def test_a_stage_may_begin_with_the_mean_of_two(tmp_path: Path) -> None:
    first, second = replace(STAGE, name="first", steps=1, kept=True), replace(STAGE, name="second", steps=1, kept=True)
    still = replace(STAGE, name="third", steps=2, rate=(0.0, 0.0), merges="first")
    train(TINY, [first, second], options(tmp_path))
    kept = [load_state(tmp_path / f"{name}.pt", TINY, torch.device("cpu")) for name in ("first", "second")]
    state = train(TINY, [first, second, still], options(tmp_path, resume=True))
    mean = (weights(kept[0]) + weights(kept[1])) / 2
    torch.testing.assert_close(weights(state), mean)
    assert not torch.equal(weights(kept[0]), weights(kept[1]))


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="without --resume"):
        train(TINY, [STAGE], options(tmp_path, resume=True))


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    new_state(TINY, torch.device("cpu"), 0).save(tmp_path / STATE_FILE)
    with pytest.raises(CheckpointError, match="another architecture"):
        load_state(tmp_path / STATE_FILE, replace(TINY, dim=64), torch.device("cpu"))


def test_members_of_a_team_share_a_batch() -> None:
    stage = replace(STAGE, clips=4)
    whole = ClipDataset(stage, 0, ALONE)[3]
    parts = [ClipDataset(stage, 0, Team(rank, 2))[3] for rank in range(2)]
    assert torch.equal(whole.ids, torch.cat([part.ids for part in parts]))
    assert torch.equal(whole.images, torch.cat([part.images for part in parts]))


def test_batches_come_again_and_in_the_same_order_after_a_restart() -> None:
    numbers = [batch_of_step(step, 2) for step in range(40)]
    assert all(numbers.count(number) >= 2 for number in range(1, 10))
    stage = replace(STAGE, steps=20, frames=1)
    fresh = [batch.ids.sum().item() for batch in batches(stage, 0, 0, 0, ALONE)]
    resumed = [batch.ids.sum().item() for batch in batches(stage, 0, 17, 0, ALONE)]
    assert fresh[17:] == resumed


def test_every_row_shows_its_object_first() -> None:
    batch = ClipDataset(STAGE, 0, ALONE)[0]
    rows = make_rows(batch, STAGE.objects, TINY, torch.Generator().manual_seed(0))
    assert rows.images.shape == (2, 3, 3, 64, 64)
    assert rows.masks.shape == (4, 3, 64, 64)
    assert rows.masks[:, 0].flatten(1).any(1).all()
    assert rows.clips.sort().values.tolist() == [0, 0, 1, 1]


def test_gradients_of_a_late_frame_reach_the_first_memory() -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    generator = torch.Generator().manual_seed(0)
    rows = make_rows(ClipDataset(STAGE, 0, ALONE)[0], STAGE.objects, TINY, generator)
    prompts = draw_prompts(rows.masks[:, 0], STAGE.prompts, generator)
    *_, last = roll_out(state.model, rows, prompts)
    assert last.proposals.masks.shape == (4, 4, 16, 16)
    last.proposals.masks.sum().backward()
    gradient = state.model.mask_prompt_downsample.weight.grad
    assert gradient is not None and gradient.any()


def test_a_clip_can_be_learnt_by_heart() -> None:
    stage = replace(STAGE, frames=2, prompts=PromptMix(mask=1.0, box=0.0), steps=60, rate=(3e-3, 3e-3))
    state = new_state(TINY, torch.device("cpu"), 0)
    batch = ClipDataset(stage, 0, ALONE)[0]
    generator = torch.Generator().manual_seed(0)
    rows = make_rows(batch, stage.objects, TINY, generator)
    prompts = draw_prompts(rows.masks[:, 0], stage.prompts, generator)
    (loss,) = clip_losses(state, stage, rows, prompts)
    before = float(loss.detached().total)
    state.optimizers.set_rate(3e-3)
    for _ in range(60):
        (loss,) = clip_losses(state, stage, rows, prompts)
        state.optimizers.zero_grad()
        loss.total.backward()
        state.optimizers.step()
    assert float(loss.total.detach()) < before / 2
    assert float(loss.overlap) > 0.25


def test_a_step_reports_finite_figures() -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    loss, stop = train_step(state, STAGE, ClipDataset(STAGE, 0, ALONE)[0], seed=0)
    assert not stop
    assert all(torch.isfinite(value) for value in vars(loss).values())
