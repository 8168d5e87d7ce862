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
        (TextConfig, {"num_attention_heads": 3}, "hidden_size is 16, expected a multiple of"),
    ],
)
def test_other_models_are_refused_by_name(config, change, words):
    with pytest.raises(UserError, match=words):
        config.from_dict(small_clip(**change))
