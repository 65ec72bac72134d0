"""SAM 2's video predictor interface on top of `Session`: change the import and keep the calls."""

from sam2long.compat.predictor import SAM2VideoPredictor, build_sam2_video_predictor

__all__ = ["SAM2VideoPredictor", "build_sam2_video_predictor"]
