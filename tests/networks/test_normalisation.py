"""The group norm of CPUs is Flax's, in value and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import export

from sdjax.networks.normalisation import GroupNorm


def inputs(shape, dtype=jnp.float32):
    rng = np.random.default_rng(0)
    x, *parameters = (
        jnp.asarray(rng.standard_normal(s), dtype) for s in (shape, *2 * [shape[-1:]])
    )
    return x + 0.5, dict(zip(("scale", "bias"), parameters, strict=True))


def with_gradients(norm, x, parameters):
    def total(x, parameters):
        y = norm.apply({"params": parameters}, x)
        return jnp.sum(y * jnp.sin(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)), y

    gradients, y = jax.jit(jax.grad(total, (0, 1), has_aux=True))(x, parameters)
    return jax.tree.leaves((y, gradients))


def flax(groups, dtype):
    return nn.GroupNorm(
        groups, epsilon=1e-5, dtype=dtype, param_dtype=dtype, use_fast_variance=False
    )


@pytest.mark.parametrize(
    ("shape", "groups"), [((3, 5, 7, 12), 4), ((1, 1, 2, 3), 3), ((2, 9, 8), 1)]
)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_equals_flax(shape, groups, dtype):
    x, parameters = inputs(shape, dtype)
    given = with_gradients(GroupNorm(groups, 1e-5, dtype, dtype), x, parameters)
    expected = with_gradients(flax(groups, dtype), x, parameters)
    for one, other in zip(given, expected, strict=True):
        assert one.dtype == other.dtype == dtype
        one, other = (np.asarray(y, np.float64) for y in (one, other))
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6 * np.abs(other).max())


def test_parameters_are_named_as_flax_names_them():
    x, _ = inputs((1, 2, 2, 4))
    ours, theirs = (norm.init(jax.random.key(0), x) for norm in (GroupNorm(2, 1e-5), flax(2, None)))
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)


def test_of_many_images_at_once():
    x, parameters = inputs((2, 3, 4, 5, 8))
    norm = GroupNorm(4, 1e-5)
    given = jax.vmap(lambda x: norm.apply({"params": parameters}, x))(x)
    expected = flax(4, None).apply({"params": parameters}, x.reshape(-1, 4, 5, 8))
    np.testing.assert_allclose(given, expected.reshape(x.shape), atol=3e-6)


def test_the_form_of_other_platforms():
    x, parameters = inputs((3, 5, 7, 12))
    expected = with_gradients(flax(4, None), x, parameters)

    def total(x, parameters):
        y = GroupNorm(4, 1e-5)._by_group(x, **parameters)
        return jnp.sum(y * jnp.sin(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)), y

    gradients, y = jax.jit(jax.grad(total, (0, 1), has_aux=True))(x, parameters)
    for one, other in zip(jax.tree.leaves((y, gradients)), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6 * np.abs(other).max())


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_the_gradient_is_lowered_for_other_platforms(platform):
    x, parameters = inputs((3, 5, 7, 12))
    norm = GroupNorm(4, 1e-5)
    gradient = jax.grad(lambda x: jnp.sum(norm.apply({"params": parameters}, x) ** 2))
    assert export.export(jax.jit(gradient), platforms=[platform])(x).platforms == (platform,)
