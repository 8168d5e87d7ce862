"""The convolution of CPUs is XLA's own, in value and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax

from sdjax.networks.convolution import LAYOUT, convolve

# height, width, in, out, size, stride, (before, after); the batch is 3, or 4
CASES = [
    (5, 7, 3, 4, 3, 1, (1, 1)),
    (1, 1, 2, 3, 3, 1, (1, 1)),
    (4, 5, 2, 6, 5, 1, (2, 2)),
    (5, 4, 3, 2, 1, 1, (0, 0)),
    (6, 8, 3, 3, 3, 2, (1, 1)),
    (6, 8, 3, 3, 3, 2, (0, 1)),
    (6, 5, 2, 3, 3, 1, (0, 0)),
    (6, 5, 2, 3, 3, 1, (0, 2)),
    (6, 6, 2, 3, 2, 1, (1, 1)),
]


def plain(x, kernel, strides, padding):
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=LAYOUT)


def ours(x, kernel, strides, padding):
    return convolve(x, kernel, strides, padding, dimension_numbers=LAYOUT)


def with_gradients(function, *inputs):
    """function(*inputs) and the gradient of its sum with weights, by each input."""
    weigh = lambda y: jnp.sum(y * jnp.sin(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))  # noqa: E731
    gradients = jax.grad(lambda *inputs: weigh(function(*inputs)), tuple(range(len(inputs))))
    return jax.jit(lambda *inputs: (function(*inputs), *gradients(*inputs)))(*inputs)


def assert_equal(given, expected, tolerance):
    for one, other in zip(given, expected, strict=True):
        assert one.dtype == other.dtype
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


def draw(case, dtype, *, batch):
    height, width, channels, features, size, stride, sides = case
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((batch, height, width, channels)), dtype)
    kernel = jnp.asarray(rng.standard_normal((size, size, channels, features)), dtype)
    return x, kernel, (stride, stride), [sides, sides]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("batch", [3, 4])
def test_equals_the_plain_convolution(case, batch):
    x, kernel, *settings = draw(case, jnp.float32, batch=batch)
    given = with_gradients(lambda *inputs: ours(*inputs, *settings), x, kernel)
    expected = with_gradients(lambda *inputs: plain(*inputs, *settings), x, kernel)
    assert_equal(given, expected, 1e-6)


def test_of_doubles_to_their_precision():
    with jax.enable_x64(True):
        x, kernel, *settings = draw(CASES[0], jnp.float64, batch=4)
        given = with_gradients(lambda *inputs: ours(*inputs, *settings), x, kernel)
        expected = with_gradients(lambda *inputs: plain(*inputs, *settings), x, kernel)
        assert_equal(given, expected, 1e-14)


def test_of_many_kernels_and_images_at_once():
    x, kernel, *settings = draw(CASES[0], jnp.float32, batch=4)
    xs, kernels = jnp.stack([x, 2 * x + 1]), jnp.stack([kernel, kernel[::-1]])
    many = lambda one: with_gradients(  # noqa: E731
        jax.vmap(lambda *inputs: one(*inputs, *settings)), xs, kernels
    )
    assert_equal(many(ours), many(plain), 1e-6)


def test_other_platforms_get_xlas_own():
    """One convolution of the image as it is, without the column that CPUs compute too many."""
    x, kernel, *settings = draw(CASES[0], jnp.float32, batch=4)
    for platform, width in (("tpu", 7), ("cuda", 7), ("cpu", 8)):
        exported = export.export(
            jax.jit(lambda *inputs: ours(*inputs, *settings)), platforms=[platform]
        )(x, kernel)
        lines = exported.mlir_module().splitlines()
        (line,) = [one for one in lines if "stablehlo.convolution" in one]
        assert f"-> tensor<4x5x{width}x4xf32>" in line
