"""SAM 2's `SAM2VideoPredictor` with the memory tree: the same calls, arguments and shapes.

The interface is that of https://github.com/facebookresearch/sam2 (sam2/sam2_video_predictor.py, sam2/build_sam.py);
docs/compat.md lists the differences.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sam2long.compat.inputs import read_box, read_mask, read_points
from sam2long.compat.names import preset_of
from sam2long.compat.state import InferenceState
from sam2long.errors import ConfigError, PromptError, VideoError
from sam2long.model import SAM2, load_model
from sam2long.model.decoder.mask_decoder import NO_OBJECT_LOGIT
from sam2long.tracking import Session
from sam2long.tracking.prompting.prompts import whole_number
from sam2long.tree import TreeConfig
from sam2long.video import open_video

FrameMasks = tuple[int, list[Hashable], Tensor]
"""Frame number, object ids, and float32 [objects, 1, height, width] logits (> 0 inside) at the video's resolution."""


class SAM2VideoPredictor(nn.Module):
    """Follows prompted objects through videos, with the methods of SAM 2's predictor.

    Args:
        model: the network, see `load_model`.
        pathways: hypotheses per object; 1 is plain SAM 2.
        binary_prompts: encode the memory of prompted frames from a binary mask, as SAM 2's predictor does.

    Raises:
        ConfigError: `pathways` is outside its range, see `TreeConfig`.
    """

    def __init__(self, model: SAM2, pathways: int = 3, binary_prompts: bool = True) -> None:
        super().__init__()
        self.model = model
        tree = TreeConfig.greedy() if pathways == 1 else TreeConfig(pathways=pathways)
        self.tree = replace(tree, binary_prompts=binary_prompts)

    @classmethod
    def from_pretrained(cls, model_id: str, **kwargs: Any) -> SAM2VideoPredictor:
        """Load a model from the Hugging Face hub ("facebook/sam2.1-hiera-large"), or "nano".

        Takes the keyword arguments of `build_sam2_video_predictor`, and raises the same errors.
        """
        return build_sam2_video_predictor(model_id, **kwargs)

    @property
    def device(self) -> torch.device:
        """The device on which the network runs."""
        return self.model.device

    @property
    def image_size(self) -> int:
        """Side of the network's square input, in pixels."""
        return self.model.config.image_size

    def init_state(
        self,
        video_path: str | Path,
        offload_video_to_cpu: bool = False,
        offload_state_to_cpu: bool = False,
        async_loading_frames: bool = False,
    ) -> InferenceState:
        """Open a video: any file, folder of images or array that `open_video` takes.

        The other three arguments have no effect: frames are decoded on demand, a few ahead on another thread, and
        results are stored on disk.

        Raises:
            VideoError: the video cannot be read, or is a live source.
        """
        source = open_video(video_path)
        if source.frame_count is None:
            raise VideoError(f"{source.name} is a live source, whose length is unknown; use sam2long.Session for it")
        return InferenceState(Session(self.model, source, tree=self.tree, keep_logits=True))

    def add_new_points_or_box(
        self,
        inference_state: InferenceState,
        frame_idx: int,
        obj_id: Hashable,
        points: Any = None,
        labels: Any = None,
        clear_old_points: bool = True,
        normalize_coords: bool = True,
        box: Any = None,
    ) -> FrameMasks:
        """Prompt or correct an object with points, a box or both, and return the masks of all objects on the frame.

        Args:
            inference_state: of the video.
            frame_idx: frame number, from 0.
            obj_id: any hashable name.
            points: (x, y), [n, 2]; an array, tensor or list.
            labels: [n], 1 for the object and 0 for the background.
            clear_old_points: replace the earlier points and box of this object on this frame.
            normalize_coords: coordinates are in pixels of the video; otherwise they are fractions of its width and
                height.
            box: (x0, y0, x1, y1), [4].

        Raises:
            PromptError: no prompt is given, points and labels do not match, a box is given without
                `clear_old_points`, or the frame is outside the video or a point outside the frame.
        """
        if box is not None and not clear_old_points:
            raise PromptError("a box must come before any point; pass the box with clear_old_points=True")
        session, number = inference_state.session, inference_state.number_of(obj_id)
        frame_idx = whole_number(frame_idx, "a frame number")
        scale = (1, 1) if normalize_coords else (session.source.width, session.source.height)
        places, kinds = read_points(points, labels, scale)
        if box is None:
            session.add_points(frame_idx, number, places, kinds, replace=clear_old_points)
        else:
            corners = read_box(box, scale, session.source)
            session.add_box(frame_idx, number, corners, places, kinds, replace=True)
        inference_state.register(obj_id)
        return self._masks_on(inference_state, frame_idx)

    def add_new_points(self, *args: Any, **kwargs: Any) -> FrameMasks:
        """Old name of `add_new_points_or_box`."""
        return self.add_new_points_or_box(*args, **kwargs)

    def add_new_mask(self, inference_state: InferenceState, frame_idx: int, obj_id: Hashable, mask: Any) -> FrameMasks:
        """Prompt an object with its mask, bool [height, width], and return the masks of all objects on the frame.

        Raises:
            PromptError: the mask is empty or differs in size from the video, or there is no such frame.
        """
        number = inference_state.number_of(obj_id)
        inference_state.session.add_mask(frame_idx, number, read_mask(mask), replace=True)
        inference_state.register(obj_id)
        return self._masks_on(inference_state, frame_idx)

    def propagate_in_video_preflight(self, inference_state: InferenceState) -> None:
        """Check that every object has a prompt.

        Raises:
            PromptError: an object has none, or there is no object.
        """
        if not inference_state.numbers:
            raise PromptError("there is no prompt yet; add points, a box or a mask first")
        for obj_id, number in inference_state.numbers.items():
            if number not in inference_state.session.prompts:
                raise PromptError(f"object {obj_id!r} has no prompt left; prompt it again or remove it")

    def propagate_in_video(
        self,
        inference_state: InferenceState,
        start_frame_idx: int | None = None,
        max_frame_num_to_track: int | None = None,
        reverse: bool = False,
    ) -> Iterator[FrameMasks]:
        """Follow all objects, also on frames before their first prompts, and yield the masks of each frame in order.

        A frame is yielded once the pathways agree on it, or at the end.

        Args:
            inference_state: of the video.
            start_frame_idx: first frame; by default the first one with a prompt.
            max_frame_num_to_track: number of frames to visit after the first one; by default all.
            reverse: go backward; nothing is yielded if the first frame is frame 0.

        Raises:
            PromptError: an object has no prompt.
            ConfigError: the first frame does not exist.
            VideoError: a frame cannot be read.
        """
        self.propagate_in_video_preflight(inference_state)
        session, last = inference_state.session, inference_state.num_frames - 1
        if start_frame_idx is None:
            start_frame_idx = min(frame for frames in session.prompts.values() for frame in frames)
        if reverse and start_frame_idx == 0:
            return
        end = 0 if reverse else last
        if max_frame_num_to_track is not None:
            step = -max_frame_num_to_track if reverse else max_frame_num_to_track
            end = min(max(start_frame_idx + step, 0), last)
        for result in session.propagate(start_frame_idx, end, reverse=reverse, before_prompts=True):
            yield result.frame, inference_state.obj_ids, self._stack(inference_state, result.logits)

    def clear_all_prompts_in_frame(
        self, inference_state: InferenceState, frame_idx: int, obj_id: Hashable, need_output: bool = True
    ) -> FrameMasks | None:
        """Remove an object's prompts on a frame; return the masks of all objects there if `need_output`.

        Raises:
            PromptError: there is no such object.
        """
        number = self._known(inference_state, obj_id)
        session = inference_state.session
        if frame_idx in session.prompts.get(number, ()):
            session.remove_prompt(frame_idx, number)
        return self._masks_on(inference_state, frame_idx) if need_output else None

    def remove_object(
        self, inference_state: InferenceState, obj_id: Hashable, strict: bool = False, need_output: bool = True
    ) -> tuple[list[Hashable], list[tuple[int, Tensor]]]:
        """Remove an object with its prompts and results.

        Args:
            inference_state: of the video.
            obj_id: the object.
            strict: raise an error if there is no such object, instead of doing nothing.
            need_output: return masks.

        Returns:
            ids of the remaining objects, and for each frame on which the removed one had a prompt the frame number and
            the remaining objects' masks there, [objects, 1, height, width] logits.

        Raises:
            PromptError: there is no such object, and `strict` is set.
        """
        if obj_id not in inference_state.numbers and not strict:
            return inference_state.obj_ids, []
        number, session = self._known(inference_state, obj_id), inference_state.session
        frames = session.prompts.get(number, [])
        if frames:
            session.remove_object(number)
        del inference_state.numbers[obj_id]
        if not need_output or not inference_state.numbers:
            return inference_state.obj_ids, []
        return inference_state.obj_ids, [(frame, self._masks_on(inference_state, frame)[2]) for frame in frames]

    def reset_state(self, inference_state: InferenceState) -> None:
        """Remove all objects; the video stays open."""
        for obj_id in inference_state.obj_ids:
            self.remove_object(inference_state, obj_id, need_output=False)

    def _known(self, state: InferenceState, obj_id: Hashable) -> int:
        if obj_id not in state.numbers:
            known = ", ".join(repr(other) for other in state.numbers) or "none"
            raise PromptError(f"there is no object {obj_id!r}; the objects are: {known}")
        return state.numbers[obj_id]

    def _masks_on(self, state: InferenceState, frame: int) -> FrameMasks:
        """Masks of all objects on a frame: previews of its prompts, and tracked masks of the other objects."""
        tracked = state.session.result(frame)
        found = dict(tracked.logits) if tracked else {}
        for number, frames in state.session.prompts.items():
            if frame in frames:
                found[number] = state.session.preview(frame, number).logits
        return frame, state.obj_ids, self._stack(state, found)

    def _stack(self, state: InferenceState, found: Mapping[int, Tensor]) -> Tensor:
        """Stack masks in the order of the objects; an object without a result is absent there, as in SAM 2."""
        source = state.session.source
        absent = torch.full((source.height, source.width), NO_OBJECT_LOGIT, device=self.device)
        rows = [found.get(number, absent) for number in state.numbers.values()]
        return torch.stack(rows)[:, None]


def build_sam2_video_predictor(
    config_file: str,
    ckpt_path: str | Path | None = None,
    device: str | torch.device | None = None,
    mode: str = "eval",
    hydra_overrides_extra: Sequence[str] = (),
    apply_postprocessing: bool = True,
    vos_optimized: bool = False,
    pathways: int = 3,
) -> SAM2VideoPredictor:
    """Build a predictor.

    Args:
        config_file: one of SAM 2's configurations ("configs/sam2.1/sam2.1_hiera_l.yaml"), or any name that
            `load_model` takes.
        ckpt_path: the weights; by default the official ones from the Hugging Face hub.
        device: by default the fastest available.
        mode: only "eval" is supported.
        hydra_overrides_extra: must be empty, since Hydra is not used.
        apply_postprocessing: encode the memory of prompted frames from the binary mask that the user saw, instead of
            from mask probabilities.
        vos_optimized: has no effect.
        pathways: hypotheses per object; 1 is plain SAM 2.

    Raises:
        CheckpointError: the configuration is unknown, or the weights are missing or do not fit.
        ConfigError: the mode, an override or the device is not supported, or `pathways` is out of range.
    """
    if mode != "eval":
        raise ConfigError(f"mode is {mode!r}; the predictor does not train, so only 'eval' is supported")
    if hydra_overrides_extra:
        raise ConfigError(
            f"hydra_overrides_extra is {list(hydra_overrides_extra)}; overrides of SAM 2's files are not supported"
        )
    model = load_model(preset_of(str(config_file)), ckpt_path, device=device)
    return SAM2VideoPredictor(model, pathways, binary_prompts=apply_postprocessing)
