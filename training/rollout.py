"""A batch of objects through their clips as plain SAM 2 tracks them, with gradients through the memory.

What the network remembers of a frame is its own choice and its own mask, never the truth, so that it learns to live
with its errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.model import SAM2, MaskProposals
from sam2long.model.decoder.mask_decoder import NO_OBJECT_LOGIT
from sam2long.model.decoder.prompt_encoder import Label
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.sam2 import FEEDBACK_LIMIT, MASK_PROMPT_LOGIT
from training.data.augment import Rows
from training.data.prompts import Prompts, draw_corrections
from training.remembering import ObjectAwareMemory, Recollection, RolledMemory
from training.stages import Window

SINGLE = (True, False, False, False)
MULTIPLE = (False, True, True, True)
WHOLE_CLIP = Window()

_AT_ONCE = 2
"""Images encoded together: their maps should stay in the cache of a core."""


@dataclass(frozen=True)
class FrameProposals:
    """What the network says of one frame.

    Attributes:
        proposals: of all rows.
        eligible: bool [rows, 4], the masks that this frame may be answered with.
    """

    proposals: MaskProposals
    eligible: Tensor

    def chosen(self) -> Tensor:
        """int64 [rows]: number of the eligible mask of highest predicted IoU."""
        return self.proposals.ious.masked_fill(~self.eligible, -1).argmax(1)

    def chosen_masks(self) -> Tensor:
        """Logits [rows, mask_size, mask_size] of the chosen masks, nothing where the object is judged absent."""
        masks = self._of_chosen(self.proposals.masks)
        return torch.where((self.proposals.object_scores > 0)[:, None, None], masks, NO_OBJECT_LOGIT)

    def chosen_pointers(self) -> Tensor:
        """Object pointers [rows, dim] of the chosen masks."""
        return self._of_chosen(self.proposals.pointers)

    def chosen_ious(self) -> Tensor:
        """Predicted IoU [rows] of the chosen masks."""
        return self._of_chosen(self.proposals.ious)

    def _of_chosen(self, values: Tensor) -> Tensor:
        return values[torch.arange(len(values), device=values.device), self.chosen()]


@dataclass(frozen=True)
class Correction:
    """A click on what is wrong, given to every row that shows its object on that frame.

    Attributes:
        frame: its number in the clip, at least 1.
        generator: draws the places.
    """

    frame: int
    generator: torch.Generator


@dataclass(frozen=True)
class Refinement:
    """Clicks on what is wrong on the first frame, given to every row that was marked by points.

    Attributes:
        clicks: how many, one after the other.
        generator: draws the places.
    """

    clicks: int
    generator: torch.Generator


NO_REFINEMENT = Refinement(0, torch.Generator())


def roll_out(
    model: SAM2,
    rows: Rows,
    prompts: Prompts,
    correction: Correction | None = None,
    memory: RolledMemory | ObjectAwareMemory | None = None,
    window: Window = WHOLE_CLIP,
    refinement: Refinement = NO_REFINEMENT,
) -> Iterator[FrameProposals]:
    """Track every row through its clip; yields the proposals of each frame, the prompted one first.

    Args:
        model: being trained; its weights may change between two windows.
        rows: objects and their clips.
        prompts: of the first frame.
        correction: of a later one, if any; it yields what the network says after the click.
        memory: still empty; None for plain SAM 2's.
        window: frames through which gradients flow back.
        refinement: clicks on the first frame after its points.
    """
    memory = RolledMemory() if memory is None else memory
    for number, features in enumerate(_encode_frames(model, rows, window)):
        truth = rows.masks[:, number]
        if window.begins(number):
            memory.cut()
        with _gradients(window, number):
            if number == 0:
                answer = _prompted_answer(model, features, truth, prompts, refinement)
            else:
                clicks = None if correction is None or correction.frame != number else correction.generator
                conditioned = memory.attended(model, features.coarse)
                answer = _tracked_answer(model, conditioned, features, truth, clicks)
            if number < rows.frames - 1:
                with torch.set_grad_enabled(torch.is_grad_enabled() and not window.apart):
                    memory.add(_recollection(model, features.coarse, answer, binary=number == 0))
        yield answer.frame


@dataclass(frozen=True)
class _Answer:
    """What is said of one frame, and what of it is remembered.

    Attributes:
        frame: the proposals.
        masks: [rows, mask_size, mask_size], logits to remember.
        scores: [rows], object scores to remember.
        corrected: bool [rows], which objects were corrected on it; None for none.
    """

    frame: FrameProposals
    masks: Tensor
    scores: Tensor
    corrected: Tensor | None = None


def _recollection(model: SAM2, features: Tensor, answer: _Answer, binary: bool) -> Recollection:
    maps = model.encode_memory(features, answer.masks.unsqueeze(1), answer.scores, binary=binary)
    frame = answer.frame
    return Recollection(maps, frame.chosen_pointers(), frame.chosen_ious(), answer.scores, answer.corrected)


def _encode_frames(model: SAM2, rows: Rows, window: Window) -> Iterator[ImageFeatures]:
    """Encode all clips, a run of frames at once; yields the features of one frame of every row after the other."""
    first = 0
    learns = any(parameter.requires_grad for parameter in model.image_encoder.parameters())
    for images in rows.images.split(window.runs(rows.frames), 1):
        clips, frames = images.shape[:2]
        with _gradients(window, first), torch.set_grad_enabled(torch.is_grad_enabled() and learns):
            pieces = [model.encode_image(piece) for piece in images.flatten(0, 1).split(_AT_ONCE)]
        first += frames
        maps = [
            torch.cat(part).reshape(clips, frames, *part[0].shape[1:])
            for part in zip(*((one.fine, one.middle, one.coarse) for one in pieces), strict=True)
        ]
        for number in range(frames):
            yield ImageFeatures(*(part[rows.clips, number] for part in maps))


def _gradients(window: Window, number: int) -> torch.set_grad_enabled:
    """No gradients for a frame that is only tracked, nor where there are none already."""
    return torch.set_grad_enabled(torch.is_grad_enabled() and not window.coasts(number))


def _prompted_answer(
    model: SAM2, features: ImageFeatures, truth: Tensor, prompts: Prompts, refinement: Refinement
) -> _Answer:
    frame = _prompted_frame(model, features, truth, prompts, refinement)
    masks, scores = _prompted_masks(frame, truth, prompts.masked)
    return _Answer(frame, masks, scores)


def _tracked_answer(
    model: SAM2, conditioned: Tensor, features: ImageFeatures, truth: Tensor, clicks: torch.Generator | None
) -> _Answer:
    """What is said after clicks on what is wrong, if a generator draws some."""
    frame, corrected = _tracked_frame(model, conditioned, features), None
    if clicks is not None:
        frame, corrected = _corrected_frame(model, conditioned, features, frame, truth, clicks)
    return _Answer(frame, _tracked_masks(frame, corrected), frame.proposals.object_scores, corrected)


def _prompted_frame(
    model: SAM2, features: ImageFeatures, truth: Tensor, prompts: Prompts, refinement: Refinement
) -> FrameProposals:
    parts: list[FrameProposals] = []
    masked, device = prompts.masked, truth.device
    if masked:
        inputs = model.mask_prompt_downsample(truth[:masked, None].to(features.coarse.dtype))
        points = torch.zeros(masked, 1, 2, device=device)
        padding = torch.full((masked, 1), int(Label.PADDING), device=device)
        part = _part(features, slice(0, masked))
        proposals = model.decode(part.coarse, part, model.encode_prompts(points, padding, inputs))
        parts.append(FrameProposals(proposals, _eligible(SINGLE, masked, device)))
    if masked < len(truth):
        part = _part(features, slice(masked, None))
        parts.append(_pointed_frame(model, part, truth[masked:], prompts, refinement))
    return FrameProposals(_joined([part.proposals for part in parts]), torch.cat([part.eligible for part in parts]))


def _pointed_frame(
    model: SAM2, features: ImageFeatures, truth: Tensor, prompts: Prompts, refinement: Refinement
) -> FrameProposals:
    """The first frame after its points, and after each further click the answer before it, as SAM 2 does."""
    points, labels = prompts.points.to(truth.device), prompts.labels.to(truth.device)
    unremembering = model.without_memory(features.coarse)
    proposals = model.decode(unremembering, features, model.encode_prompts(points, labels))
    frame = FrameProposals(proposals, _eligible(MULTIPLE if prompts.ambiguous else SINGLE, len(truth), truth.device))
    for _ in range(refinement.clicks):
        masks = frame.chosen_masks().detach()
        point, label = draw_corrections(masks, truth, refinement.generator)
        points, labels = torch.cat([points, point], 1), torch.cat([labels, label], 1)
        feedback = masks.clamp(-FEEDBACK_LIMIT, FEEDBACK_LIMIT).unsqueeze(1)
        proposals = model.decode(unremembering, features, model.encode_prompts(points, labels, feedback))
        frame = FrameProposals(proposals, _eligible(SINGLE, len(truth), truth.device))
    return frame


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


def _tracked_masks(frame: FrameProposals, corrected: Tensor | None) -> Tensor:
    """Logits to remember; SAM 2 remembers the masks of corrected frames (bool [rows]) as 0 or 1."""
    masks = frame.chosen_masks()
    return (
        masks if corrected is None else torch.where(corrected[:, None, None], masks.sign() * MASK_PROMPT_LOGIT, masks)
    )


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


def _eligible(which: tuple[bool, ...], rows: int, device: torch.device) -> Tensor:
    return torch.tensor(which, device=device).expand(rows, -1)


def _part(features: ImageFeatures, rows: slice) -> ImageFeatures:
    return ImageFeatures(features.fine[rows], features.middle[rows], features.coarse[rows])


def _joined(parts: list[MaskProposals]) -> MaskProposals:
    return MaskProposals(
        torch.cat([part.masks for part in parts]),
        torch.cat([part.ious for part in parts]),
        torch.cat([part.pointers for part in parts]),
        torch.cat([part.object_scores for part in parts]),
    )
