"""Which autoencoders are read, and which refused."""

import pytest

from sdjax.config.errors import UserError
from sdjax.networks.autoencoder.config import AutoencoderConfig
from tests.networks.components import real_fields, small_vae


def test_published_fields():
    config = AutoencoderConfig.from_dict(real_fields("sd15", "vae"))
    assert (config.scaling_factor, config.factor, config.latent_channels) == (0.18215, 8, 4)
    assert AutoencoderConfig.from_dict(small_vae(scaling_factor=0.5)).scaling_factor == 0.5
    again = AutoencoderConfig.from_dict(real_fields("sd15", "vae"))
    assert config is not again and hash(config) == hash(again)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"_class_name": "AutoencoderTiny"}, "AutoencoderTiny.*expected 'AutoencoderKL'"),
        ({"shift_factor": 0.1}, "shift_factor 0.1, expected None"),
        ({"latents_mean": [0.0] * 4}, "latents_mean .*, expected None"),
        ({"use_quant_conv": False}, "use_quant_conv False, expected True"),
        ({"mid_block_add_attention": False}, "mid_block_add_attention False, expected True"),
        ({"act_fn": "relu"}, "act_fn 'relu', expected 'silu'"),
        ({"down_block_types": ["AttnDownEncoderBlock2D"] * 2}, "expected 'DownEncoderBlock2D'"),
        ({"up_block_types": ["UpDecoderBlock2D"]}, "1 up_block_types, expected equally many"),
        ({"norm_num_groups": 3}, "block_out_channels is 8, expected .*norm_num_groups, 3"),
        ({"scaling_factor": float("nan")}, "scaling_factor is nan, expected a finite number above"),
        ({"scaling_factor": 0}, "scaling_factor is 0, expected a finite number above 0"),
        ({"scaling_factor": -0.18}, "scaling_factor is -0.18, expected a finite number above 0"),
        ({"scaling_factor": float("inf")}, "scaling_factor is inf, expected a finite number"),
        ({"scaling_factor": None}, "scaling_factor is None, expected a finite number"),
        ({"scaling_factor": True}, "scaling_factor is True, expected a finite number"),
        ({"sample_size": -1}, "sample_size is -1, expected a whole number"),
        ({"latent_channels": 10**9}, "latent_channels is 1000000000, expected a whole number"),
        ({"block_out_channels": 8}, "block_out_channels is 8, expected a list"),
        ({"layers_per_block": "two"}, "layers_per_block is 'two', expected an integer"),
    ],
)
def test_other_architectures_are_refused_by_name(change, words):
    with pytest.raises(UserError, match=words):
        AutoencoderConfig.from_dict(small_vae(**change))
