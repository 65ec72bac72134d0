"""Presets and checkpoint files: names and shapes of all eight, three namings, and every way a file can be wrong."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from sam2long.errors import CheckpointError, ConfigError
from sam2long.model import PRESETS, SAM2, load_model
from sam2long.model.checkpoints import loading as checkpoint_module
from sam2long.model.checkpoints.loading import fresh_model, save_model
from sam2long.model.checkpoints.names import to_ours


@pytest.fixture
def tiny_file(tmp_path, published_state):
    """An original-looking `.pt` file of the smallest published model."""
    state = published_state("sam2.1-hiera-tiny")
    torch.save({"model": state}, tmp_path / "tiny.pt")
    return tmp_path / "tiny.pt", state


def meta_model(config):
    with torch.device("meta"):
        return SAM2(config)


def test_every_published_model_has_its_preset(manifest):
    assert set(manifest) < set(PRESETS)
    assert all(name in manifest for name in PRESETS if name.startswith("sam2"))


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("sam2")])
def test_every_preset_has_the_published_parameters(name, manifest):
    published = {key: torch.empty(shape, device="meta") for key, shape in manifest[name].items()}
    ours = meta_model(PRESETS[name]).state_dict()
    assert {key: value.shape for key, value in to_ours(published).items()} == {
        key: value.shape for key, value in ours.items()
    }


def test_a_pt_file_is_recognised_and_loaded_value_by_value(tiny_file):
    path, state = tiny_file
    model = load_model(path, device="cpu", precision="float32")
    assert model.config.name == "sam2.1-hiera-tiny"
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert torch.equal(model.slot_embeddings, state["maskmem_tpos_enc"])
    assert torch.equal(model.prompt_encoder.point_embeddings[2], state["sam_prompt_encoder.point_embeddings.2.weight"])
    assert torch.equal(model.image_encoder.neck[3].weight, state["image_encoder.neck.convs.0.conv.weight"])


def test_preset_with_checkpoint_and_hub_id(tiny_file):
    path, _ = tiny_file
    assert load_model("facebook/sam2.1-hiera-tiny", checkpoint=path, device="cpu").config.name == "sam2.1-hiera-tiny"


def test_a_preset_takes_the_official_file(monkeypatch, tiny_file):
    monkeypatch.setattr(checkpoint_module, "download", lambda name: tiny_file[0])
    assert load_model("sam2.1-hiera-tiny", device="cpu").config.name == "sam2.1-hiera-tiny"


def test_save_and_load_keep_configuration_and_values(tmp_path, small_model):
    save_model(small_model, tmp_path / "small.safetensors", torch.float16)
    loaded = load_model(tmp_path / "small.safetensors", device="cpu", precision="float32")
    assert loaded.config == small_model.config
    for name, value in small_model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name
    assert [file.name for file in tmp_path.iterdir()] == ["small.safetensors"]


def test_others_may_read_a_saved_model_as_any_other_file(tmp_path, small_model):
    save_model(small_model, tmp_path / "small.safetensors")
    (tmp_path / "plain").touch()
    assert (tmp_path / "small.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_image_size_is_a_setting(small_model, tmp_path):
    save_model(small_model, tmp_path / "small.safetensors")
    model = load_model(tmp_path / "small.safetensors", image_size=192, device="cpu")
    with torch.inference_mode():
        features = model.encode_image(torch.zeros(2, 3, 192, 192))
    assert features.coarse.shape == (2, 64, 12, 12)
    with pytest.raises(ConfigError, match="multiple of 32"):
        load_model(tmp_path / "small.safetensors", image_size=200)


def test_fresh_weights_are_the_same_for_the_same_seed():
    config = dataclasses.replace(PRESETS["sam2.1-hiera-tiny"], image_size=64)
    first, second, other = fresh_model(config), fresh_model(config), fresh_model(config, seed=1)
    assert torch.equal(first.slot_embeddings, second.slot_embeddings)
    assert not torch.equal(first.slot_embeddings, other.slot_embeddings)
    assert all(parameter.any() for parameter in first.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("no_mem_embed"), "1 missing: no_memory_embedding"),
        (lambda state: state.update(extra=torch.zeros(1)), "1 unexpected: extra"),
        (
            lambda state: state.update(no_obj_ptr=torch.zeros(1, 7)),
            r"1 of wrong shape: no_object_pointer \[1, 7\] instead of \[1, 256\]",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_named(tiny_file, tmp_path, change, message):
    state = dict(tiny_file[1])
    change(state)
    torch.save({"model": state}, tmp_path / "changed.pt")
    with pytest.raises(CheckpointError, match=message):
        load_model(tmp_path / "changed.pt")


def test_weights_of_another_size_are_summed_up(tiny_file):
    with pytest.raises(CheckpointError, match=r"does not fit sam2.1-hiera-large: \d+ missing: .* and \d+ more"):
        load_model("sam2.1-hiera-large", checkpoint=tiny_file[0])


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02garbage"])
def test_files_that_are_no_checkpoints(tmp_path, suffix, content):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_model(path)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_truncated_files(tmp_path, suffix, small_model):
    path = tmp_path / f"cut{suffix}"
    state = small_model.state_dict()
    torch.save({"model": state}, path) if suffix == ".pt" else save_file(state, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="cannot be read; it may be truncated"):
        load_model(path)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit('it ran')",))

    torch.save({"model": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_model(tmp_path / "evil.pt")


def test_tables_without_parameters_and_strange_models(tmp_path):
    torch.save({"model": {"a": 3}}, tmp_path / "numbers.pt")
    with pytest.raises(CheckpointError, match="no table of parameters"):
        load_model(tmp_path / "numbers.pt")
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"matches no known model; known: sam2-hiera-tiny"):
        load_model(tmp_path / "other.pt")


def test_unknown_names_missing_files_and_devices(tmp_path):
    with pytest.raises(CheckpointError, match=r"unknown model 'sam4'; known: sam2-hiera-tiny"):
        load_model("sam4")
    with pytest.raises(CheckpointError, match=r"checkpoint file .* does not exist"):
        load_model(tmp_path / "nothing.pt")
    with pytest.raises(ConfigError, match="device 'abacus' cannot be used"):
        load_model("sam2-hiera-tiny", random_weights=True, device="abacus")


def test_only_weights_are_unpickled(monkeypatch, tiny_file):
    calls = []
    real = torch.load
    monkeypatch.setattr(checkpoint_module.torch, "load", lambda *a, **k: calls.append(k) or real(*a, **k))
    load_model(tiny_file[0], device="cpu")
    assert calls and all(call["weights_only"] is True for call in calls)


def test_a_file_that_is_no_checkpoint_brings_no_advice_to_trust_it(tmp_path):
    (tmp_path / "notes.md").write_text("# Notes\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match="not a checkpoint") as caught:
        load_model(tmp_path / "notes.md")
    assert "weights_only" not in str(caught.value)
