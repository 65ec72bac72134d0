"""Checkpoints as training scripts and the Transformers library leave them, and files that hold something else."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sam2long.errors import CheckpointError
from sam2long.model import load_model


@pytest.fixture
def state(published_state):
    return published_state("sam2.1-hiera-tiny")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}, "epoch": 3},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {"model": state, "optimizer": {"state": {0: {"step": torch.ones(1)}}}, "best": np.float64(0.5)},
    ],
    ids=["module.", "state_dict", "nested", "optimizer and NumPy"],
)
def test_what_training_scripts_wrap_around_weights(wrap, state, tmp_path):
    torch.save(wrap(state), tmp_path / "trained.pt")
    model = load_model(tmp_path / "trained.pt", device="cpu", precision="float32")
    assert torch.equal(model.slot_embeddings, state["maskmem_tpos_enc"])


def test_a_folder_with_safetensors(state, tmp_path):
    with pytest.raises(CheckpointError, match=r"contains no model.safetensors; pass the checkpoint file"):
        load_model(tmp_path)
    save_file(state, tmp_path / "model.safetensors")
    assert load_model(tmp_path, device="cpu").config.name == "sam2.1-hiera-tiny"
    assert load_model("sam2.1-hiera-tiny", checkpoint=tmp_path, device="cpu").config.name == "sam2.1-hiera-tiny"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(2)], "contains a list, not a table of parameters"),
        ("weights", "contains a str, not a table of parameters"),
        (torch.zeros(2), "contains a Tensor, not a table of parameters"),
        ({"model": {"a": {"b": "c"}}}, "no table of parameters, only: a"),
        ({"a": torch.zeros(2), "b": [1]}, "has a list named 'b' among its parameters"),
        ({3: torch.zeros(2)}, "has a Tensor named '3'"),
        ({"image_encoder.trunk.patch_embed.weight": torch.tensor(0.0)}, "matches no known model"),
        ({"memory_temporal_positional_encoding": torch.ones(1), "prompt_encoder.point_embed.weight": torch.tensor(1)},
         "matches no known model"),
    ],
)  # fmt: skip
def test_other_contents_are_one_line(content, message, tmp_path):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(tmp_path / "other.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [lambda value: value.long(), lambda value: value.to_sparse()])
def test_parameters_that_are_no_dense_numbers(change, state, tmp_path):
    state["no_mem_embed"] = change(state["no_mem_embed"])
    torch.save({"model": state}, tmp_path / "odd.pt")
    with pytest.raises(CheckpointError, match=r"1 not of dense floating-point numbers: no_memory_embedding"):
        load_model(tmp_path / "odd.pt")


def test_the_class_that_is_not_unpickled_is_named(state, tmp_path):
    torch.save({"model": state, "args": pytest.approx(1)}, tmp_path / "args.pt")
    with pytest.raises(CheckpointError, match=r"cannot be read safely: besides tensors it contains \S*[Aa]pprox"):
        load_model(tmp_path / "args.pt")
