"""The constructor numbers of ldm's UNet, and what is refused."""

import gzip
import json

import pytest

from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.ldm_fields import PORT
from tests import reference

FIELDS = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 64,
    "attention_resolutions": [4, 2],
    "num_res_blocks": 2,
    "channel_mult": [1, 2, 4],
    "num_head_channels": 32,
    "use_spatial_transformer": True,
    "use_linear_in_transformer": True,
    "transformer_depth": 1,
    "context_dim": 40,
    "use_checkpoint": True,
    "legacy": False,
    "camera_dim": 16,
}


def test_levels_attention_and_heads():
    config = UNetConfig.from_ldm(FIELDS)
    assert config.block_out_channels == (64, 128, 256)
    assert config.down_attention == (False, True, True)
    assert config.up_attention == (True, True, False)
    assert config.num_attention_heads == (2, 4, 8)
    assert config.layers_per_block == (2, 2, 2)
    assert (config.camera_features, config.sample_size) == (16, 32)
    assert (config.norm_num_groups, config.norm_eps) == (32, 1e-5)


def test_a_fixed_number_of_heads():
    config = UNetConfig.from_ldm({**FIELDS, "num_head_channels": -1, "num_heads": 8})
    assert config.num_attention_heads == (8, 8, 8)


def test_the_port_leaves_out_that_its_projections_are_dense():
    without = {k: v for k, v in FIELDS.items() if not k.startswith("use_")}
    assert not UNetConfig.from_ldm(without).use_linear_projection
    port = {**without, "_class_name": PORT, "num_heads": -1, "ip_dim": 0, "ip_weight": 1.0}
    assert UNetConfig.from_dict(port) == UNetConfig.from_ldm(FIELDS)


def test_the_recorded_models_have_the_heads_that_are_derived():
    for file in sorted((reference.FOLDER / "multiview" / "mvdream").glob("*/config.json")):
        fields = json.loads(file.read_text())
        config, derived = UNetConfig.from_ldm(fields), fields["derived"]
        assert list(config.num_attention_heads) == derived["heads_per_level"]
        assert 4 * config.block_out_channels[0] == derived["time_embed_dim"]


def test_the_published_model_is_what_its_conversion_says():
    names = reference.FOLDER / "multiview" / "names"
    with gzip.open(names / "zero123_full.json.gz") as file:
        converted = UNetConfig.from_dict(json.load(file)["unet_config"])
    with gzip.open(names / "mvdream_full.json.gz") as file:
        official = [m["unet_config"] for m in json.load(file).values() if isinstance(m, dict)]
    (fields,) = [
        fields for fields in official if fields["context_dim"] == converted.cross_attention_dim
    ]
    changed = {"in_channels": converted.in_channels, "camera_dim": None}
    assert UNetConfig.from_ldm({**fields, **changed}) == converted


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_scale_shift_norm": True}, "use_scale_shift_norm True, expected False"),
        ({"num_classes": 10}, "num_classes 10, expected None"),
        ({"ip_dim": 16}, "ip_dim 16, expected 0"),
        ({"use_spatial_transformer": False}, "use_spatial_transformer False, expected True"),
        ({"newer": 3}, "newer 3, expected None"),
        ({"channel_mult": [2, 4]}, "channel_mult starts with 2, expected 1"),
        ({"channel_mult": 3}, "channel_mult is 3, expected a list"),
        ({"model_channels": None}, "model_channels is None, expected a whole number"),
        (
            {"model_channels": 40, "num_head_channels": 8},
            "is 40, expected a multiple of norm_num_groups",
        ),
        ({"context_dim": None}, "context_dim is None, expected a whole number"),
        ({"attention_resolutions": 2}, "attention_resolutions is 2, expected a list"),
        ({"num_head_channels": 48}, "model_channels is 64, expected a multiple of num_head_chan"),
        ({"num_head_channels": -1}, "num_heads is -1 and num_head_channels -1, expected one of"),
        ({"camera_dim": "16"}, "camera_features is '16', expected a whole number"),
        ({"num_res_blocks": [1, 2]}, "num_res_blocks is .*, expected an integer or a list of 3"),
    ],
)
def test_what_is_not_there_gets_one_sentence(changes, message):
    with pytest.raises(ValueError, match=message) as error:
        UNetConfig.from_ldm({**FIELDS, **changes})
    assert "\n" not in str(error.value)
