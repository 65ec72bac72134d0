"""Procedural videos with exact ground truth, for training, measuring and trying things out."""

from sam2long.synthetic.kinds import KINDS
from sam2long.synthetic.noise import DATA_VERSION
from sam2long.synthetic.scene import Scene, SceneConfig, iterate
from sam2long.synthetic.suites import SUITES, Suite, SuiteVideo, training_seed

__all__ = ["DATA_VERSION", "KINDS", "SUITES", "Scene", "SceneConfig", "Suite", "SuiteVideo", "iterate", "training_seed"]
