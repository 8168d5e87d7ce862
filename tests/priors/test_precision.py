"""Half precision: latents, gradients of pictures and predictions stay close to float32's."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import front_camera
from sdjax.priors import stable_diffusion
from sdjax.priors.parts import Precision
from sdjax.weights.shipped import shipped_folder
from tests import reference

FOLDERS = {"tiny": reference.FOLDER / "tiny" / "sd2_tiny", "small": shipped_folder()}
# Root mean square of the differences over that of float32's; measured: 0.78 and 0.10 %.
CLOSE = {"bfloat16": 0.015, "float16": 0.002}
pytestmark = pytest.mark.usefixtures("quick_compilation")
SIZES = (1e-10, 1e-7, 1e-4, 1.0, 1e3)


def distance(found, expected):
    found, expected = np.float64(found), np.float64(expected)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@functools.cache
def prior(name, dtype):
    return stable_diffusion.load(FOLDERS[name], precision=Precision(*[jnp.dtype(dtype)] * 2))


@functools.cache
def encoded(dtype):
    """Latents, and the gradients of the picture for cotangents of each size, over that size."""
    own = prior("small", dtype)
    image = jax.random.uniform(jax.random.key(0), (1, 32, 32, 3))
    direction = jax.random.normal(jax.random.key(1), (1, *own.latent_shape(32)))

    @jax.jit
    def both(image, sizes):
        latents, pull = jax.vjp(own.encode, image)
        return latents, jax.lax.map(lambda size: pull(size * direction)[0] / size, sizes)

    return both(image, jnp.asarray(SIZES))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", CLOSE)
def test_latents_and_gradients_of_pictures(dtype):
    latents, gradients = encoded(dtype)
    expected, expected_gradients = encoded("float32")
    assert (latents.dtype, gradients.dtype) == (jnp.float32, jnp.float32)
    assert distance(latents, expected) < CLOSE[dtype]
    for gradient, expected in zip(gradients, expected_gradients, strict=True):
        assert distance(gradient, expected) < CLOSE[dtype]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", CLOSE)
def test_pictures_of_latents(dtype):
    latents = encoded("float32")[0]
    found, expected = (jax.jit(prior("small", one).decode)(latents) for one in (dtype, "float32"))
    assert found.dtype == jnp.float32
    assert distance(found, expected) < CLOSE[dtype]


@pytest.mark.slow
def test_a_guided_prediction_in_float16():
    """Within 0.5 % (measured: 0.2 %)."""

    def predicted(dtype):
        own = prior("small", dtype)
        conditioning = own.condition("a red mug")
        x = jax.random.normal(jax.random.key(2), (1, *own.latent_shape(64)))
        return jax.jit(
            lambda x: own.predictor(conditioning, front_camera())(x, jnp.int32(400), 7.5)
        )(x)

    assert distance(predicted("float16"), predicted("float32")) < 0.005


@pytest.mark.long
def test_the_gradient_of_an_adapter_in_float16(size=1e-9):
    """VSD's loss is a mean over latents, whose cotangents are far below those of a sum."""

    def gradient(dtype):
        own = prior("tiny", dtype)
        adapter = own.adapter(rank=2, camera_features=4)
        params = jax.tree.map(lambda leaf: leaf + 0.05, adapter.init(jax.random.key(3)))
        predictor = own.predictor(own.condition("a red mug"), front_camera())
        x, camera = (
            jax.random.normal(jax.random.key(4), (1, *own.latent_shape(32))),
            jnp.ones((1, 4)),
        )

        def loss(params):
            (output,) = adapter.predict(params, predictor, x, jnp.int32(400), [camera])
            return size * jnp.mean((output - x) ** 2)

        leaves = jax.tree.leaves(jax.jit(jax.grad(loss))(params))
        return jnp.concatenate([leaf.ravel() for leaf in leaves]) / size

    assert distance(gradient("float16"), gradient("float32")) < 0.02
