from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from sam2long.errors import CheckpointError
from sam2long.model.checkpoints.loading import save_model
from training import loop
from training.data.augment import make_rows
from training.data.clips import ClipDataset, batches
from training.data.prompts import draw_prompts
from training.judging.journal import read_journal
from training.loop import (
    ALONE,
    LOG_FILE,
    STATE_FILE,
    RunOptions,
    choose_learning,
    clip_losses,
    continued_state,
    pretrained_state,
    train,
    train_step,
)
from training.rollout import roll_out
from training.stages import PromptMix, Stage, Window
from training.state import TrainingState, averaged, load_state, new_state

from .tiny import LITE, STAGE, TINY


def options(folder: Path, **changes: object) -> RunOptions:
    quiet = RunOptions(folder, device="cpu", workers=0, log_every=1, save_every=0.0)
    return replace(quiet, **changes)  # type: ignore[arg-type]


def run(recipe: Sequence[Stage], how: RunOptions) -> TrainingState:
    return train(partial(new_state, TINY, torch.device("cpu"), 0), TINY, recipe, how)


def weights(state: TrainingState) -> torch.Tensor:
    return torch.cat([value.flatten() for value in state.model.state_dict().values()])


def test_same_seed_same_weights_and_resuming_changes_nothing(tmp_path: Path) -> None:
    whole = run([STAGE], options(tmp_path / "whole"))
    run([STAGE], options(tmp_path / "parts", stop_after=0))
    stopped = load_state(tmp_path / "parts" / STATE_FILE, TINY, torch.device("cpu"))
    assert stopped.step == 1
    parts = run([STAGE], options(tmp_path / "parts", resume=True))
    assert (whole.stage, whole.total) == (parts.stage, parts.total) == (1, 3)
    assert torch.equal(weights(whole), weights(parts))
    assert all(torch.equal(value, parts.average[name]) for name, value in whole.average.items())
    assert [line["step"] for line in read_journal(tmp_path / "parts" / LOG_FILE, "train")] == [1, 2, 3]


def test_stages_may_change_the_image_size(tmp_path: Path) -> None:
    recipe = [replace(STAGE, steps=1), replace(STAGE, steps=1, image_size=96)]
    state = run(recipe, options(tmp_path))
    assert (state.stage, state.total, state.model.config.image_size) == (2, 2, 96)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="without --resume"):
        run([STAGE], options(tmp_path, resume=True))


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    new_state(TINY, torch.device("cpu"), 0).save(tmp_path / STATE_FILE)
    with pytest.raises(CheckpointError, match="another architecture"):
        load_state(tmp_path / STATE_FILE, replace(TINY, dim=64), torch.device("cpu"))


def test_every_row_shows_its_object_first() -> None:
    batch = ClipDataset(STAGE, None, 0, ALONE)[0]
    rows = make_rows(batch, STAGE.objects, TINY, torch.Generator().manual_seed(0))
    assert rows.images.shape == (2, 3, 3, 64, 64)
    assert rows.masks.shape == (4, 3, 64, 64)
    assert rows.masks[:, 0].flatten(1).any(1).all()
    assert rows.clips.sort().values.tolist() == [0, 0, 1, 1]


def test_gradients_of_a_late_frame_reach_the_first_memory() -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    generator = torch.Generator().manual_seed(0)
    rows = make_rows(ClipDataset(STAGE, None, 0, ALONE)[0], STAGE.objects, TINY, generator)
    prompts = draw_prompts(rows.masks[:, 0], STAGE.prompts, generator)
    *_, last = roll_out(state.model, rows, prompts)
    assert last.proposals.masks.shape == (4, 4, 16, 16)
    last.proposals.masks.sum().backward()
    gradient = state.model.mask_prompt_downsample.weight.grad
    assert gradient is not None and gradient.any()


def test_a_clip_can_be_learnt_by_heart() -> None:
    stage = replace(STAGE, frames=2, prompts=PromptMix(mask=1.0, box=0.0), steps=100, rate=(6e-3, 6e-3))
    state = new_state(TINY, torch.device("cpu"), 0)
    batch = ClipDataset(stage, None, 0, ALONE)[0]
    generator = torch.Generator().manual_seed(0)
    rows = make_rows(batch, stage.objects, TINY, generator)
    prompts = draw_prompts(rows.masks[:, 0], stage.prompts, generator)
    (loss,) = clip_losses(state, stage, rows, prompts)
    before = float(loss.detached().total)
    state.optimizers.set_rate(6e-3)
    for _ in range(100):
        (loss,) = clip_losses(state, stage, rows, prompts)
        state.optimizers.zero_grad()
        loss.total.backward()
        state.optimizers.step()
    assert float(loss.total.detach()) < before / 2
    assert float(loss.overlap) > 0.25


def test_a_step_reports_finite_figures() -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    loss, stop = train_step(state, STAGE, ClipDataset(STAGE, None, 0, ALONE)[0], seed=0)
    assert not stop
    assert all(torch.isfinite(value) for value in vars(loss).values())


@pytest.mark.parametrize(("blocks", "learning"), [(0, []), (2, [3, 4]), (5, [0, 1, 2, 3, 4])])
def test_only_the_last_blocks_of_the_trunk_learn(blocks: int, learning: list[int]) -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    stage = replace(STAGE, tuned_blocks=blocks)
    choose_learning(state.model, stage)
    train_step(state, stage, ClipDataset(stage, None, 0, ALONE)[0], seed=0)
    changed = {name for name, value in state.model.state_dict().items() if not torch.equal(value, before[name])}
    trunk = {name for name in changed if name.startswith("image_encoder.trunk.")}
    assert sorted({int(name.split(".")[3]) for name in trunk}) == learning
    assert any(name.startswith("memory_attention.") for name in changed)


def test_only_the_chosen_parts_learn_and_with_apart_windows_through_their_own_frame_alone() -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    chosen = ("memory_attention", "no_memory_embedding")
    stage = replace(STAGE, tuned_blocks=0, learning=chosen, window=Window(2, apart=True))
    choose_learning(state.model, stage)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    train_step(state, stage, ClipDataset(stage, None, 0, ALONE)[0], seed=0)
    changed = {name for name, value in state.model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == set(chosen)
    choose_learning(state.model, STAGE)
    assert all(parameter.requires_grad for parameter in state.model.memory_encoder.parameters())


def test_pictures_and_videos_take_turns(tmp_path: Path) -> None:
    pictures = replace(STAGE, name="pictures", clips=4, frames=1, rate=(9.0, 9.0))
    mixed = replace(STAGE, steps=4, beside=pictures)
    shown = [batch.ids.shape[:2] for batch in batches(mixed, None, 0, 1, 0, ALONE)]
    assert shown == [(4, 1), (2, 3), (4, 1)]
    alone = ClipDataset(pictures, None, 0, ALONE)[3]
    assert torch.equal(ClipDataset(mixed, None, 0, ALONE)[3].images, alone.images)
    whole = run([mixed], options(tmp_path / "whole"))
    run([mixed], options(tmp_path / "parts", stop_after=0))
    assert torch.equal(weights(run([mixed], options(tmp_path / "parts", resume=True))), weights(whole))


def test_every_stage_leaves_its_end(tmp_path: Path) -> None:
    first, second = replace(STAGE, name="first", steps=1), replace(STAGE, name="second", steps=1)
    run([first], options(tmp_path / "half"))
    whole = run([first, second], options(tmp_path / "whole"))
    halfway, kept, end = (
        load_state(tmp_path / name, TINY, torch.device("cpu"))
        for name in (f"half/{STATE_FILE}", "whole/first.pt", "whole/second.pt")
    )
    assert (kept.stage, kept.step, kept.total) == (1, 0, 1)
    assert torch.equal(weights(kept), weights(halfway))
    assert torch.equal(weights(end), weights(whole)) and not torch.equal(weights(kept), weights(whole))


def test_the_average_follows_the_weights() -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    start = state.model.no_object_pointer.detach().clone()
    with torch.no_grad():
        state.model.no_object_pointer += 1
    state.count_step()
    first = averaged([state], 96).no_object_pointer - start
    for _ in range(60):
        state.count_step()
    later = averaged([state], 96).no_object_pointer - start
    assert 0 < float(first.mean()) < float(later.mean()) < 1.0001
    assert float(later.mean()) > 0.99
    assert averaged([state], 96).config.image_size == 96


def test_a_step_that_blows_up_changes_nothing() -> None:
    state = new_state(TINY, torch.device("cpu"), 0)
    with torch.no_grad():
        state.model.mask_decoder.object_token.fill_(float("inf"))
    before = state.model.no_memory_embedding.detach().clone()
    train_step(state, STAGE, ClipDataset(STAGE, None, 0, ALONE)[0], seed=0)
    assert torch.equal(state.model.no_memory_embedding, before)


def test_a_new_run_starts_from_the_pretrained_trunk(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = new_state(LITE, torch.device("cpu"), 5).model.image_encoder.trunk.state_dict()
    monkeypatch.setattr(loop, "trunk_weights", lambda: given)
    state = pretrained_state(LITE, STAGE, options(tmp_path, photos=photos))
    assert all(torch.equal(value, given[name]) for name, value in state.model.image_encoder.trunk.state_dict().items())
    assert torch.equal(state.average["no_object_pointer"], state.model.no_object_pointer)


def test_a_run_may_start_from_an_exported_checkpoint_at_a_later_stage(tmp_path: Path) -> None:
    first, second = replace(STAGE, name="first", steps=1), replace(STAGE, name="second", steps=1)
    model = new_state(TINY, torch.device("cpu"), 7).model
    save_model(model, tmp_path / "tiny.safetensors")
    how = options(tmp_path / "run")
    start = partial(continued_state, tmp_path / "tiny.safetensors", 1, TINY, how)
    assert torch.equal(weights(start()), torch.cat([value.flatten() for value in model.state_dict().values()]))
    state = train(start, TINY, [first, second], how)
    assert (state.stage, state.total) == (2, 1)
    with pytest.raises(CheckpointError, match="another architecture"):
        continued_state(tmp_path / "tiny.safetensors", 1, LITE, how)


def test_clips_are_the_same_after_a_restart() -> None:
    stage = replace(STAGE, steps=6, frames=1)
    fresh = [batch.ids.sum().item() for batch in batches(stage, None, 0, 0, 0, ALONE)]
    assert fresh[4:] == [batch.ids.sum().item() for batch in batches(stage, None, 0, 4, 0, ALONE)]
