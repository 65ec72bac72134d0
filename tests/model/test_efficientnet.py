"""The EfficientNet-Lite trunk: another implementation, shapes, precision, and checkpoints that name it."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

from sam2long.errors import CheckpointError, ConfigError
from sam2long.model import EfficientNetConfig, load_model
from sam2long.model.checkpoints.loading import fresh_model, save_model
from sam2long.model.config import NANO
from sam2long.model.precision import set_precision
from sam2long.model.trunks import build_trunk
from training.pretrained import folded

SMALL = EfficientNetConfig((1, 1, 2, 1, 1, 1, 1), (4, 6, 8, 8, 10, 12, 16), stem=4)
CONFIG = replace(NANO, name="small-efficientnet", trunk=SMALL, image_size=64)


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [64, 96])
def test_lite0_equals_an_independent_implementation(size):
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    theirs = EfficientNet.from_name("efficientnet-lite0").eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # fresh ones would hardly normalise
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 3)
    trunk = build_trunk(EfficientNetConfig())
    trunk.load_state_dict(folded(theirs.state_dict()))
    image = torch.randn(2, 3, size, size)
    with torch.no_grad():
        maps = trunk(image)
        x = F.relu6(theirs._bn0(theirs._conv_stem(image)))
        expected = []
        for number, block in enumerate(theirs._blocks):
            x = block(x)
            if number in (2, 4, 10, 15):
                expected.append(x)
    assert [map.shape[-1] for map in maps] == [24, 40, 112, 320]
    for ours, others in zip(maps, expected, strict=True):
        torch.testing.assert_close(ours.permute(0, 3, 1, 2), others, rtol=1e-4, atol=1e-4 * float(others.abs().max()))


def test_maps_have_strides_4_to_32(images):
    maps = build_trunk(SMALL)(images)
    assert [tuple(map.shape) for map in maps] == [(2, 24, 16, 6), (2, 12, 8, 8), (2, 6, 4, 10), (2, 3, 2, 16)]
    assert SMALL.widths == (6, 8, 10, 16)


def test_each_image_of_a_batch_is_by_itself(images):
    trunk = build_trunk(SMALL)
    for together, alone in zip(trunk(images), trunk(images[1:]), strict=True):
        torch.testing.assert_close(together[1:], alone)


def test_bfloat16_stays_close():
    model = fresh_model(CONFIG)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        exact = model.encode_image(image).coarse
        set_precision(model, torch.bfloat16)
        rough = model.encode_image(image).coarse
    assert rough.dtype == torch.float32
    assert float((rough - exact).norm() / exact.norm()) < 0.03


def test_a_checkpoint_names_its_trunk(tmp_path):
    path = tmp_path / "small.safetensors"
    model = fresh_model(CONFIG)
    save_model(model, path)
    loaded = load_model(path, device="cpu", precision="float32")
    assert loaded.config == CONFIG
    torch.testing.assert_close(loaded.state_dict(), model.state_dict())


@pytest.mark.parametrize(
    "trunk",
    [
        {"kind": "perceptron"},
        {"kind": ["efficientnet"]},
        {"kind": "efficientnet", "depths": [1, 2]},
        {"kind": "efficientnet", "stem": 0},
        {"kind": "efficientnet", "width": 3},
    ],
)
def test_a_trunk_that_cannot_be_built_is_one_line(tmp_path, trunk):
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    save_model(fresh_model(CONFIG), good)
    with safe_open(good, framework="pt") as file:
        fields = json.loads(file.metadata()["sam2long_config"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    fields["trunk"] = trunk
    save_file(state, bad, metadata={"sam2long_config": json.dumps(fields)})
    with pytest.raises(CheckpointError, match="configuration that cannot be used"):
        load_model(bad)


def test_configurations_are_checked():
    with pytest.raises(ConfigError, match="depths must have 7 values"):
        EfficientNetConfig(depths=(1, 2))
    with pytest.raises(ConfigError, match="stem must be a whole number"):
        EfficientNetConfig(stem=-1)
