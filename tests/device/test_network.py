"""The network's calls on the pretended device: no tensor of the host gets in, nothing waits, the numbers are right."""

import copy

import pytest
import torch

from sam2long import load_model
from sam2long.model import Memory
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.image_encoder import ImageFeatures
from sam2long.model.precision import set_precision
from tests.device.pretend import DEVICE, DeviceTensor
from tests.networks import RELATIVES


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def memory(config, put, weighted):
    rows, maps, pointers = 2, 3, 4
    return Memory(
        put(random(rows, maps, *config.memory_shape)),
        put(torch.arange(maps).expand(rows, maps)),
        put(random(rows, pointers, config.dim)),
        put(random(rows, pointers).abs()),
        put(random(rows, maps)) if weighted else None,
        put(random(rows, pointers)) if weighted else None,
    )


def features(config, put):
    grid, dim = config.grid, config.dim
    sizes = [(1, dim // 8, 4 * grid, 4 * grid), (1, dim // 4, 2 * grid, 2 * grid)] if config.fine_maps else [(1, 0)] * 2
    return ImageFeatures(*(put(random(*size)) for size in sizes), put(random(1, dim, grid, grid)))


def call_everything(model, put):
    """What each public call returns; `put` brings its arguments to where the model is."""
    config, side, grid = model.config, model.config.image_size, model.config.grid
    encoded = model.encode_image(put(random(2, 3, side, side)))
    yield encoded.fine, encoded.middle, encoded.coarse
    image = features(config, put)
    for weighted in (False, True):
        yield (model.attend(image.coarse, memory(config, put, weighted)),)
    points, labels = put(torch.tensor([[[10.0, 20.0], [60.0, 70.0]]])), put(torch.tensor([[1, 0]]))
    prompts = model.encode_prompts(points, labels, put(random(1, 1, config.mask_size, config.mask_size)))
    yield prompts.sparse, prompts.dense
    conditioned = put(random(2, config.dim, grid, grid))
    for given in (prompts, model.no_prompts()):
        proposals = model.decode(conditioned, image, given)
        yield proposals.masks, proposals.ious, proposals.pointers, proposals.object_scores
        for found in (proposals.candidates(), proposals.candidates().best(), proposals.single()):
            yield found.masks, found.ious, found.pointers
    for binary in (False, True):
        yield (model.encode_memory(image.coarse, proposals.masks[:, :1], proposals.object_scores, binary),)
    masks = put((random(2, 1, side, side) > 0).float())
    yield model.mask_prompt_pointer(image, masks), model.without_memory(image.coarse)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
@torch.inference_mode()
def test_every_call_says_what_it_says_on_the_cpu(nano, request, dtype, tolerance):
    same_on_the_device(copy.deepcopy(nano), request, dtype, tolerance)


@pytest.mark.parametrize("config", RELATIVES, ids=lambda config: config.name)
@torch.inference_mode()
def test_relatives_too(request, config):
    same_on_the_device(fresh_model(config), request, torch.float32, 1e-5)


def same_on_the_device(model, request, dtype, tolerance):
    set_precision(model, dtype)
    expected = list(call_everything(model, lambda x: x))
    device = request.getfixturevalue("device")
    model = model.to(DEVICE)
    assert model.precision == dtype
    put = lambda x: x.pin_memory().to(DEVICE, non_blocking=True)  # noqa: E731
    list(call_everything(model, put))
    device.waits.clear()
    got = list(call_everything(model, put))
    assert device.waits == []
    for ours, theirs in zip(got, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert isinstance(one, DeviceTensor) and one.dtype == torch.float32
            assert (one.cpu() - other).norm() <= tolerance * other.norm()


def test_a_model_is_loaded_to_the_device_in_its_own_precision(device):
    model = load_model("nano", device="cuda:0", image_size=128)
    assert (model.device, model.precision) == (DEVICE, torch.bfloat16)
    assert all(isinstance(value, DeviceTensor) for value in model.state_dict().values())
