"""Our CLIP encoders beside transformers' on random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.networks.components import deviation, small_clip, with_gradient
from tests.parity import torch_models
from tests.parity.conversion import converted
from tests.parity.torch_models import channels_first, channels_last, random, torch

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]

TEXT = "CLIPTextModelWithProjection"
VISION = "CLIPVisionModelWithProjection"
IDS = np.asarray([[48, 5, 7, 49, 49, 49], [48, 9, 49, 0, 3, 2]])


@pytest.mark.parametrize("hidden_act", ["quick_gelu", "gelu"])
@pytest.mark.parametrize("eos", [49, 2])
@pytest.mark.parametrize("architecture", ["CLIPTextModel", TEXT])
def test_text_matches_transformers(architecture, eos, hidden_act, tmp_path):
    fields = small_clip(architectures=[architecture], eos_token_id=eos, hidden_act=hidden_act)
    theirs = torch_models.random_model("text_encoder", fields)
    model, params = converted(theirs, "text_encoder", fields, tmp_path)
    output = jax.jit(model.apply)({"params": params}, jnp.asarray(IDS))
    with torch.no_grad():
        expected = theirs(torch.from_numpy(IDS))
    assert deviation(output.last_hidden_state, expected.last_hidden_state) < 2e-5
    if architecture == TEXT:
        assert deviation(output.projected, expected.text_embeds) < 2e-5
    else:
        assert deviation(output.pooled, expected.pooler_output) < 2e-5


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_every_hidden_state_matches_transformers(skip, tmp_path):
    fields = small_clip(architectures=[TEXT])
    theirs = torch_models.random_model("text_encoder", fields)
    model, params = converted(theirs, "text_encoder", fields, tmp_path)
    output = jax.jit(model.apply, static_argnums=2)({"params": params}, jnp.asarray(IDS), skip)
    with torch.no_grad():
        states = theirs(torch.from_numpy(IDS), output_hidden_states=True).hidden_states
        expected = theirs.text_model.final_layer_norm(states[-1 - skip])
    assert deviation(output.last_hidden_state, expected) < 2e-5


def test_vision_and_its_gradient_match_transformers(tmp_path):
    fields = small_clip(architectures=[VISION])
    theirs = torch_models.random_model("image_encoder", fields)
    model, params = converted(theirs, "image_encoder", fields, tmp_path)
    pixels, cotangent = random(2, 12, 12, 3, seed=1), random(2, 10, seed=2)
    expected, expected_gradient = torch_models.with_gradient(
        lambda x: theirs(x).image_embeds, channels_first(pixels), cotangent
    )

    @jax.jit
    def evaluate(params, pixels, cotangent):
        def project(pixels):
            return model.apply({"params": params}, pixels).projected

        return with_gradient(project, pixels, cotangent), model.apply({"params": params}, pixels)

    (projected, gradient), output = evaluate(params, jnp.asarray(pixels), jnp.asarray(cotangent))
    with torch.no_grad():
        inner = theirs.vision_model(torch.from_numpy(channels_first(pixels)))
    assert deviation(projected, expected) < 2e-5
    assert deviation(gradient, channels_last(expected_gradient)) < 2e-5
    assert deviation(output.last_hidden_state, inner.last_hidden_state) < 2e-5
    assert deviation(output.pooled, inner.pooler_output) < 2e-5
