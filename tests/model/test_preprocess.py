"""Where resizing happens."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from sam2long.model import preprocess
from sam2long.model.config import preset
from sam2long.model.preprocess import resize_device, shrink_mask


@pytest.mark.parametrize(("device", "where"), [("cpu", "cpu"), ("mps", "cpu"), ("cuda:1", "cuda:1")])
def test_mps_leaves_antialiased_resizing_to_the_cpu(device, where):
    assert resize_device(torch.device(device)) == torch.device(where)


def test_a_mask_is_shrunk_on_the_device_chosen_for_it_and_comes_back(monkeypatch):
    config = preset("nano", 128)
    logits = torch.randn(1, 1, 128, 128)
    side = config.mask_size
    expected = F.interpolate(logits, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    assert torch.equal(shrink_mask(logits, config), expected)
    monkeypatch.setattr(preprocess, "resize_device", lambda device: torch.device("meta"))
    with pytest.raises(NotImplementedError):  # nothing comes back from "meta", so that is where it was done
        shrink_mask(logits, config)


def test_read_only_pictures_are_taken_without_a_warning():
    code = """
import warnings, numpy, torch
from sam2long.model.config import preset
from sam2long.model.preprocess import prepare_mask, resize_image
warnings.simplefilter("error")
config = preset("nano", 128)
image, mask = numpy.zeros((9, 9, 3), numpy.uint8), numpy.ones((9, 9), bool)
image.flags.writeable = mask.flags.writeable = False
resize_image(image, config)
prepare_mask(mask, config, torch.device("cpu"))
"""
    # PyTorch warns once in the life of a process.
    subprocess.run([sys.executable, "-c", code], check=True)
