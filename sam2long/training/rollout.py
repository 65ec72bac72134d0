"""A batch of objects through their clips as plain SAM 2 tracks them, with gradients through the memory.

What the network remembers of a frame is its own choice and its own mask, never the truth, so that it learns to live
with its errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.model import SAM2, MaskProposals, Memory
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.mask_decoder import NO_OBJECT_LOGIT
from sam2long.model.prompt_encoder import Label
from sam2long.model.sam2 import FEEDBACK_LIMIT, MASK_PROMPT_LOGIT
from sam2long.training.augment import Rows
from sam2long.training.coverage import area_fraction
from sam2long.training.gaze import Gaze, gaze_loss
from sam2long.training.prompts import Prompts, draw_corrections

SINGLE = (True, False, False, False)
MULTIPLE = (False, True, True, True)


@dataclass(frozen=True)
class FrameProposals:
    """What the network says of one frame.

    Attributes:
        proposals: of all rows.
        eligible: bool [rows, 4], the masks that this frame may be answered with.
        gaze: loss of where memory attention looked, a scalar; None on the first frame, or if it is not watched.
    """

    proposals: MaskProposals
    eligible: Tensor
    gaze: Tensor | None = None

    def chosen(self) -> Tensor:
        """int64 [rows]: number of the eligible mask of highest predicted IoU."""
        return self.proposals.ious.masked_fill(~self.eligible, -1).argmax(1)

    def chosen_masks(self) -> Tensor:
        """Logits [rows, size / 4, size / 4] of the chosen masks, nothing where the object is judged absent."""
        rows = torch.arange(len(self.eligible), device=self.eligible.device)
        masks = self.proposals.masks[rows, self.chosen()]
        return torch.where((self.proposals.object_scores > 0)[:, None, None], masks, NO_OBJECT_LOGIT)


@dataclass(frozen=True)
class Correction:
    """A click on what is wrong, given to every row that shows its object on that frame.

    Attributes:
        frame: its number in the clip, at least 1.
        generator: draws the places.
    """

    frame: int
    generator: torch.Generator


@dataclass
class RolledMemory:
    """Memories of the frames so far, oldest first; the first one is the prompted frame's.

    Attributes:
        maps: spatial memories, one a frame.
        pointers: object pointers, one a frame.
        covered: float [rows, places], share of each place that the true mask covers, one a frame.
        lead: frames by which the prompt is said to lie further back than it does; at least 0.
        corrected: the frame that was corrected and bool [rows], which rows were; they keep it as a prompted one.
    """

    maps: list[Tensor] = field(default_factory=list)
    pointers: list[Tensor] = field(default_factory=list)
    covered: list[Tensor] = field(default_factory=list)
    lead: int = 0
    corrected: tuple[int, Tensor] | None = None

    def gather(self, slots: int, most_pointers: int) -> Memory:
        """Arrange the prompted frame's memory and the latest ones for the next frame as SAM 2 does."""
        maps = _recalled(self.maps, slots)
        pointers = _recalled(self.pointers, most_pointers)
        rows, device = len(maps[0]), maps[0].device
        distances = [len(self.pointers) + self.lead, *range(1, len(pointers))]
        times = torch.tensor(distances, device=device) / (most_pointers - 1)
        return Memory(
            maps=torch.stack(maps, 1),
            slots=self._slots(len(maps), rows, device),
            pointers=torch.stack(pointers, 1),
            times=times.to(maps[0].dtype).expand(rows, -1),
        )

    def marked(self, slots: int) -> Tensor:
        """Float [rows, maps x places]: the true masks of the gathered maps."""
        return torch.cat(_recalled(self.covered, slots), 1)

    def _slots(self, count: int, rows: int, device: torch.device) -> Tensor:
        """int64 [rows, count]: 0 for prompted frames, else the distance."""
        slots = torch.arange(count, device=device).repeat(rows, 1)
        if self.corrected is not None:
            frame, which = self.corrected
            distance = len(self.maps) - frame
            if 0 < distance < count:
                slots[which, distance] = 0
        return slots


def _recalled(frames: list[Tensor], most: int) -> list[Tensor]:
    """The prompted frame's and the latest ones, nearest first: at most `most`."""
    return [frames[0], *frames[1:][:-most:-1]]


def roll_out(
    model: SAM2,
    rows: Rows,
    prompts: Prompts,
    correction: Correction | None = None,
    lead: int = 0,
    gaze: Gaze | None = None,
) -> Iterator[FrameProposals]:
    """Track every row through its clip; yields the proposals of each frame, the prompted one first.

    Args:
        model: being trained.
        rows: objects and their clips.
        prompts: of the first frame.
        correction: of a later one, if any; it yields what the network says after the click.
        lead: frames by which the prompted frame's pointer is said to lie further back, as in a long video.
        gaze: watches the model's memory attention, if given.
    """
    memory = RolledMemory(lead=lead)
    for number, features in enumerate(_encode_frames(model, rows)):
        truth = rows.masks[:, number]
        covered = area_fraction(truth, features.stride16.shape[-1]).flatten(1)
        if number == 0:
            frame = _prompted_frame(model, features, truth, prompts)
            masks, scores = _prompted_masks(frame, truth, prompts.masked)
        else:
            conditioned = _attended(model, features, memory, gaze)
            frame = _tracked_frame(model, conditioned, features)
            if gaze is not None:
                frame = replace(frame, gaze=gaze_loss(gaze.take(), covered))
            masks, scores = frame.chosen_masks(), frame.proposals.object_scores
            if correction is not None and correction.frame == number:
                frame, which = _corrected_frame(model, conditioned, features, frame, truth, correction.generator)
                masks, scores = _corrected_masks(frame, which), frame.proposals.object_scores
                memory.corrected = number, which
        yield frame
        if number < rows.frames - 1:
            memory.maps.append(model.encode_memory(features.stride16, masks.unsqueeze(1), scores, binary=number == 0))
            memory.pointers.append(_chosen_pointers(frame))
            memory.covered.append(covered)


def _encode_frames(model: SAM2, rows: Rows) -> Iterator[ImageFeatures]:
    """Encode all frames of all clips at once; yields the features of one frame of every row after the other."""
    clips, frames = rows.images.shape[:2]
    features = model.encode_image(rows.images.flatten(0, 1))
    maps = [
        part.reshape(clips, frames, *part.shape[1:]) for part in (features.stride4, features.stride8, features.stride16)
    ]
    for number in range(frames):
        yield ImageFeatures(*(part[rows.clips, number] for part in maps))


def _prompted_frame(model: SAM2, features: ImageFeatures, truth: Tensor, prompts: Prompts) -> FrameProposals:
    parts: list[MaskProposals] = []
    device = truth.device
    masked = prompts.masked
    if masked:
        inputs = model.mask_prompt_downsample(truth[:masked, None].to(features.stride16.dtype))
        points = torch.zeros(masked, 1, 2, device=device)
        padding = torch.full((masked, 1), int(Label.PADDING), device=device)
        part = _part(features, slice(0, masked))
        parts.append(model.decode(part.stride16, part, model.encode_prompts(points, padding, inputs)))
    if masked < len(truth):
        tokens = model.encode_prompts(prompts.points.to(device), prompts.labels.to(device))
        part = _part(features, slice(masked, None))
        parts.append(model.decode(model.without_memory(part.stride16), part, tokens))
    after = MULTIPLE if prompts.ambiguous else SINGLE
    eligible = torch.cat([_eligible(SINGLE, masked, device), _eligible(after, len(truth) - masked, device)])
    return FrameProposals(_joined(parts), eligible)


def _attended(model: SAM2, features: ImageFeatures, memory: RolledMemory, gaze: Gaze | None) -> Tensor:
    """Coarse features that have attended to the memory, watched by `gaze` if there is one."""
    slots = model.config.memory_slots
    if gaze is not None:
        gaze.marked = memory.marked(slots)
    return model.attend(features.stride16, memory.gather(slots, model.config.max_pointers))


def _tracked_frame(model: SAM2, conditioned: Tensor, features: ImageFeatures) -> FrameProposals:
    proposals = model.decode(conditioned, features, model.no_prompts(len(conditioned)))
    return FrameProposals(proposals, _eligible(MULTIPLE, len(conditioned), conditioned.device))


def _corrected_frame(
    model: SAM2,
    conditioned: Tensor,
    features: ImageFeatures,
    frame: FrameProposals,
    truth: Tensor,
    generator: torch.Generator,
) -> tuple[FrameProposals, Tensor]:
    """The frame after a click on what is wrong, and bool [rows], which got one: those that show their object."""
    masks = frame.chosen_masks().detach()
    points, labels = draw_corrections(masks, truth, generator)
    tokens = model.encode_prompts(points, labels, masks.clamp(-FEEDBACK_LIMIT, FEEDBACK_LIMIT).unsqueeze(1))
    after = model.decode(conditioned, features, tokens)
    which = truth.flatten(1).any(1)
    return replace(frame, proposals=_either(which, after, frame.proposals)), which


def _corrected_masks(frame: FrameProposals, which: Tensor) -> Tensor:
    """Logits to remember; SAM 2 remembers the masks of prompted frames as 0 or 1."""
    masks = frame.chosen_masks()
    return torch.where(which[:, None, None], masks.sign() * MASK_PROMPT_LOGIT, masks)


def _either(which: Tensor, these: MaskProposals, those: MaskProposals) -> MaskProposals:
    """Rows of `these` where bool [rows] says so, rows of `those` elsewhere."""
    return MaskProposals(
        torch.where(which[:, None, None, None], these.masks, those.masks),
        torch.where(which[:, None], these.ious, those.ious),
        torch.where(which[:, None, None], these.pointers, those.pointers),
        torch.where(which, these.object_scores, those.object_scores),
    )


def _prompted_masks(frame: FrameProposals, truth: Tensor, masked: int) -> tuple[Tensor, Tensor]:
    """Logits and object scores to remember: a mask prompt is kept as it is."""
    masks, scores = frame.chosen_masks(), frame.proposals.object_scores
    side = masks.shape[-1]
    given = F.interpolate(truth[:masked, None].float(), size=(side, side), mode="bilinear", antialias=True).squeeze(1)
    logits = (given * 2 - 1) * MASK_PROMPT_LOGIT
    certain = torch.full_like(scores[:masked], MASK_PROMPT_LOGIT)
    return torch.cat([logits.to(masks.dtype), masks[masked:]]), torch.cat([certain, scores[masked:]])


def _chosen_pointers(frame: FrameProposals) -> Tensor:
    rows = torch.arange(len(frame.eligible), device=frame.eligible.device)
    return frame.proposals.pointers[rows, frame.chosen()]


def _eligible(which: tuple[bool, ...], rows: int, device: torch.device) -> Tensor:
    return torch.tensor(which, device=device).expand(rows, -1)


def _part(features: ImageFeatures, rows: slice) -> ImageFeatures:
    return ImageFeatures(features.stride4[rows], features.stride8[rows], features.stride16[rows])


def _joined(parts: list[MaskProposals]) -> MaskProposals:
    return MaskProposals(
        torch.cat([part.masks for part in parts]),
        torch.cat([part.ious for part in parts]),
        torch.cat([part.pointers for part in parts]),
        torch.cat([part.object_scores for part in parts]),
    )
