"""The image encoder's outputs and dtypes; tests/parity compares its values."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from tests.networks.components import deviation, network, random_params, small_clip

pytestmark = pytest.mark.usefixtures("quick_compilation")

PIXELS = jax.random.normal(jax.random.key(0), (2, 12, 12, 3))


def encoder(**settings):
    fields = small_clip(architectures=["CLIPVisionModelWithProjection"])
    return network("image_encoder", fields, **settings)


@functools.cache
def plain():
    model = encoder()
    params = random_params(model)
    return params, jax.jit(model.apply)({"params": params}, PIXELS)


@pytest.mark.slow
def test_the_class_token_is_pooled_and_projected():
    params, output = plain()
    assert output.last_hidden_state.shape == (2, 1 + 3 * 3, 16)
    assert output.pooled.shape == (2, 16)
    projected = output.pooled @ params["visual_projection"]["kernel"]
    np.testing.assert_allclose(output.projected, projected, atol=1e-5)


@pytest.mark.slow
def test_every_patch_has_its_place():
    """The class token tells an image from one whose patches are exchanged."""
    params, output = plain()
    exchanged = encoder().apply({"params": params}, jnp.roll(PIXELS, 4, axis=1))
    assert deviation(exchanged.pooled, output.pooled) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("param_dtype", [jnp.float32, jnp.bfloat16])
def test_bfloat16_stays_close(param_dtype):
    """Within 2 % of the largest value (measured: 0.8 %)."""
    params, output = plain()
    params = jax.tree.map(lambda leaf: leaf.astype(param_dtype), params)
    model = encoder(dtype=jnp.bfloat16, param_dtype=param_dtype)
    rounded = jax.jit(model.apply)({"params": params}, PIXELS)
    for ours, theirs in zip(rounded, output, strict=True):
        assert ours.dtype == jnp.bfloat16
        assert deviation(ours, theirs) < 0.02


def test_another_size_is_refused():
    with pytest.raises(UserError, match="pixels are 12x8, expected 12x12"):
        encoder().apply({"params": plain()[0]}, PIXELS[:, :, :8])
