"""The text encoder against recorded outputs of transformers."""

import jax
import jax.numpy as jnp
import pytest

from tests import reference
from tests.networks.components import CHECKPOINTS, deviation, recorded

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_hidden_states_match_transformers(checkpoint):
    model, params = recorded(checkpoint, "text_encoder")
    arrays = reference.load(f"tiny_{checkpoint}")
    text, ids = arrays["text"], jnp.asarray(arrays["tokenizer"]["input_ids"], jnp.int32)
    embed = jax.jit(lambda params, ids: model.apply({"params": params}, ids))

    output = embed(params, ids)
    assert deviation(output.last_hidden_state, text["last_hidden_state"]) < 2e-5
    assert deviation(output.pooled, text["pooler_output"]) < 2e-5
    assert output.projected is None
    random = embed(params, jnp.asarray(text["random_ids"], jnp.int32))
    assert deviation(random.last_hidden_state, text["random_last_hidden_state"]) < 2e-5


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_skipped_layers_leave_the_normed_state_below_them(checkpoint):
    model, params = recorded(checkpoint, "text_encoder")
    arrays = reference.load(f"tiny_{checkpoint}")
    ids = jnp.asarray(arrays["tokenizer"]["input_ids"], jnp.int32)
    skip = model.config.encoder.num_hidden_layers - 1
    output = jax.jit(lambda params, ids: model.apply({"params": params}, ids, skip))(params, ids)

    state = arrays["text"]["hidden_1"]
    centred = state - state.mean(-1, keepdims=True)
    normed = centred / (state.var(-1, keepdims=True) + model.config.encoder.layer_norm_eps) ** 0.5
    norm = params["text_model"]["final_layer_norm"]
    expected = normed * norm["scale"][None, None] + norm["bias"][None, None]
    assert deviation(output.last_hidden_state, expected) < 2e-5
    assert deviation(output.pooled, arrays["text"]["pooler_output"]) < 2e-5
