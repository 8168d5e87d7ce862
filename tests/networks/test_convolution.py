"""The convolution of CPUs is XLA's own, in value and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax

from sdjax.networks.convolution import LAYOUT, _plain_gradients, convolve

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


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case[4] // 2 == case[6][0] == case[6][1] and case[4] % 2 and case[5] == 1
    ],
    ids=str,
)
@pytest.mark.parametrize("batch", [3, 4])
def test_the_gradient_of_other_platforms(case, batch):
    x, kernel, *settings = draw(case, jnp.float32, batch=batch)
    value, pull = jax.vjp(lambda *inputs: plain(*inputs, *settings), x, kernel)
    gradient = jnp.sin(jnp.arange(value.size, dtype=value.dtype)).reshape(value.shape)
    assert_equal(_plain_gradients(x, kernel, gradient), pull(gradient), 1e-6)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_the_gradient_of_other_platforms_is_two_convolutions(platform):
    x, kernel, *settings = draw(CASES[0], jnp.float32, batch=4)
    gradient = jax.grad(lambda *inputs: jnp.sum(ours(*inputs, *settings) ** 2), (0, 1))
    exported = export.export(jax.jit(gradient), platforms=[platform])(x, kernel)
    assert exported.mlir_module().count("stablehlo.convolution") == 3


@pytest.mark.parametrize(
    "setting",
    [
        {"precision": "highest"},
        {"rhs_dilation": (2, 2)},
        {"lhs_dilation": (2, 2)},
        {"feature_group_count": 3},
    ],
    ids=str,
)
def test_other_settings_are_xlas_own(setting):
    x, kernel, *settings = draw(CASES[0], jnp.float32, batch=4)
    kernel = kernel[:, :, :1, :3] if "feature_group_count" in setting else kernel
    apply = lambda function: function(x, kernel, *settings, dimension_numbers=LAYOUT, **setting)  # noqa: E731
    np.testing.assert_array_equal(apply(convolve), apply(lax.conv_general_dilated))


def test_forward_mode_raises():
    x, kernel, *settings = draw(CASES[0], jnp.float32, batch=4)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda x: ours(x, kernel, *settings), (x,), (x,))
