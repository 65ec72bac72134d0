"""The training loop: the stages of a recipe, step by step, resumable after any of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import torch

from sam2long.model import SAM2, SAM2Config
from sam2long.model.checkpoints.loading import choose_device, load_model
from training.data.augment import Rows, make_rows, normalise
from training.data.clips import ClipBatch, ClipDataset, batches
from training.data.prompts import Prompts, draw_prompts
from training.judging.journal import Journal
from training.losses import FrameLoss, frame_loss, mean_loss
from training.precision import mixed_precision
from training.pretrained import trunk_weights, whiten_neck
from training.remembering import ObjectAwareMemory, RolledMemory
from training.rollout import NO_REFINEMENT, Correction, FrameProposals, Refinement, roll_out
from training.stages import Stage
from training.state import TrainingState, load_state, new_state, started
from training.team import Team

ALONE = Team()
STATE_FILE, LOG_FILE = "state.pt", "log.jsonl"

_WARMUP = 100
_CLIP_NORM = 1.0
_SAMPLE = 24
"""Clips by whose first frames the neck is whitened."""

_MOST_CLICKS = 3
_LONGEST_LEAD = 300
"""Frames."""


@dataclass(frozen=True)
class RunOptions:
    """How to run, as opposed to what to learn.

    Attributes:
        folder: of the states and the log.
        photos: folder of photos with masks, see `training.data.photos`; None for synthetic scenes only.
        resume: continue the state found there.
        device: "cpu", "cuda"...; None for the fastest.
        workers: processes that make clips, for each that trains; 0 for none.
        seed: of weights, clips and prompts.
        log_every: steps a line of the log averages over.
        save_every: seconds from one saved state to the next, at least.
        stop_after: seconds after which the run saves itself and ends, None for no limit.
    """

    folder: Path
    photos: Path | None = None
    resume: bool = False
    device: str | None = None
    workers: int = 0
    seed: int = 0
    log_every: int = 20
    save_every: float = 300.0
    stop_after: float | None = None


Start = Callable[[], TrainingState]
"""Makes the state before the first step."""


def train(
    start: Start, config: SAM2Config, recipe: Sequence[Stage], options: RunOptions, team: Team = ALONE
) -> TrainingState:
    """Train through the recipe, from the start or from the saved state; returns the state at the end.

    Raises:
        CheckpointError: there is nothing to resume, or it does not fit.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / STATE_FILE
    state = load_state(path, config, choose_device(options.device)) if options.resume else start()
    run = _Run(state, options, team, Journal(options.folder / LOG_FILE))
    while state.stage < len(recipe) and run.stage(recipe[state.stage]):
        stage = recipe[state.stage]
        state.stage, state.step = state.stage + 1, 0
        run.save(stage.name)
    run.save()
    return state


def pretrained_state(config: SAM2Config, stage: Stage, options: RunOptions) -> TrainingState:
    """The state before the first step: new weights, but for the trunk of `trunk_weights` and a neck that suits it."""
    state = new_state(config, choose_device(options.device), options.seed)
    state.model.image_encoder.trunk.load_state_dict(trunk_weights())
    sample = replace(stage, clips=_SAMPLE, frames=2, synthetic=0.0)
    images = ClipDataset(sample, options.photos, options.seed, ALONE)[0].images[:, 0].to(state.model.device)
    whiten_neck(state.model, normalise(images, config.mean, config.std), options.seed)
    return started(config, state.model.device, state.model.state_dict())


def continued_state(weights: Path, number: int, config: SAM2Config, options: RunOptions) -> TrainingState:
    """The state before stage `number`, with the weights of an exported checkpoint and new optimisers."""
    model = load_model(weights, device=options.device, precision="float32")
    state = started(config, model.device, model.state_dict())
    state.stage = number
    return state


@dataclass
class _Run:
    """A call of `train`."""

    state: TrainingState
    options: RunOptions
    team: Team
    journal: Journal
    started: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    def stage(self, stage: Stage) -> bool:
        """Run what is left of a stage; False if the time was up first."""
        state, options = self.state, self.options
        state.resize(stage.image_size)
        choose_learning(state.model, stage)
        seed = options.seed * 1000 + state.stage
        began = time.monotonic()
        for batch in batches(stage, options.photos, seed, state.step, options.workers, self.team):
            loss, stop = train_step(state, stage, batch, seed, self.team, self._late())
            self.journal.add(loss)
            if state.step % options.log_every == 0:
                seconds = (time.monotonic() - began) / options.log_every
                self._write("train", stage, rate=rate_of(state, stage), seconds=round(seconds, 3))
                began = time.monotonic()
            if time.monotonic() - self.saved >= options.save_every:
                self.save()
            if stop:
                return False
        return True

    def save(self, name: str = "") -> None:
        """Write the state, once for the whole team; at a stage's end also under the stage's name."""
        self.saved = time.monotonic()
        if self.team.leads:
            self.state.save(self.options.folder / (f"{name}.pt" if name else STATE_FILE))

    def _write(self, kind: str, stage: Stage, **figures: float) -> None:
        if self.team.leads:
            self.journal.write(kind, step=self.state.total, stage=stage.name, **figures)

    def _late(self) -> bool:
        limit = self.options.stop_after
        return self.team.orphaned or (limit is not None and time.monotonic() - self.started > limit)


def choose_learning(model: SAM2, stage: Stage) -> None:
    """Let those parts of the network learn that learn in a stage, and no others."""
    for name, part in model.named_children():
        part.requires_grad_(not stage.learning or name in stage.learning)
    for name, parameter in model.named_parameters(recurse=False):
        parameter.requires_grad_(not stage.learning or name in stage.learning)
    trunk, blocks = model.image_encoder.trunk, stage.tuned_blocks
    trunk.requires_grad_(False)
    for block in list(trunk.get_submodule("blocks").children())[-blocks:] if blocks else ():
        block.requires_grad_(True)


def train_step(
    state: TrainingState, stage: Stage, batch: ClipBatch, seed: int, team: Team = ALONE, stop: bool = False
) -> tuple[FrameLoss, bool]:
    """Learn from a batch, window by window; everything random in it follows from the seed and the step's number.

    Returns the loss of this member's share, and whether any member of the team asked to stop.
    """
    state.optimizers.set_rate(rate_of(state, stage))
    stage = stage.at(state.step)
    generator = torch.Generator().manual_seed((seed * 1_000_003 + state.step) * 64 + team.rank)
    rows = make_rows(batch.to(state.model.device), stage.objects, state.model.config, generator)
    prompts = draw_prompts(rows.masks[:, 0].cpu(), stage.prompts, generator)
    correction, memory = draw_correction(stage, generator), draw_memory(stage, generator)
    refinement = draw_refinement(stage, generator)
    losses = []
    for loss in clip_losses(state, stage, rows, prompts, correction, memory, refinement):
        state.optimizers.zero_grad()
        torch.autograd.backward(loss.total)
        learning = [parameter for parameter in state.model.parameters() if parameter.requires_grad]
        stop = team.average_gradients(learning, stop)
        norm = torch.nn.utils.clip_grad_norm_(learning, _CLIP_NORM)
        if torch.isfinite(norm):
            state.optimizers.step()
        losses.append(loss.detached())
    state.count_step()
    return mean_loss(losses), stop


def draw_correction(stage: Stage, generator: torch.Generator) -> Correction | None:
    """A correction on one of the frames between the prompted and the last one, if the stage has it so."""
    if stage.frames < 3 or float(torch.rand((), generator=generator)) >= stage.corrected:
        return None
    return Correction(int(torch.randint(1, stage.frames - 1, (), generator=generator)), generator)


def draw_refinement(stage: Stage, generator: torch.Generator) -> Refinement:
    """Up to `_MOST_CLICKS` further clicks on the first frame, if the stage has it so."""
    if float(torch.rand((), generator=generator)) >= stage.refined:
        return NO_REFINEMENT
    return Refinement(int(torch.randint(1, _MOST_CLICKS + 1, (), generator=generator)), generator)


def draw_lead(generator: torch.Generator) -> int:
    """0, or with even chances up to `_LONGEST_LEAD`: a clip is short, but the prompt of a long video lies far back."""
    lead = int(torch.randint(1, _LONGEST_LEAD + 1, (), generator=generator))
    return lead * int(torch.randint(2, (), generator=generator))


def draw_memory(stage: Stage, generator: torch.Generator) -> RolledMemory | ObjectAwareMemory:
    """An empty memory, of the kind that the stage asks for."""
    lead = draw_lead(generator)
    object_aware = float(torch.rand((), generator=generator)) < stage.object_aware
    return ObjectAwareMemory(lead) if object_aware else RolledMemory(lead=lead)


def clip_losses(
    state: TrainingState,
    stage: Stage,
    rows: Rows,
    prompts: Prompts,
    correction: Correction | None = None,
    memory: RolledMemory | ObjectAwareMemory | None = None,
    refinement: Refinement = NO_REFINEMENT,
) -> Iterator[FrameLoss]:
    """Losses of one window of a clip after the other; the weights may change in between.

    Each is averaged over the window's frames that are learnt from; the figures leave out the prompted one, if there
    are others.
    """
    frames = enumerate(roll_out(state.model, rows, prompts, correction, memory, stage.window, refinement))
    first = True
    span = stage.window.frames or rows.frames
    while losses := _losses_of(islice(frames, span), state.model.device, rows, stage):
        later = losses[first:] or losses
        first = False
        yield replace(mean_loss(later), total=mean_loss(losses).total)


def _losses_of(
    frames: Iterable[tuple[int, FrameProposals]], device: torch.device, rows: Rows, stage: Stage
) -> list[FrameLoss]:
    with mixed_precision(device):
        return [
            frame_loss(frame, rows.masks[:, number], stage.losses)
            for number, frame in frames
            if not stage.window.coasts(number)
        ]


def rate_of(state: TrainingState, stage: Stage) -> float:
    """Learning rate of the next step: linear over the stage, warmed up over the run's first steps."""
    first, last = stage.rate
    rate = first + (last - first) * state.step / stage.steps
    return rate * min(1.0, (state.total + 1) / _WARMUP)
