"""EfficientTAM against a second, plain implementation of what it does differently, under the published names."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from sam2long.errors import CheckpointError, ConfigError
from sam2long.model import PRESETS, SAM2, Memory, ViTConfig, load_model
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.checkpoints.names import to_ours
from sam2long.model.positions import rotary_table, sine_grid
from tests.networks import SMALL_EFFICIENTTAM

NAMES = [name for name in PRESETS if name.startswith("efficienttam")]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def encoder_manifest(trunk, dim):
    """Names and shapes of the image encoder as its definition in the authors' repository gives them."""
    width, root = trunk.width, "image_encoder.trunk"
    shapes = {
        f"{root}.pos_embed": (1, trunk.position_side**2 + 1, width),
        f"{root}.patch_embed.proj.weight": (width, 3, 16, 16),
        f"{root}.patch_embed.proj.bias": (width,),
    }
    for number in range(trunk.depth):
        block = f"{root}.blocks.{number}"
        linear = {"attn.qkv": (3, 1), "attn.proj": (1, 1), "mlp.layers.0": (4, 1), "mlp.layers.1": (1, 4)}
        for name, (outputs, inputs) in linear.items():
            shapes[f"{block}.{name}.weight"] = (outputs * width, inputs * width)
            shapes[f"{block}.{name}.bias"] = (outputs * width,)
        for name in ("norm1", "norm2"):
            shapes |= {f"{block}.{name}.{part}": (width,) for part in ("weight", "bias")}
    neck = "image_encoder.neck.convs.0"
    shapes |= {f"{neck}.conv_1x1.weight": (dim, width, 1, 1), f"{neck}.conv_3x3.weight": (dim, dim, 3, 3)}
    return shapes | {f"{neck}.{name}.{part}": (dim,) for name in ("norm_0", "norm_1") for part in ("weight", "bias")}


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_has_the_published_parameters(name, manifest):
    rest = {
        key: shape
        for key, shape in manifest["sam2-hiera-tiny"].items()
        if not key.startswith(("image_encoder.", "sam_mask_decoder.conv_s"))
    }
    config = PRESETS[name]
    published = {key: torch.empty(shape, device="meta") for key, shape in rest.items()}
    published |= {
        key: torch.empty(shape, device="meta") for key, shape in encoder_manifest(config.trunk, config.dim).items()
    }
    with torch.device("meta"):
        ours = SAM2(config).state_dict()
    assert {key: value.shape for key, value in to_ours(published).items()} == {
        key: value.shape for key, value in ours.items()
    }


def plain_encoder(state, image, trunk):
    """Trunk and neck as loops over blocks, windows and heads, with the names of the published files."""

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(x, name, eps=1e-6):
        centred = x - x.mean(-1, keepdim=True)
        deviation = (centred.pow(2).mean(-1, keepdim=True) + eps).sqrt()
        return centred / deviation * state[f"{name}.weight"] + state[f"{name}.bias"]

    def attend(window, block):
        rows, columns, width = window.shape
        qkv = linear(window.reshape(-1, width), f"{block}.attn.qkv")
        parts = []
        for head in range(trunk.heads):
            size = width // trunk.heads
            q, k, v = (qkv[:, kind * width + head * size : kind * width + (head + 1) * size] for kind in range(3))
            parts.append((q @ k.T / math.sqrt(size)).softmax(-1) @ v)
        return linear(torch.cat(parts, -1), f"{block}.attn.proj").reshape(rows, columns, width)

    root = "image_encoder.trunk"
    x = F.conv2d(image, state[f"{root}.patch_embed.proj.weight"], state[f"{root}.patch_embed.proj.bias"], stride=16)
    side = trunk.position_side
    positions = state[f"{root}.pos_embed"][:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    x = (x + F.interpolate(positions, size=x.shape[2:], mode="bicubic", align_corners=False))[0].permute(1, 2, 0)
    for number in range(trunk.depth):
        block = f"{root}.blocks.{number}"
        y = norm(x, f"{block}.norm1")
        if number in trunk.global_blocks:
            y = attend(y, block)
        else:
            rows, columns, width = y.shape
            step = trunk.window
            padded = torch.zeros(-(-rows // step) * step, -(-columns // step) * step, width)
            padded[:rows, :columns] = y
            for top in range(0, rows, step):
                for left in range(0, columns, step):
                    part = slice(top, top + step), slice(left, left + step)
                    padded[part] = attend(padded[part], block)
            y = padded[:rows, :columns]
        x = x + y
        hidden = linear(norm(x, f"{block}.norm2"), f"{block}.mlp.layers.0")
        x = x + linear(hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2))), f"{block}.mlp.layers.1")
    neck = "image_encoder.neck.convs.0"
    x = F.conv2d(x.permute(2, 0, 1)[None], state[f"{neck}.conv_1x1.weight"])
    x = norm(x.permute(0, 2, 3, 1), f"{neck}.norm_0").permute(0, 3, 1, 2)
    x = F.conv2d(x, state[f"{neck}.conv_3x3.weight"], padding=1)
    return norm(x.permute(0, 2, 3, 1), f"{neck}.norm_1").permute(0, 3, 1, 2)


def test_trunk_and_neck():
    trunk = SMALL_EFFICIENTTAM.trunk
    state = {
        name: random(*shape, seed=number) * (0.2 if len(shape) > 1 else 0.5)
        for number, (name, shape) in enumerate(encoder_manifest(trunk, SMALL_EFFICIENTTAM.dim).items())
    }
    model = fresh_model(SMALL_EFFICIENTTAM)
    renamed = to_ours({**state, "maskmem_tpos_enc": torch.zeros(1)})
    del renamed["slot_embeddings"]
    model.load_state_dict({**model.state_dict(), **renamed})
    images = random(2, 3, 128, 128, seed=99)
    with torch.inference_mode():
        features = model.encode_image(images)
    expected = torch.cat([plain_encoder(state, image[None], trunk) for image in images])
    torch.testing.assert_close(features.coarse, expected, atol=1e-4, rtol=1e-4)
    assert features.fine.shape == features.middle.shape == (2, 0)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("pooling", ["scores", "keys"])
@pytest.mark.parametrize("grad", [False, True], ids=["tiles", "fused"])
def test_pooled_memories(pooling, count, grad):
    """The first layer's attention to memories, from its published description: pool after rotating the keys."""
    model = fresh_model(replace(SMALL_EFFICIENTTAM, pooling=pooling), seed=1)
    config, side = model.config, model.config.grid
    memory = Memory(
        random(2, count, config.memory_dim, side, side, seed=2),
        torch.arange(count).expand(2, -1),
        random(2, 4, config.dim, seed=3),
        torch.zeros(2, 4),
    )
    layer = model.memory_attention.layers[0].cross_attn
    x, table = random(2, side**2, config.dim, seed=4) * 4, rotary_table(config.dim, side, side, torch.device("cpu"))
    places = sine_grid(config.memory_dim, side, side, torch.device("cpu")).flatten(1).T
    with torch.set_grad_enabled(grad):
        found = layer(x, model._memory_tokens(memory), table, table).detach()

    def rotated(y):
        pairs = torch.view_as_complex(y.reshape(*y.shape[:-1], -1, 2).contiguous()) * torch.view_as_complex(table)
        return torch.view_as_real(pairs).flatten(-2)

    def pooled(y):
        grid = y.T.reshape(1, -1, side, side)
        return F.avg_pool2d(grid, 2).flatten(2)[0].T

    with torch.no_grad():
        for row in range(2):
            q = rotated(layer.q_proj(x[row]))
            keys, values, raised = [], [], []
            for number in range(count):
                value = memory.spatial[row, number].flatten(1).T
                key = rotated(layer.k_proj(value + places + model._slot_encodings()[number]))
                value = layer.v_proj(value)
                if count > 1:
                    key, value = pooled(key), pooled(value)
                    key = key + (2 * math.log(2) if pooling == "keys" else 0)
                keys.append(key)
                values.append(value)
                raised.append(torch.full((len(key),), 2 * math.log(2) if count > 1 and pooling == "scores" else 0.0))
            pointers = memory.pointers[row].reshape(-1, config.memory_dim)
            keys.append(layer.k_proj(pointers))
            values.append(layer.v_proj(pointers))
            raised.append(torch.zeros(len(pointers)))
            scores = q @ torch.cat(keys).T / math.sqrt(config.dim) + torch.cat(raised)
            expected = layer.out_proj(scores.softmax(-1) @ torch.cat(values))
            torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-4)


def test_files_are_told_by_their_names(tmp_path):
    state = fresh_model(PRESETS["efficienttam-ti"]).state_dict()
    for file, name in [
        ("efficienttam_ti.pt", "efficienttam-ti"),
        ("efficienttam_ti_2.pt", "efficienttam-ti-2"),
        ("efficienttam_ti_512x512.pt", "efficienttam-ti-512"),
    ]:
        torch.save({"model": state}, tmp_path / file)
        assert load_model(tmp_path / file, device="cpu").config == PRESETS[name]
    torch.save({"model": state}, tmp_path / "mine.pt")
    with pytest.raises(CheckpointError, match="may belong to efficienttam-ti, efficienttam-ti-1, efficienttam-ti-2, "):
        load_model(tmp_path / "mine.pt", device="cpu")
    chosen = load_model("efficienttam-ti-1", tmp_path / "mine.pt", device="cpu")
    assert chosen.config == PRESETS["efficienttam-ti-1"]


def test_switches_are_checked():
    with pytest.raises(ConfigError, match="pooling is 'twice'"):
        replace(SMALL_EFFICIENTTAM, pooling="twice")


def test_a_trunk_that_cannot_be():
    with pytest.raises(ConfigError, match="patch is 32; it must be 16 or less"):
        ViTConfig(32, 2, patch=32)
    with pytest.raises(ConfigError, match="not a multiple of heads"):
        ViTConfig(32, 3)
