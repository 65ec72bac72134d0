"""Files of SAM 3: names and shapes of the published ones, and a folder that the Transformers library saved."""

import json
from dataclasses import replace

import pytest
import torch
from transformers import Sam3VideoConfig
from transformers.models.sam3_video.modeling_sam3_video import Sam3VideoModel

from sam2long.model import PRESETS, SAM2, load_model
from sam2long.model.checkpoints.loading import fresh_model, save_model
from sam2long.model.checkpoints.names import is_used, to_ours
from tests.model import sam3_oracle
from tests.networks import SMALL_SAM3

pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = replace(SMALL_SAM3, dim=128, memory_dim=64)
TRUNK, NECK = "detector.backbone.vision_backbone.trunk", "detector.backbone.vision_backbone.sam2_convs"


def shapes(state):
    return {name: tuple(value.shape) for name, value in state.items()}


def pieces(name, outputs, *rest, bias=True):
    """Shapes of a layer's weight and bias."""
    return {f"{name}.weight": (outputs, *rest)} | ({f"{name}.bias": (outputs,)} if bias else {})


def encoder_manifest(trunk, dim):
    """Trunk and neck under the names of the original file, from which the Transformers library converts."""
    width = trunk.width
    found = {f"{TRUNK}.pos_embed": (1, 1 + trunk.position_side**2, width)}
    found |= pieces(f"{TRUNK}.patch_embed.proj", width, 3, trunk.patch, trunk.patch, bias=False)
    found |= pieces(f"{TRUNK}.ln_pre", width)
    for number in range(trunk.depth):
        block = f"{TRUNK}.blocks.{number}"
        found |= pieces(f"{block}.norm1", width) | pieces(f"{block}.norm2", width)
        found |= pieces(f"{block}.attn.qkv", 3 * width, width) | pieces(f"{block}.attn.proj", width, width)
        found |= pieces(f"{block}.mlp.fc1", trunk.mlp, width) | pieces(f"{block}.mlp.fc2", width, trunk.mlp)
        found[f"{block}.attn.freqs_cis"] = (trunk.window**2, width // trunk.heads // 2)
    # A transposed convolution has its inputs first.
    for name, before, after in (("0.dconv_2x2_0", 1, 2), ("0.dconv_2x2_1", 2, 4), ("1.dconv_2x2", 1, 2)):
        found |= {f"{NECK}.{name}.weight": (width // before, width // after, 2, 2)}
        found |= {f"{NECK}.{name}.bias": (width // after,)}
    for level, inputs in enumerate((width // 4, width // 2, width, width)):
        found |= pieces(f"{NECK}.{level}.conv_1x1", dim, inputs, 1, 1)
        found |= pieces(f"{NECK}.{level}.conv_3x3", dim, dim, 3, 3)
    return found


def original_names(rest):
    """The names of SAM 2.1's file for all but the image encoder, as SAM 3's file has them."""
    for name, shape in rest.items():
        for ours, theirs in (("memory_attention.", "transformer.encoder."), ("memory_encoder.", "maskmem_backbone.")):
            name = name.replace(ours, theirs) if name.startswith(ours) else name
        if not name.startswith("image_encoder."):
            yield f"tracker.{name}", shape


def test_the_names_and_shapes_of_the_original_file(manifest):
    config = PRESETS["sam3"]
    published = encoder_manifest(config.trunk, config.dim) | dict(original_names(manifest["sam2.1-hiera-tiny"]))
    published["detector.transformer.decoder.query_embed.weight"] = (200, 256)  # of the detector
    state = {name: torch.empty(shape, device="meta") for name, shape in published.items()}
    with torch.device("meta"):
        assert shapes(to_ours(state)) == shapes(SAM2(config).state_dict())


def test_the_names_and_shapes_of_the_librarys_file():
    with torch.device("meta"):
        whole, ours = Sam3VideoModel(Sam3VideoConfig()), SAM2(PRESETS["sam3"])
    assert shapes(to_ours(whole.state_dict())) == shapes(ours.state_dict())
    assert sum(value.numel() for value in ours.parameters()) == 464_929_666
    assert not is_used("detector_model.text_encoder.text_projection.weight")


def test_values_under_original_names():
    trunk = CONFIG.trunk
    generator = torch.Generator().manual_seed(0)
    named = encoder_manifest(trunk, CONFIG.dim)
    state = {name: torch.randn(shape, generator=generator) for name, shape in named.items()}
    found = to_ours({**state, "tracker.maskmem_tpos_enc": torch.zeros(7, 1, 1, 64)})
    positions = state[f"{TRUNK}.pos_embed"][:, 1:].unflatten(1, (3, 3))
    assert torch.equal(found["image_encoder.trunk.position"], positions)
    for mine, theirs in {
        "trunk.blocks.2.attn.qkv.weight": f"{TRUNK}.blocks.2.attn.qkv.weight",
        "trunk.norm.bias": f"{TRUNK}.ln_pre.bias",
        "neck.enlarge_fine.1.weight": f"{NECK}.0.dconv_2x2_1.weight",
        "neck.enlarge_middle.bias": f"{NECK}.1.dconv_2x2.bias",
        "neck.smooth.0.weight": f"{NECK}.0.conv_3x3.weight",
        "neck.project.2.weight": f"{NECK}.2.conv_1x1.weight",
    }.items():
        assert torch.equal(found[f"image_encoder.{mine}"], state[theirs]), mine


def test_a_folder_of_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, CONFIG.name, CONFIG)
    library = sam3_oracle.build(CONFIG)
    library.save_pretrained(tmp_path)
    model = load_model(tmp_path, device="cpu", precision="float32")
    assert model.config == CONFIG
    expected = to_ours(library.state_dict())
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    said = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({"tracker_config": {**said, "image_size": 168}}), encoding="utf-8")
    assert load_model(tmp_path, device="cpu").config == replace(CONFIG, image_size=168)


def test_our_own_file(tmp_path):
    save_model(fresh_model(SMALL_SAM3), tmp_path / "small.safetensors")
    assert load_model(tmp_path / "small.safetensors", device="cpu").config == SMALL_SAM3
