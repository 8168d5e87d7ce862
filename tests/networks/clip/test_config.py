"""Which CLIP encoders are read, and which refused."""

import pytest

from sdjax.config.errors import UserError
from sdjax.networks.clip.config import TextConfig, VisionConfig
from tests.networks.components import real_fields, small_clip


def test_published_fields():
    config = TextConfig.from_dict(real_fields("sd21", "text_encoder"))
    assert (config.encoder.num_hidden_layers, config.encoder.hidden_act) == (23, "gelu")
    assert (config.eos_token_id, config.projection_dim) == (2, None)
    again = TextConfig.from_dict(real_fields("sd21", "text_encoder"))
    assert config is not again and hash(config) == hash(again)


@pytest.mark.parametrize(
    ("config", "architecture"),
    [
        (TextConfig, "CLIPTextModelWithProjection"),
        (VisionConfig, "CLIPVisionModelWithProjection"),
    ],
)
def test_the_architecture_says_whether_there_is_a_projection(config, architecture):
    assert config.from_dict(small_clip(architectures=[architecture])).projection_dim == 10
    assert config.from_dict(small_clip()).projection_dim is None


@pytest.mark.parametrize(
    ("config", "change", "words"),
    [
        (TextConfig, {"model_type": "t5"}, "model_type 't5', expected 'clip_text_model'"),
        (VisionConfig, {"model_type": "clip_text_model"}, "expected 'clip_vision_model'"),
        (TextConfig, {"hidden_act": "relu"}, "hidden_act 'relu', expected 'quick_gelu' or 'gelu'"),
        (TextConfig, {"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000, expected"),
        (TextConfig, {"hidden_size": "16"}, "hidden_size is '16', expected a whole number"),
        (TextConfig, {"num_attention_heads": 0}, "num_attention_heads is 0, expected"),
        (TextConfig, {"vocab_size": None}, "vocab_size is None, expected a whole number"),
        (TextConfig, {"eos_token_id": -1}, "eos_token_id is -1, expected a whole number from 0"),
        (TextConfig, {"layer_norm_eps": "small"}, "layer_norm_eps is 'small', expected"),
        (VisionConfig, {"patch_size": 0}, "patch_size is 0, expected a whole number"),
        (TextConfig, {"num_attention_heads": 3}, "hidden_size is 16, expected a multiple of"),
    ],
)
def test_other_models_are_refused_by_name(config, change, words):
    with pytest.raises(UserError, match=words):
        config.from_dict(small_clip(**change))


@pytest.mark.parametrize(
    ("config", "part"), [(TextConfig, "text_config"), (VisionConfig, "vision_config")]
)
def test_of_a_whole_clip_the_own_part_is_read(config, part):
    whole = {"model_type": "clip", "hidden_size": 99, part: small_clip()}
    assert config.from_dict(whole) == config.from_dict(small_clip())


@pytest.mark.parametrize("architectures", [None, 3, "CLIPTextModelWithProjection", {}])
def test_architectures_that_are_no_list_name_no_projection(architectures):
    assert TextConfig.from_dict(small_clip(architectures=architectures)).projection_dim is None
