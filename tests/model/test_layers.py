"""Small layers, against PyTorch's own in float64."""

import pytest
import torch
import torch.nn.functional as F

from sam2long.model.layers import LayerNorm2d


@pytest.mark.parametrize("channels", [1, 4, 16, 17, 64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_channels_of_each_pixel_are_normalised(channels, layout, dtype, tolerance):
    """Few channels take another way than many, which PyTorch's kernel normalises."""
    draw = torch.Generator().manual_seed(channels)
    norm = LayerNorm2d(channels).to(dtype)
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter, generator=draw)
    x = (3 * torch.randn(2, channels, 5, 7, generator=draw) + 8).to(dtype).to(memory_format=layout)
    weight, bias = norm.weight.double(), norm.bias.double()
    expected = F.layer_norm(x.double().movedim(1, -1), (channels,), weight, bias, norm.eps).movedim(-1, 1)
    ours = norm(x)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.double(), expected, atol=tolerance, rtol=tolerance)


def test_few_channels_can_be_trained():
    norm, x = LayerNorm2d(4), torch.randn(1, 4, 3, 3, requires_grad=True)
    norm(x).square().sum().backward()
    assert all(part.grad is not None and part.grad.isfinite().all() for part in (x, norm.weight, norm.bias))
