"""Gradients through float16 are those of float32 whatever the size of the cotangent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.networks.scaled_gradient import scaled_gradient

W = jax.random.normal(jax.random.key(0), (8, 8)) / 8**0.5
X = jax.random.normal(jax.random.key(1), (4, 8))
G = jax.random.normal(jax.random.key(2), (4, 8))
SIZES = [1e-30, 1e-10, 1e-7, 1e-4, 1.0, 1e3, 1e10]


def network(dtype):
    return lambda x: jnp.tanh(x.astype(dtype) @ W.astype(dtype)) @ W.T.astype(dtype)


def product(w, x):
    return x.astype(jnp.float16) @ w.astype(jnp.float16)


def gradient(function, size):
    value, pull = jax.vjp(function, X)
    return pull((size * G).astype(value.dtype))[0] / size


@pytest.mark.parametrize("size", SIZES)
def test_the_size_of_the_cotangent_does_not_matter(size):
    expected = gradient(network(jnp.float32), 1.0)
    found = jax.jit(gradient, static_argnums=0)(
        scaled_gradient(network(jnp.float16), "float16"), size
    )
    assert found.dtype == jnp.float32
    assert jnp.abs(found - expected).max() < 2e-3 * jnp.abs(expected).max()


def test_without_it_float16_loses_small_cotangents():
    assert not jnp.any(gradient(network(jnp.float16), 1e-10))


def test_powers_of_two_do_not_change_a_bit():
    function = scaled_gradient(network(jnp.float16), jnp.float16)
    np.testing.assert_array_equal(gradient(function, 2.0**-40), gradient(function, 1.0))


def test_each_of_a_batch_has_its_own_scale():
    function = scaled_gradient(network(jnp.float16), jnp.float16)
    sizes = jnp.asarray([1e-12, 1.0, 1e6])
    found = jax.vmap(lambda size: gradient(function, size))(sizes)
    for one in found:
        assert jnp.allclose(one, found[1], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("size", [0.0, jnp.inf, jnp.nan])
def test_nothing_is_hidden(size):
    pull = jax.vjp(scaled_gradient(network(jnp.float16), jnp.float16), X)[1]
    found = pull(jnp.full_like(G, size))[0]
    assert jnp.all(found == 0.0) if size == 0.0 else not jnp.any(jnp.isfinite(found))


def test_whole_numbers_and_trees_pass():
    function = lambda x, n: {"a": x.astype(jnp.float16) * n, "b": x.astype(jnp.float16)}  # noqa: E731
    pull = jax.vjp(scaled_gradient(function, jnp.float16), X, jnp.int32(3))[1]
    assert jnp.allclose(pull({"a": G, "b": 1e-9 * G})[0], 3.0 * G, rtol=1e-3)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_other_dtypes_are_left_alone(dtype):
    function = network(dtype)
    assert scaled_gradient(function, dtype) is function


def test_what_it_holds_has_no_gradient():
    def loss(w):
        return jnp.sum(scaled_gradient(lambda x: x.astype(jnp.float16) @ w, jnp.float16)(X))

    with pytest.raises(Exception, match=r"closed-over value|unexpected tracer"):
        jax.grad(loss)(W.astype(jnp.float16))


@pytest.mark.parametrize("size", [1e-30, 1e-3])
def test_a_half_precision_argument_has_a_gradient_where_the_scale_is_beyond_its_range(size):
    half = W.astype(jnp.float16)
    function = scaled_gradient(lambda w, x: x.astype(jnp.float16) @ w, jnp.float16)
    pull = jax.vjp(function, half, X)[1]
    of_w, of_x = pull(size * G)
    assert (of_w.dtype, of_x.dtype) == (jnp.float16, jnp.float32)
    assert jnp.allclose(of_x / size, G @ W.T, atol=1e-2)
    assert jnp.allclose(of_w, (size * (X.T @ G)).astype(jnp.float16), atol=1e-5)


def test_parameters_that_are_arguments_are_differentiated_from_outside():
    function = scaled_gradient(
        lambda w, x: x.astype(jnp.float16) @ w.astype(jnp.float16), "float16"
    )
    found = jax.jit(jax.grad(lambda w: jnp.sum(function(w, X) * G)))(W)
    assert jnp.allclose(found, X.T @ G, atol=3e-2)


def test_gradients_that_nobody_asks_for_are_not_computed():
    function = scaled_gradient(
        lambda w, x: x.astype(jnp.float16) @ w.astype(jnp.float16), "float16"
    )
    program = str(jax.make_jaxpr(jax.grad(lambda x: jnp.sum(function(W, x))))(X))
    assert program.count("dot_general") == 2
