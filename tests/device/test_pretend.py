"""The pretended device is as strict as a real one, and computes what the CPU computes."""

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.device.pretend import DEVICE, DeviceTensor

MIXED = "the same device"


def table(device=DEVICE):
    return torch.arange(6.0, device=device).reshape(2, 3)


@pytest.fixture(params=[False, True], ids=["plain", "inference"], autouse=True)
def _mode(request, device):
    with torch.inference_mode(request.param):
        yield


def operations(device):
    """How many waits are noted while something runs."""

    def count(work):
        before = len(device.waits)
        work()
        return [wait.operation for wait in device.waits[before:]]

    return count


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, device="cuda:0"),
        lambda: torch.full((2,), 1.0, device=DEVICE),
        lambda: torch.arange(2, device=DEVICE),
        lambda: torch.eye(2, device=DEVICE),
        lambda: torch.randn(2, device=DEVICE),
        lambda: torch.tensor([1, 2], device=DEVICE),
        lambda: torch.zeros(2).to(DEVICE),
        lambda: torch.zeros(2).to(table()),
        lambda: table().new_tensor([1.0, 2.0]),
        lambda: table().new_empty(2),
        lambda: torch.zeros_like(table()),
        lambda: nn.Linear(2, 2).to(DEVICE).weight,
    ],
)
def test_what_is_made_for_the_device_lands_on_it(make):
    made = make()
    assert isinstance(made, DeviceTensor)
    assert (made.device, made.is_cuda, made.is_meta) == (DEVICE, True, False)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda x: x + torch.ones(3), MIXED),
        (lambda x: torch.ones(3) * x, MIXED),
        (lambda x: x.add_(torch.ones(3)), MIXED),
        (lambda x: torch.cat([x, torch.ones(2, 3)]), MIXED),
        (lambda x: torch.stack([x[0, 0], torch.tensor(1.0)]), MIXED),
        (lambda x: F.linear(x, torch.ones(2, 3)), MIXED),
        (lambda x: torch.where(x > 0, x, torch.ones(2, 3)), MIXED),
        (lambda x: F.scaled_dot_product_attention(x[None], x[None], torch.ones(1, 2, 3)), MIXED),
        (lambda x: torch.rand(2, device=DEVICE, generator=torch.Generator()), "for generator"),
        (lambda x: x.numpy(), "numpy"),
        (lambda x: x.pin_memory(), "pinned"),
    ],
)
def test_what_a_gpu_refuses_is_refused(work, message):
    with pytest.raises(RuntimeError, match=message):
        work(table())


def test_single_numbers_may_be_mixed_in():
    assert (table() * torch.tensor(2.0)).tolist() == [[0, 2, 4], [6, 8, 10]]
    assert torch.where(table() > 2, 1.0, table()).tolist() == [[0, 1, 2], [1, 1, 1]]


@pytest.mark.parametrize(
    ("work", "waits"),
    [
        (lambda x: x.cpu(), ["_to_copy"]),
        (lambda x: x.tolist(), ["_to_copy"]),
        (lambda x: torch.empty(2, 3).copy_(x), ["copy_"]),
        (lambda x: x.sum().item(), ["_local_scalar_dense"]),
        (lambda x: float(x[0, 0]), ["_local_scalar_dense"]),
        (lambda x: bool((x > 0).any()), ["_local_scalar_dense"]),
        (lambda x: torch.allclose(x, x), ["allclose"]),
        (lambda x: torch.equal(x, x), ["equal"]),
        (lambda x: x.nonzero(), ["nonzero"]),
        (lambda x: x[x > 0], ["index"]),
        (lambda x: x.masked_select(x > 0), ["masked_select"]),
        (lambda x: x[torch.tensor([0])], ["index"]),
        (lambda x: torch.zeros(3).to(DEVICE), ["_to_copy"]),
        (lambda x: torch.zeros(3).pin_memory().to(DEVICE), ["_to_copy"]),
        (lambda x: torch.zeros(3).to(DEVICE, non_blocking=True), ["_to_copy"]),
        (lambda x: torch.tensor([0, 1], device=DEVICE), ["_to_copy"]),
        (lambda x: torch.cuda.synchronize(DEVICE), ["synchronize"]),
        (lambda x: torch.zeros(3).pin_memory().to(DEVICE, non_blocking=True), []),
        (lambda x: torch.tensor([0, 1], pin_memory=True).to(DEVICE, non_blocking=True), []),
        (lambda x: x.clone().copy_(torch.ones(2, 3).pin_memory(), non_blocking=True), []),
        (lambda x: x[torch.arange(2, device=DEVICE), 1:], []),
        (lambda x: x.masked_fill(x > 1, 0.0).to(torch.bfloat16).argmax(1), []),
    ],
)
def test_waits_are_noted(device, work, waits):
    x = table()
    assert operations(device)(lambda: work(x)) == waits


def test_the_numbers_are_those_of_the_cpu():
    def work(device):
        x = torch.linspace(-1, 1, 48, device=device).reshape(1, 3, 4, 4)
        x = F.interpolate(x, size=(8, 8), mode="bilinear", antialias=True)
        x[:, 1:].mul_(2)
        tokens = x.flatten(2).transpose(1, 2)
        tokens = F.scaled_dot_product_attention(tokens, tokens, tokens[..., :2])
        pairs = torch.view_as_complex(tokens.contiguous())
        pairs.mul_(pairs.clone())
        return torch.einsum("bij,bkj->bik", tokens, tokens)

    torch.testing.assert_close(work(DEVICE).cpu(), work("cpu"))


def test_an_operation_in_place_returns_its_object():
    x = table()
    view = x[1]
    assert x.add_(1) is x
    assert view.tolist() == [4, 5, 6]


def test_threads_know_of_the_device(device):
    made = []
    thread = threading.Thread(target=lambda: made.append(torch.zeros(2, device=DEVICE).cpu()), name="other")
    thread.start()
    thread.join()
    assert [wait.thread for wait in device.waits] == ["other"]
    assert made[0].tolist() == [0, 0]


def test_gradients_are_those_of_the_cpu():
    def gradient(device):
        x = torch.linspace(-1, 1, 12).reshape(2, 3, 2).to(device).requires_grad_()
        y = x * 2
        turn = torch.view_as_complex(torch.linspace(0, 1, 6).reshape(3, 2).to(device))
        torch.view_as_complex(y).mul_(turn)
        F.scaled_dot_product_attention(y, y, y).square().sum().backward()
        return x.grad.cpu()

    with torch.inference_mode(False), torch.enable_grad():
        torch.testing.assert_close(gradient(DEVICE), gradient("cpu"))
