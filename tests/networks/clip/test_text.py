"""The text encoder's rules: activation, end of text, causality, dtypes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.networks.clip.text import end_of_text
from tests.networks.components import deviation, network, random_params, small_clip

pytestmark = pytest.mark.usefixtures("quick_compilation")

IDS = jnp.asarray([[48, 5, 7, 49, 49, 49], [48, 9, 49, 0, 0, 0]])


def encoder(**settings):
    fields = small_clip(architectures=["CLIPTextModelWithProjection"])
    return network("text_encoder", {**fields, **settings.pop("fields", {})}, **settings)


@functools.cache
def plain():
    model = encoder()
    params = random_params(model)
    return params, jax.jit(model.apply)({"params": params}, IDS)


@pytest.mark.parametrize(
    ("ids", "eos", "expected"),
    [
        ([[48, 5, 49, 49], [48, 49, 0, 0]], 49, [2, 1]),  # the first one: padding may equal it
        ([[48, 5, 49, 49], [48, 49, 0, 0]], 2, [2, 1]),  # a mistaken 2 means the largest id
        ([[48, 5, 49, 2], [48, 2, 49, 0]], 2, [2, 2]),
        ([[48, 5, 60, 49], [48, 49, 0, 60]], 49, [3, 1]),  # ids added later may be larger
    ],
)
def test_end_of_text(ids, eos, expected):
    np.testing.assert_array_equal(end_of_text(jnp.asarray(ids), eos), expected)


def test_pooled_and_projected_states():
    params, output = plain()
    rows = jnp.arange(2)
    np.testing.assert_array_equal(
        output.pooled, output.last_hidden_state[rows, jnp.asarray([3, 2])]
    )
    projected = output.pooled @ params["text_projection"]["kernel"]
    np.testing.assert_allclose(output.projected, projected, atol=1e-5)


def test_a_token_does_not_see_those_after_it():
    params, output = plain()
    changed = encoder().apply({"params": params}, IDS.at[:, 3].set(11)).last_hidden_state
    np.testing.assert_allclose(changed[:, :3], output.last_hidden_state[:, :3], atol=1e-5)
    assert deviation(changed[:, 3:], output.last_hidden_state[:, 3:]) > 0.05


def test_gelu_is_not_quick_gelu():
    params, output = plain()
    gelu = encoder(fields={"hidden_act": "gelu"}).apply({"params": params}, IDS)
    assert 1e-4 < deviation(gelu.last_hidden_state, output.last_hidden_state) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("param_dtype", [jnp.float32, jnp.bfloat16])
def test_bfloat16_stays_close(param_dtype):
    """Within 2 % of the largest value (measured: 0.8 %)."""
    params, output = plain()
    params = jax.tree.map(lambda leaf: leaf.astype(param_dtype), params)
    model = encoder(dtype=jnp.bfloat16, param_dtype=param_dtype)
    rounded = jax.jit(model.apply)({"params": params}, IDS)
    for ours, theirs in zip(rounded, output, strict=True):
        assert ours.dtype == jnp.bfloat16
        assert deviation(ours, theirs) < 0.02


@pytest.mark.parametrize(
    ("tokens", "skip", "words"),
    [(13, 0, "13 tokens, expected at most 12"), (6, 4, "skip is 4, expected 0 to 3")],
)
def test_inputs_that_do_not_fit_are_refused(tokens, skip, words):
    with pytest.raises(UserError, match=words):
        encoder().apply({"params": plain()[0]}, jnp.zeros((1, tokens), jnp.int32), skip)
