"""The four image encoders against features of the reference implementation."""

import numpy as np
import pytest
import torch

from sam2long.model.preprocess import prepare_image


@pytest.mark.parametrize("size", ["tiny", "small", "base-plus", pytest.param("large", marks=pytest.mark.slow)])
def test_features_match_the_reference(size, golden, golden_inputs, golden_model):
    model = golden_model(f"sam2.1-hiera-{size}")
    reference = golden("encoder")
    frame = golden_inputs.frames(3)[1]
    with torch.inference_mode():
        features = model.encode_image(prepare_image(frame, model.config, model.device))
    samples = {
        "stride4": features.fine[0, ::4, ::16, ::16],
        "stride8": features.middle[0, ::8, ::8, ::8],
        "stride16": features.coarse[0, ::16, ::4, ::4],
    }
    for name, sample in samples.items():
        np.testing.assert_allclose(sample.numpy(), reference[f"{size}_{name}"], atol=1e-4)
