"""The loss whose gradient a rule is, and the popular one that loses it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules.contract import surrogate_loss

SHAPE = (2, 8, 8, 4)


def popular_loss(gradient, latents):
    """0.5 |x - stop_gradient(x - g)|^2, as threestudio has it: x - (x - g) is g, rounded."""
    target = jax.lax.stop_gradient(latents - gradient)
    return 0.5 * jnp.sum((latents - target) ** 2)


def drawn(scale, dtype):
    """A gradient of this scale, and latents."""
    gradient, latents = np.random.default_rng(0).normal(size=(2, *SHAPE))
    return jnp.asarray(scale * gradient, dtype), jnp.asarray(latents, dtype)


def relative_error(loss, gradient, latents):
    found = jax.grad(loss, argnums=1)(gradient, latents)
    assert found.dtype == latents.dtype
    difference = np.asarray(found, np.float64) - np.asarray(gradient, np.float64)
    return np.linalg.norm(difference) / np.linalg.norm(np.asarray(gradient, np.float64))


@pytest.mark.parametrize(
    ("dtype", "scale", "lost"), [(jnp.bfloat16, 1e-2, 0.1), (jnp.float32, 1e-6, 0.02)]
)
def test_small_gradients_survive(dtype, scale, lost):
    gradient, latents = drawn(scale, dtype)
    assert relative_error(surrogate_loss, gradient, latents) == 0.0
    assert relative_error(popular_loss, gradient, latents) > lost


def test_the_gradient_of_a_float32_rule_reaches_bfloat16_latents_rounded_once():
    gradient, _ = drawn(1.0, jnp.float32)
    _, latents = drawn(1.0, jnp.bfloat16)
    found = jax.grad(surrogate_loss, argnums=1)(gradient, latents)
    np.testing.assert_array_equal(found, gradient.astype(jnp.bfloat16))


def test_nothing_flows_into_the_gradient():
    """A rule whose gradient depends on the latents is not differentiated."""
    _, latents = drawn(1.0, jnp.float32)
    found = jax.grad(lambda x: surrogate_loss(x**2, x))(latents)
    np.testing.assert_array_equal(found, latents**2)
