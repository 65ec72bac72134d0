"""The training loop: stages of a curriculum, step by step, resumable after any of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import torch

from sam2long.model import SAM2Config
from sam2long.model.checkpoints.loading import choose_device
from training.data.augment import Rows, make_rows
from training.data.clips import ClipBatch, batches
from training.data.prompts import Prompts, draw_prompts
from training.gaze import watched
from training.judging.journal import Journal
from training.judging.validation import validate
from training.losses import FrameLoss, frame_loss, mean_loss
from training.precision import mixed_precision
from training.remembering import ObjectAwareMemory, RolledMemory
from training.rollout import Correction, FrameProposals, roll_out
from training.stages import Stage
from training.state import TrainingState, load_state, new_state
from training.team import Team

ALONE = Team()
STATE_FILE, LOG_FILE = "state.pt", "log.jsonl"

_WARMUP = 100
_CLIP_NORM = 1.0
_LONGEST_LEAD = 300
"""Frames."""


@dataclass(frozen=True)
class RunOptions:
    """How to run, as opposed to what to learn.

    Attributes:
        folder: of the state and the log.
        resume: continue the state found there.
        device: "cpu", "cuda"...; None for the fastest.
        workers: processes that render, for each that trains.
        compile: let torch compile the parts that cost most.
        seed: of weights, clips and prompts.
        log_every: steps a line of the log averages over.
        save_every: seconds from one saved state to the next, at least.
        validate_every: steps from one validation to the next; 0 for none.
        stop_after: seconds after which the run saves itself and ends, None for no limit.
    """

    folder: Path
    resume: bool = False
    device: str | None = None
    workers: int = 1
    compile: bool = False
    seed: int = 0
    log_every: int = 20
    save_every: float = 300.0
    validate_every: int = 400
    stop_after: float | None = None


def train(config: SAM2Config, curriculum: Sequence[Stage], options: RunOptions, team: Team = ALONE) -> TrainingState:
    """Train through the curriculum, from the start or from the saved state; returns the state at the end.

    Raises:
        CheckpointError: there is nothing to resume, or it does not fit.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    device = choose_device(options.device)
    path = options.folder / STATE_FILE
    state = load_state(path, config, device) if options.resume else new_state(config, device, options.seed)
    run = _Run(state, options, team, Journal(options.folder / LOG_FILE))
    while state.stage < len(curriculum) and run.stage(curriculum[state.stage]):
        stage = curriculum[state.stage]
        state.stage, state.step = state.stage + 1, 0
        run.keep(stage)
    run.save()
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
        if stage.merges and state.step == 0:
            state.merge(self._kept(stage.merges))
        state.model.image_encoder.requires_grad_(not stage.encoder_frozen)
        if options.compile:
            state.model.image_encoder.compile()
            state.model.memory_attention.compile(dynamic=True)
        seed = options.seed * 1000 + state.stage
        began = time.monotonic()
        for batch in batches(stage, seed, state.step, options.workers, self.team):
            loss, stop = train_step(state, stage, batch, seed, self.team, self._late())
            self.journal.add(loss)
            if state.step % options.log_every == 0:
                seconds = (time.monotonic() - began) / options.log_every
                self._write("train", stage, rate=rate_of(state, stage), seconds=round(seconds, 3))
            if time.monotonic() - self.saved >= options.save_every:
                self.save()
            if options.validate_every and state.total % options.validate_every == 0 and self.team.leads:
                self._write("validation", stage, **validate(state.model).figures())
            if state.step % options.log_every == 0:
                began = time.monotonic()
            if stop:
                return False
        return True

    def save(self) -> None:
        """Write the state, once for the whole team."""
        self.saved = time.monotonic()
        if self.team.leads:
            self.state.save(self.options.folder / STATE_FILE)

    def keep(self, stage: Stage) -> None:
        """Write the state at the end of a stage beside it, if the stage asks for that."""
        if stage.kept and self.team.leads:
            self.state.save(self._kept(stage.name))

    def _kept(self, name: str) -> Path:
        return self.options.folder / f"{name}.pt"

    def _write(self, kind: str, stage: Stage, **figures: float) -> None:
        if self.team.leads:
            self.journal.write(kind, step=self.state.total, stage=stage.name, **figures)

    def _late(self) -> bool:
        limit = self.options.stop_after
        return self.team.orphaned or (limit is not None and time.monotonic() - self.started > limit)


def train_step(
    state: TrainingState, stage: Stage, batch: ClipBatch, seed: int, team: Team = ALONE, stop: bool = False
) -> tuple[FrameLoss, bool]:
    """Learn from a batch, window by window; everything random in it follows from the seed and the step's number.

    Returns the loss of this member's share, and whether any member of the team asked to stop.
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + state.step) * 64 + team.rank)
    rows = make_rows(batch.to(state.model.device), stage.objects, state.model.config, generator)
    prompts = draw_prompts(rows.masks[:, 0].cpu(), stage.prompts, generator)
    correction, memory = draw_correction(stage, generator), draw_memory(stage, generator)
    state.optimizers.set_rate(rate_of(state, stage))
    losses = []
    for loss in clip_losses(state, stage, rows, prompts, correction, memory):
        state.optimizers.zero_grad()
        torch.autograd.backward(loss.total)
        stop = team.average_gradients(state.model.parameters(), stop)
        torch.nn.utils.clip_grad_norm_(state.model.parameters(), _CLIP_NORM)
        state.optimizers.step()
        losses.append(loss.detached())
    state.step += 1
    state.total += 1
    return mean_loss(losses), stop


def draw_correction(stage: Stage, generator: torch.Generator) -> Correction | None:
    """A correction on one of the frames between the prompted and the last one, if the stage has it so."""
    if stage.frames < 3 or float(torch.rand((), generator=generator)) >= stage.corrected:
        return None
    return Correction(int(torch.randint(1, stage.frames - 1, (), generator=generator)), generator)


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
) -> Iterator[FrameLoss]:
    """Losses of one window of a clip after the other; the weights may change in between.

    Each is averaged over the window's frames that are learnt from; the figures leave out the prompted one, if there
    are others.
    """
    with watched(state.model) as gaze:
        watching = gaze if stage.losses.gaze else None
        frames = enumerate(roll_out(state.model, rows, prompts, correction, memory, watching, stage.window))
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
