"""The exact gelu by erf and by erfc is one function."""

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.networks.activation import gelu


def test_equals_that_of_jax_in_value_and_gradient():
    x = jnp.linspace(-12.0, 12.0, 4001)
    exact = lambda x: jax.nn.gelu(x, approximate=False)  # noqa: E731
    bound = 2.4e-7 * jnp.maximum(1.0, jnp.abs(x))  # two roundings of x
    assert (jnp.abs(jax.jit(gelu)(x) - exact(x)) <= bound).all()
    slope = lambda function: jax.jit(jax.vmap(jax.grad(function)))(x)  # noqa: E731
    np.testing.assert_allclose(slope(gelu), slope(exact), rtol=0, atol=1e-6)
