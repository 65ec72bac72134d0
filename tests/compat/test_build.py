"""From SAM 2's names of configurations and models to ours."""

import pytest
import torch

from sam2long import load_model
from sam2long.compat import SAM2VideoPredictor, build_sam2_video_predictor
from sam2long.compat.names import preset_of
from sam2long.errors import CheckpointError, ConfigError
from sam2long.model import PRESETS
from sam2long.model.checkpoints.loading import save_model


@pytest.mark.parametrize("family", ["sam2", "sam2.1"])
@pytest.mark.parametrize(("letter", "size"), [("t", "tiny"), ("s", "small"), ("b+", "base-plus"), ("l", "large")])
def test_every_configuration_has_its_preset(family, letter, size):
    for spelling in (f"configs/{family}/{family}_hiera_{letter}.yaml", f"{family}_hiera_{letter}.yaml"):
        assert preset_of(spelling) == f"{family}-hiera-{size}"
        assert preset_of(spelling) in PRESETS


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("configs/edgetam.yaml", "edgetam"),
        ("configs/sam2.1_hiera_t512.yaml", "medsam2"),
        ("configs/efficienttam/efficienttam_s.yaml", "efficienttam-s"),
        ("efficienttam_ti_2.yaml", "efficienttam-ti-2"),
        ("configs/efficienttam/efficienttam_ti_512x512.yaml", "efficienttam-ti-512"),
    ],
)
def test_configurations_of_relatives(spelling, name):
    assert preset_of(spelling) == name and name in PRESETS


@pytest.mark.parametrize("name", ["nano", "facebook/sam2.1-hiera-large", "weights/sam2.1_hiera_large.pt"])
def test_other_names_are_left_to_load_model(name):
    assert preset_of(name) == name


def test_nano_by_both_ways():
    predictor = SAM2VideoPredictor.from_pretrained("nano", pathways=2, device="cpu")
    assert predictor.tree.pathways == 2 and predictor.device == torch.device("cpu")
    assert predictor.image_size == PRESETS["nano"].image_size
    assert predictor.eval().to("cpu") is predictor
    plain = build_sam2_video_predictor("nano", apply_postprocessing=False, vos_optimized=True, device="cpu")
    assert plain.tree.pathways == 3 and not plain.tree.binary_prompts


def test_a_checkpoint_of_ones_own(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_model(load_model("nano", device="cpu"), path)
    assert build_sam2_video_predictor("nano", path, "cpu").model.config == PRESETS["nano"]
    with pytest.raises(CheckpointError, match=r"checkpoint file .* does not exist"):
        build_sam2_video_predictor("configs/sam2.1/sam2.1_hiera_t.yaml", str(path) + ".pt", "cpu")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"config_file": "configs/sam3/sam3.yaml"}, "not one of SAM 2's"),
        ({"config_file": "facebook/sam9"}, "unknown model"),
        ({"config_file": "nano", "mode": "train"}, "does not train"),
        ({"config_file": "nano", "hydra_overrides_extra": ["++model.fill_hole_area=0"]}, "overrides"),
        ({"config_file": "nano", "pathways": 0}, "pathways is 0"),
    ],
)
def test_wrong_use(arguments, message):
    with pytest.raises((CheckpointError, ConfigError), match=message):
        build_sam2_video_predictor(**arguments)
