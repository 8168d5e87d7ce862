"""The UNet that knows the camera."""

import jax
import jax.numpy as jnp
import pytest

from sdjax.networks.lora.unet import apply_lora, init_lora
from sdjax.networks.parameters import parameter_shapes
from tests.networks.components import deviation, network, random_params, small_unet

pytestmark = pytest.mark.usefixtures("quick_compilation")

LATENTS = jax.random.normal(jax.random.key(0), (2, 4, 4, 4))
CONTEXT = jax.random.normal(jax.random.key(1), (2, 5, 12))
CAMERAS = jax.random.normal(jax.random.key(2), (2, 16))
MODEL = network("unet", small_unet())


@pytest.fixture(scope="module")
def params():
    return random_params(MODEL)


@pytest.fixture(scope="module")
def lora():
    return init_lora(jax.random.key(3), MODEL)


def run(params, lora, camera):
    return apply_lora(MODEL, params, lora, LATENTS, jnp.asarray(5), CONTEXT, camera)


@pytest.mark.slow
def test_initial_values_are_those_of_pytorch(lora):
    """Uniform within +-1 / sqrt(inputs): 16 camera numbers, then 4 x 8."""
    for name, inside in (("linear_1", 16), ("linear_2", 32)):
        layer, bound = lora.camera_embedding[name], inside**-0.5
        assert layer["kernel"].shape == (inside, 32) and layer["bias"].shape == (32,)
        for leaf in layer.values():
            assert 0.9 * bound < jnp.abs(leaf).max() <= bound
            assert abs(float(leaf.std()) / (bound / 3**0.5) - 1.0) < 0.25
    leaves = jax.tree.leaves(lora.camera_embedding)
    assert len({float(leaf.ravel()[0]) for leaf in leaves}) == len(leaves)


@pytest.mark.slow
def test_the_camera_matters_and_without_one_the_network_is_as_it_was(params, lora):
    apply = jax.jit(run)
    seen, dropped = (apply(params, lora, camera) for camera in (CAMERAS, 0.0 * CAMERAS))
    assert deviation(seen, dropped) > 1e-3
    plain = jax.jit(MODEL.apply)({"params": params}, LATENTS, 5, CONTEXT)
    assert deviation(jax.jit(lambda p, o: run(p, o, None))(params, lora), plain) < 1e-5
    assert deviation(dropped, plain) > 1e-3  # zeros are embedded too


@pytest.mark.slow
def test_every_number_of_the_lora_has_a_gradient(params, lora):
    lora = jax.tree.map(lambda leaf: leaf + 0.01, lora)
    gradient = jax.jit(jax.grad(lambda o: jnp.sum(run(params, o, CAMERAS) ** 2)))(lora)
    assert all(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(gradient))


def test_a_network_in_float16_is_differentiated_by_all_of_its_parameters():
    """By shapes: the network's own are arguments from outside, too."""
    model = network("unet", small_unet(), dtype=jnp.float16)
    params = parameter_shapes(model)
    lora = jax.eval_shape(lambda key: init_lora(key, model), jax.random.key(3))

    def loss(params, lora):
        camera = jnp.zeros((2, 16))
        return jnp.sum(apply_lora(model, params, lora, LATENTS, 5, CONTEXT, camera) ** 2)

    gradients = jax.eval_shape(jax.jit(jax.grad(loss, (0, 1))), params, lora)
    assert jax.tree.structure(gradients) == jax.tree.structure((params, lora))
