"""Which UNets are read, and which refused."""

import pytest

from sdjax.config.errors import UserError
from sdjax.networks.unet.config import UNetConfig
from tests.networks.components import real_fields, small_unet


def test_one_number_counts_for_every_block():
    config = UNetConfig.from_dict(small_unet())
    assert config.layers_per_block == config.transformer_layers_per_block == (1, 1)
    assert config.num_attention_heads == (2, 2)
    assert (config.down_attention, config.up_attention) == ((True, False), (False, True))
    assert hash(config) == hash(UNetConfig.from_dict(small_unet()))


def test_lists_are_kept():
    fields = {"attention_head_dim": [2, 4], "layers_per_block": [1, 2]}
    config = UNetConfig.from_dict(small_unet(**fields, transformer_layers_per_block=[2, 1]))
    assert config.num_attention_heads == (2, 4)
    assert config.layers_per_block == (1, 2)
    assert config.transformer_layers_per_block == (2, 1)


def test_missing_fields_are_those_of_stable_diffusion():
    written = real_fields("sd15", "unet")
    left_out = ("block_out_channels", "down_block_types", "up_block_types", "attention_head_dim")
    assert UNetConfig.from_dict(written) == UNetConfig.from_dict(
        {name: value for name, value in written.items() if name not in left_out}
    )


@pytest.mark.parametrize(
    "harmless",
    [
        {"upcast_attention": True},
        {"dropout": 0.1},
        {"_name_or_path": "x"},
        {"new_in_2027": None},
        {"decay": 0.9999, "inv_gamma": 1.0, "min_decay": 0.0, "optimization_step": 1000},
        {"power": 2 / 3, "update_after_step": 0, "use_ema_warmup": False},
    ],
)
def test_fields_without_effect_are_passed_over(harmless):
    assert UNetConfig.from_dict(small_unet(**harmless)) == UNetConfig.from_dict(small_unet())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"_class_name": "SD3Transformer2DModel"}, "SD3Transformer2DModel.*UNet2DConditionModel"),
        ({"addition_embed_type": "text_time"}, "addition_embed_type 'text_time', expected None"),
        ({"class_embed_type": "projection"}, "class_embed_type 'projection', expected None"),
        ({"num_class_embeds": 1000}, "num_class_embeds 1000, expected None"),
        ({"act_fn": "gelu"}, "act_fn 'gelu', expected 'silu'"),
        ({"act_fn": None}, "act_fn None, expected 'silu'"),
        ({"downsample_padding": 0}, "downsample_padding 0, expected 1"),
        ({"only_cross_attention": True}, "only_cross_attention True, expected False"),
        ({"only_cross_attention": [True, False]}, "only_cross_attention .*, expected False"),
        ({"resnet_time_scale_shift": "scale_shift"}, "scale_shift', expected 'default'"),
        ({"num_attention_heads": 8}, "num_attention_heads 8, expected None"),
        ({"new_in_2027": "on"}, "new_in_2027 'on', expected None"),
        ({"down_block_types": ["AttnDownBlock2D", "DownBlock2D"]}, "AttnDownBlock2D.*expected"),
        ({"up_block_types": ["UpBlock2D", "DownBlock2D"]}, "DownBlock2D.*expected 'Cross"),
        ({"up_block_types": ["UpBlock2D"]}, "1 up_block_types, expected equally many"),
        ({"attention_head_dim": [2, 4, 4]}, "attention_head_dim .* list of 2"),
        ({"transformer_layers_per_block": [[1, 1], [1, 1]]}, "transformer_layers_per_block"),
        ({"cross_attention_dim": [12, 24]}, "cross_attention_dim .* an integer"),
        ({"attention_head_dim": 3}, "block_out_channels is 8, expected a multiple .* 3"),
        ({"block_out_channels": None}, "block_out_channels is None, expected a list"),
        ({"block_out_channels": [8, "16"]}, "block_out_channels is '16', expected a whole number"),
        ({"block_out_channels": [8, True]}, "block_out_channels is True, expected a whole number"),
        ({"block_out_channels": [8, 10**9]}, "block_out_channels is 1000000000, expected .* to"),
        ({"block_out_channels": [8] * 100}, "block_out_channels is .*, expected a list"),
        ({"down_block_types": 3}, "down_block_types is 3, expected a list"),
        ({"down_block_types": [None, {}]}, "down_block_types holds None"),
        ({"layers_per_block": 10**9}, "layers_per_block is 1000000000, expected a whole number"),
        ({"layers_per_block": 0}, "layers_per_block is 0, expected a whole number"),
        ({"layers_per_block": True}, "layers_per_block is True, expected an integer"),
        ({"transformer_layers_per_block": 10**9}, "transformer_layers_per_block is 1000000000"),
        ({"attention_head_dim": 0}, "attention_head_dim is 0"),
        ({"attention_head_dim": None}, "attention_head_dim is None"),
        ({"in_channels": "4"}, "in_channels is '4', expected a whole number"),
        ({"out_channels": -4}, "out_channels is -4, expected a whole number from 1"),
        ({"sample_size": 10**9}, "sample_size is 1000000000, expected a whole number from 1 to"),
        ({"sample_size": [8, 16]}, "sample_size is .8, 16., expected a whole number"),
        ({"norm_eps": float("nan")}, "norm_eps is nan, expected a finite number above 0"),
        ({"norm_num_groups": 0}, "norm_num_groups is 0, expected a whole number"),
        ({"freq_shift": None}, "freq_shift is None, expected a finite number"),
        ({"use_linear_projection": "yes"}, "use_linear_projection is 'yes', expected true or fal"),
        ({"_class_name": 10**5000}, "_class_name a value too large to show"),
        ({"norm_num_groups": 16}, "block_out_channels is 8, expected .*norm_num_groups, 16"),
    ],
)
def test_other_architectures_are_refused_by_name(change, words):
    with pytest.raises(UserError, match=words):
        UNetConfig.from_dict(small_unet(**change))


def test_latents_that_are_square_have_one_edge():
    assert UNetConfig.from_dict(small_unet(sample_size=[8, 8])).sample_size == 8


def projecting(numbers):
    """The fields of diffusers' class embedding that is a dense layer of so many numbers."""
    own = {"class_embed_type": "projection", "projection_class_embeddings_input_dim": numbers}
    return small_unet(**own)


def test_a_class_embedding_of_a_matrix_is_that_of_a_camera():
    config = UNetConfig.from_dict(projecting(16))
    assert config == UNetConfig.from_dict(small_unet(camera_features=16))


@pytest.mark.parametrize("numbers", [2048, None, 15])
def test_another_class_embedding_is_refused(numbers):
    """Such as that of Stable unCLIP, which is told a picture there."""
    with pytest.raises(UserError, match="class_embed_type 'projection', expected None"):
        UNetConfig.from_dict(projecting(numbers))
