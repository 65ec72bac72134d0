"""Image features and conditioning frames, made when they are first needed and kept while they may be needed again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import torch

from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.preprocess import prepare_image
from sam2long.model.sam2 import SAM2
from sam2long.tracking.conditioning import Conditioning, condition
from sam2long.tracking.prompts import FrameSize, ObjectPrompt
from sam2long.video import Frame, VideoSource

_CACHED_FRAMES = 4
"""Features of the latest frames are kept: several objects, or preview and propagation, often need the same ones."""


@dataclass
class Conditioner:
    """Encodes frames and runs prompts, each once.

    Attributes:
        model: the network.
        source: where frames come from that are not at hand.
        binary_prompts: see `TreeConfig`.
    """

    model: SAM2
    source: VideoSource
    binary_prompts: bool
    _features: OrderedDict[int, ImageFeatures] = field(default_factory=OrderedDict)
    _conditionings: dict[tuple[int, int], Conditioning] = field(default_factory=dict)

    @property
    def size(self) -> FrameSize:
        """Of the video, in pixels."""
        return FrameSize(self.source.height, self.source.width)

    @torch.inference_mode()
    def features(self, frame: Frame) -> ImageFeatures:
        """Encode a decoded frame, or find its features among the latest."""
        features = self.known(frame.index)
        if features is None:
            image = prepare_image(frame.image, self.model.config, self.model.device)
            features = self.model.encode_image(image)
            self.keep(frame.index, features)
        return features

    def known(self, frame: int) -> ImageFeatures | None:
        """Features of a frame, if it is among the latest."""
        return self._features.get(frame)

    def keep(self, frame: int, features: ImageFeatures) -> None:
        """Count a frame among the latest."""
        self._features[frame] = features
        self._features.move_to_end(frame)
        if len(self._features) > _CACHED_FRAMES:
            self._features.popitem(last=False)

    def condition(self, object_id: int, frame: int, prompt: ObjectPrompt) -> Conditioning:
        """Run the prompts of an object on a frame, or find the result of an earlier call."""
        key = (object_id, frame)
        if key not in self._conditionings:
            features = self.known(frame) or self.features(self.source.frame(frame))
            self._conditionings[key] = condition(self.model, features, frame, prompt, self.size, self.binary_prompts)
        return self._conditionings[key]

    def forget(self, object_id: int, frame: int) -> None:
        """Drop what was made of an object's prompts on a frame."""
        self._conditionings.pop((object_id, frame), None)
