"""What runs in bfloat16, what is compiled, and that neither changes what the network says by much."""

import copy

import pytest
import torch
from torch import nn

from sam2long.errors import ConfigError
from sam2long.model import Memory, load_model
from sam2long.model import precision as room
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.compilation import compile_model
from sam2long.model.precision import choose_precision, set_precision
from tests.networks import SMALL

CPU = torch.device("cpu")


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def memory(rows, maps, pointers):
    grid = SMALL.grid
    return Memory(
        random(rows, maps, SMALL.memory_dim, grid, grid),
        torch.arange(maps).expand(rows, maps),
        random(rows, pointers, SMALL.dim),
        random(rows, pointers).abs(),
    )


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        (["avx2"], torch.float32),
        (["avx512f", "avx512_bf16"], torch.bfloat16),
        (["amx_bf16"], torch.bfloat16),
        ([], torch.float32),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(monkeypatch, flags, dtype):
    monkeypatch.setattr(room, "processor_flags", lambda: frozenset(flags))
    assert choose_precision("auto", CPU) == dtype
    assert choose_precision("float32", CPU) == torch.float32


def test_an_unknown_precision_is_told():
    with pytest.raises(ConfigError, match="'half'; known: auto, float32, bfloat16"):
        load_model("nano", device="cpu", precision="half")


@torch.inference_mode()
def test_only_encoders_and_memory_attention_change_and_everything_comes_out_float32():
    exact = fresh_model(SMALL)
    model = copy.deepcopy(exact)
    set_precision(model, torch.bfloat16)
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if value.dtype == torch.bfloat16}
    assert changed == {"image_encoder", "memory_attention", "memory_encoder"}
    images = random(2, 3, 128, 128)
    features, expected = model.encode_image(images), exact.encode_image(images)
    for name in ("fine", "middle", "coarse"):
        close(getattr(features, name), getattr(expected, name))
    recalled = memory(3, 4, 5)
    close(model.attend(expected.coarse[:1], recalled), exact.attend(expected.coarse[:1], recalled))


def close(ours, exact):
    """Of type float32, and off by two per cent at most; a number of bfloat16 is off by 0.4."""
    assert ours.dtype == torch.float32
    assert (ours - exact).norm() < 0.02 * exact.norm()


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a .functools.lru_cache")
@torch.inference_mode()
def test_what_is_compiled_says_the_same(monkeypatch):
    """The compiler's own code takes a minute to make; here only its view of our code is tested."""
    compiled = []
    compile_module = nn.Module.compile

    def trace_only(module, dynamic):
        compiled.append(module)
        compile_module(module, backend="eager", fullgraph=True, dynamic=dynamic)

    monkeypatch.setattr(nn.Module, "compile", trace_only)
    exact = fresh_model(SMALL)
    model = copy.deepcopy(exact)
    assert compile_model(model) > 0
    assert compiled == [model.image_encoder]
    # As on a GPU.
    model.memory_attention.compile(dynamic=True)
    features = model.encode_image(random(1, 3, 128, 128))
    torch.testing.assert_close(features.coarse, exact.encode_image(random(1, 3, 128, 128)).coarse)
    for rows, maps, pointers in ((3, 7, 15), (2, 4, 3)):
        recalled = memory(rows, maps, pointers)
        expected = exact.attend(features.coarse, recalled)
        torch.testing.assert_close(model.attend(features.coarse, recalled), expected, atol=1e-4, rtol=1e-4)


def test_a_machine_without_a_compiler_is_told(monkeypatch):
    def broken(graph, inputs):
        raise RuntimeError("no C++ compiler\nmore")

    compile_module = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module, **_: compile_module(module, backend=broken))
    with pytest.raises(ConfigError, match=r"cannot be compiled on this machine .*; run it without compiling"):
        compile_model(fresh_model(SMALL))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_weights_loaded_in_inference_mode_are_ordinary_ones(precision):
    """Convolutions and products with weights made in that mode are slower."""
    with torch.inference_mode():
        model = load_model("nano", device="cpu", precision=precision)
    assert not any(parameter.is_inference() for parameter in model.parameters())
