"""The exact gelu by erf and by erfc is one function."""

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.networks.activation import gelu


def test_equals_that_of_jax_in_value_and_gradient():
    x = jnp.linspace(-12.0, 12.0, 4001)
    exact = lambda x: jax.nn.gelu(x, approximate=False)  # noqa: E731
    bound = jnp.maximum(1e-6, 1.6e-7 * jnp.abs(x))  # erf ends a rounding below 1 in JAX 0.9.2
    assert (jnp.abs(jax.jit(gelu)(x) - exact(x)) <= bound).all()
    slope = lambda function: jax.jit(jax.vmap(jax.grad(function)))(x)  # noqa: E731
    np.testing.assert_allclose(slope(gelu), slope(exact), rtol=0, atol=1e-6)
