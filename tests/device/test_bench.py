"""The bench's scripted network on the pretended device."""

import torch

from sam2long import TreeConfig
from sam2long.bench import Load, measured_model, time_frames
from tests.device.pretend import DEVICE
from tests.networks import SMALL


def test_frames_are_timed_on_the_device(device):
    model = measured_model(SMALL, DEVICE)
    timing = time_frames(model, torch.zeros(2, 3, 128, 128), Load(objects=2, tree=TreeConfig(), certain=False))
    assert timing.milliseconds.keys() == {"encode", "attend", "decode mask", "memory", "select"}
    assert timing.peak_megabytes == 2**20 / 1e6
    # It waits before and after each stage, and at the end of the frame.
    assert sum(wait.operation == "synchronize" for wait in device.waits) == 2 * (4 * 2 + 1)
