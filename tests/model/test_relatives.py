"""Files of SAM 2's relatives: recognised by content, by what `config.json` says, and by name where those are equal."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from sam2long.errors import CheckpointError, ConfigError
from sam2long.model import PRESETS, Memory, load_model
from sam2long.model.checkpoints.loading import fresh_model, save_model
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.config import preset
from sam2long.model.precision import set_precision
from tests.model import edgetam_oracle
from tests.networks import SMALL_EDGETAM, SMALL_EFFICIENTTAM, SMALL_SAM3

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def edgetam_state():
    """Weights of an EdgeTAM of published size as the Transformers library stores them."""
    with pytest.MonkeyPatch.context() as patch:
        edgetam_oracle.allow_timm(patch)
        library = edgetam_oracle.build(PRESETS["edgetam"])
    return {name: value.clone() for name, value in library.state_dict().items()}, library.config


def original_names(state):
    """The state under the names of EdgeTAM's own repository."""
    ours = to_ours({name: value for name, value in state.items() if ".backbone." not in name})
    renamed = {}
    for name, value in ours.items():
        for start, names in {
            "slot_embeddings": "maskmem_tpos_enc",
            "no_memory_embedding": "no_mem_embed",
            "no_memory_position": "no_mem_pos_enc",
            "no_object_pointer": "no_obj_ptr",
            "spatial_perceiver.grid_latents": "spatial_perceiver.latents_2d",
            "prompt_encoder.": "sam_prompt_encoder.",
            "mask_decoder.": "sam_mask_decoder.",
        }.items():
            if name.startswith(start):
                name = names + name.removeprefix(start)
        for level in range(4):
            name = name.replace(f"image_encoder.neck.{level}.", f"image_encoder.neck.convs.{3 - level}.conv.")
        for mine, theirs in (
            (".norm_input.", ".attn.norm_x."),
            (".norm_latents.", ".attn.norm_latents."),
            (".norm_self.", ".self_attn.norm."),
            (".self_mlp.norm.", ".self_ff.0."),
            (".self_mlp.up.", ".self_ff.1."),
            (".self_mlp.down.", ".self_ff.3."),
            (".mlp.norm.", ".ff.0."),
            (".mlp.up.", ".ff.1."),
            (".mlp.down.", ".ff.3."),
        ):
            name = name.replace(mine, theirs)
        if name.startswith("spatial_perceiver.layers."):
            name = name.replace(".cross_attn.", ".attn.").replace("_proj.", ".")
            for part in ("q", "k", "v", "out"):
                name = name.replace(f"attn.{part}.", f"attn.to_{part}.")
        renamed[name] = value
    for name in [name for name in renamed if name.endswith(".to_k.weight")]:
        value = name.replace("to_k", "to_v")
        renamed[name.replace("to_k", "to_kv")] = torch.cat([renamed.pop(name), renamed.pop(value)])
    for name, value in state.items():
        if ".backbone." in name:
            renamed[name.replace("vision_encoder.backbone.timm_model.", "image_encoder.trunk.body.")] = value
    return renamed


def test_a_folder_of_the_library_with_another_image_size(edgetam_state, tmp_path):
    state, config = edgetam_state
    save_file(state, tmp_path / "model.safetensors")
    assert load_model(tmp_path, device="cpu").config == PRESETS["edgetam"]
    (tmp_path / "config.json").write_text(json.dumps({**config.to_dict(), "image_size": 768}), encoding="utf-8")
    assert load_model(tmp_path, device="cpu").config == preset("edgetam", 768)
    (tmp_path / "config.json").write_text('{"image_size": 1000}', encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config.json.*1000 is not a multiple of"):
        load_model(tmp_path, device="cpu")


def test_original_names(edgetam_state, tmp_path):
    state, _ = edgetam_state
    torch.save({"model": original_names(state)}, tmp_path / "edgetam.pt")
    model = load_model(tmp_path / "edgetam.pt", device="cpu", precision="float32")
    assert model.config == PRESETS["edgetam"]
    expected = to_ours(state)
    assert model.state_dict().keys() == expected.keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_what_is_missing_of_a_batch_norm_is_named(edgetam_state, tmp_path):
    state, _ = edgetam_state
    del (state := dict(state))["vision_encoder.backbone.timm_model.stem.conv1.bn.running_var"]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing: image_encoder.trunk.stem.conv1.weight"):
        load_model(tmp_path, device="cpu")


@pytest.mark.parametrize("shape", [(), (3,), (24, 1, 1)])
def test_a_batch_norm_of_another_shape(edgetam_state, tmp_path, shape):
    state, _ = edgetam_state
    name = "vision_encoder.backbone.timm_model.stem.conv1.bn.running_var"
    save_file({**state, name: torch.ones(shape)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing: image_encoder.trunk.stem.conv1.weight"):
        load_model(tmp_path, device="cpu")


@pytest.mark.filterwarnings("error")
def test_medsam2_is_told_by_its_name_or_its_size(tmp_path):
    model = fresh_model(PRESETS["medsam2"])
    for file, name in [("MedSAM2_latest.pt", "medsam2"), ("sam2.1_hiera_tiny.pt", "sam2.1-hiera-tiny")]:
        torch.save({"model": model.state_dict(), "optimizer": {}}, tmp_path / file)
        assert load_model(tmp_path / file, device="cpu").config == PRESETS[name]
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"image_size": [512, 512]}', encoding="utf-8")
    assert load_model(tmp_path, device="cpu").config == PRESETS["medsam2"]


@pytest.mark.filterwarnings("error")
def test_a_renamed_medsam2_is_not_taken_for_sam2_in_silence(tmp_path):
    file = tmp_path / "heart.pt"
    torch.save(fresh_model(PRESETS["medsam2"]).state_dict(), file)
    told = r"heart.pt' is taken for sam2.1-hiera-tiny \(image size 1024\), but medsam2 \(512\) .* pass the file"
    with pytest.warns(UserWarning, match=told) as caught:
        assert load_model(file, device="cpu").config == PRESETS["sam2.1-hiera-tiny"]
    assert len(caught) == 1 and "\n" not in str(caught[0].message)
    # Nothing is left to assume.
    assert load_model("medsam2", file, device="cpu").config == PRESETS["medsam2"]
    assert load_model("sam2.1-hiera-tiny", file, device="cpu").config == PRESETS["sam2.1-hiera-tiny"]
    assert load_model(file, device="cpu", image_size=512).config == PRESETS["medsam2"]
    assert load_model(file, device="cpu", image_size=768).config == preset("sam2.1-hiera-tiny", 768)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"image_size": "large"}', "not a whole number"),
        ('{"image_size": [512, 1024]}', "only square ones"),
    ],
)
def test_a_config_that_cannot_be_used(tmp_path, said, told):
    save_file(fresh_model(PRESETS["medsam2"]).state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(said, encoding="utf-8")
    with pytest.raises(CheckpointError, match=told):
        load_model(tmp_path, device="cpu")


def test_ambiguous_parameters_name_the_candidates(tmp_path, monkeypatch):
    tiny = PRESETS["sam2.1-hiera-tiny"]
    monkeypatch.setitem(PRESETS, "twin", replace(tiny, name="twin", max_pointers=8))
    torch.save(fresh_model(tiny).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=r"may belong to sam2.1-hiera-tiny, medsam2, twin"):
        load_model(tmp_path / "weights.pt", device="cpu")


def test_our_own_files_keep_the_perceiver(tmp_path):
    model = fresh_model(SMALL_EDGETAM)
    save_model(model, tmp_path / "small.safetensors")
    assert load_model(tmp_path / "small.safetensors", device="cpu").config == SMALL_EDGETAM


def test_sizes_that_do_not_fit_the_perceiver():
    with pytest.raises(ConfigError, match="not a multiple of 256, which edgetam needs"):
        preset("edgetam", 640)


@pytest.mark.parametrize("config", [SMALL_EDGETAM, SMALL_EFFICIENTTAM, SMALL_SAM3], ids=["tokens", "pooled", "rotary"])
def test_bfloat16_is_close(config):
    model = fresh_model(config)
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 3, config.image_size, config.image_size, generator=generator)
    memory = Memory(
        torch.randn(2, 3, *config.memory_shape, generator=generator),
        torch.arange(3).expand(2, -1),
        torch.randn(2, 4, config.dim, generator=generator),
        torch.rand(2, 4, generator=generator),
    )

    def outputs():
        features = model.encode_image(image).coarse
        return features, model.attend(exact[0] if exact else features, memory)

    exact = ()
    with torch.inference_mode():
        exact = outputs()
        set_precision(model, torch.bfloat16)
        for rough, fine in zip(outputs(), exact, strict=True):
            assert (rough - fine).abs().max() < 0.05 * fine.abs().max()
