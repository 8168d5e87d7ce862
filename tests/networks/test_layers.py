"""Norms take their statistics in float32, without cancellation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.networks.layers import Layers

NORMS = {
    "group": lambda layers: layers.group_norm(4, 1e-6),
    "layer": lambda layers: layers.layer_norm(1e-6),
}


def exact(norm: str, x: jax.Array) -> np.ndarray:
    x = np.asarray(x, np.float64)
    grouped = x.reshape(x.shape[0], -1, 4, x.shape[-1] // 4) if norm == "group" else x
    axes = (1, 3) if norm == "group" else (-1,)
    centred = grouped - grouped.mean(axes, keepdims=True)
    return (centred / np.sqrt(grouped.var(axes, keepdims=True) + 1e-6)).reshape(x.shape)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("dtype", "mean"), [(jnp.float32, 3e3), (jnp.bfloat16, 100.0)])
def test_a_large_mean_does_not_drown_the_variance(norm, dtype, mean):
    """Within 1 %: float32 rounds a mean of 3000 by 2e-4, while E[x^2] - mean^2 is off by 1."""
    x = mean + jax.random.normal(jax.random.key(0), (2, 5, 7, 16))
    layer, x = NORMS[norm](Layers(dtype, jnp.float32)), x.astype(dtype)
    normed = layer.apply(layer.init(jax.random.key(1), x), x)
    assert normed.dtype == dtype
    expected = exact(norm, x)
    np.testing.assert_allclose(np.asarray(normed, np.float64), expected, rtol=0.01, atol=0.01)
