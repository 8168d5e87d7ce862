"""Our UNet beside diffusers' on random weights, in configurations that are not recorded."""

import pytest

from tests.networks.components import small_unet
from tests.parity import torch_models
from tests.parity.comparisons import compare_unets
from tests.parity.conversion import converted

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]

CONVOLUTIONS = {"layers_per_block": 2}
LINEAR = {"use_linear_projection": True, "attention_head_dim": [2, 4], "upcast_attention": True}
CASES = {
    "sd1": CONVOLUTIONS,
    "sd1, 8 channels": {**CONVOLUTIONS, "in_channels": 8},
    "sd2": LINEAR,
    "sd2, 9 channels": {**LINEAR, "in_channels": 9, "out_channels": 3},
    "depths differ": {**LINEAR, "layers_per_block": [1, 2], "transformer_layers_per_block": [2, 1]},
    "sines first": {"flip_sin_to_cos": False, "freq_shift": 1, "norm_eps": 1e-3},
    "attention below": {
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    },
}


@pytest.mark.parametrize("case", CASES)
def test_output_and_gradients_match_diffusers(case, tmp_path):
    fields = small_unet(**CASES[case])
    theirs = torch_models.random_model("unet", fields)
    compare_unets(theirs, *converted(theirs, "unet", fields, tmp_path), (8, 4), [17, 803])
