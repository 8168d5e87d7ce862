"""The UNet's dtypes, rematerialisation, channels and timesteps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.networks.parameters import parameter_shapes
from tests.networks.components import deviation, network, random_params, small_unet

pytestmark = pytest.mark.usefixtures("quick_compilation")

TIMESTEPS = jnp.asarray([3, 700])


def inputs(channels: int = 4) -> tuple[jax.Array, jax.Array]:
    latents, context = jax.random.split(jax.random.key(0))
    return (
        jax.random.normal(latents, (2, 4, 6, channels)),
        jax.random.normal(context, (2, 5, 12)),
    )


@functools.cache
def plain():
    model = network("unet", small_unet())
    params = random_params(model)
    return params, jax.jit(model.apply)({"params": params}, inputs()[0], TIMESTEPS, inputs()[1])


@pytest.mark.slow
@pytest.mark.parametrize("param_dtype", [jnp.float32, jnp.bfloat16])
def test_bfloat16_stays_close(param_dtype):
    """Within 3 % of the largest output (measured: 1.3 %), with one rounding of about 0.4 % in
    each of some thirty layers."""
    params, expected = plain()
    model = network("unet", small_unet(), dtype=jnp.bfloat16, param_dtype=param_dtype)
    shapes = parameter_shapes(model)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype(param_dtype)}
    params = jax.tree.map(lambda leaf: leaf.astype(param_dtype), params)
    latents, context = inputs()
    output = jax.jit(model.apply)({"params": params}, latents, TIMESTEPS, context)
    assert output.dtype == jnp.bfloat16
    assert deviation(output, expected) < 0.03


@pytest.mark.long
def test_rematerialisation_changes_neither_output_nor_gradient():
    latents, context = inputs()

    def objective(model, latents, params):
        output = model.apply({"params": params}, latents, TIMESTEPS, context)
        return jnp.sum(output**2), output

    results, programs = [], []
    for remat in ("none", "blocks"):
        model = network("unet", small_unet(), remat=remat)
        gradient = jax.grad(functools.partial(objective, model), (0, 1), has_aux=True)
        results.append(jax.jit(gradient)(latents, plain()[0]))
        programs.append(str(jax.make_jaxpr(gradient)(latents, plain()[0])))
    assert ["remat" in program or "checkpoint" in program for program in programs] == [False, True]
    for ours, theirs in zip(*map(jax.tree.leaves, results), strict=True):
        assert deviation(ours, theirs) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("channels", [8, 9])
def test_more_input_channels_change_the_first_kernel_only(channels):
    model = network("unet", small_unet(in_channels=channels))
    shapes = parameter_shapes(model)
    assert shapes["conv_in"]["kernel"].shape == (3, 3, channels, 8)
    latents, context = inputs(channels)
    output = jax.eval_shape(model.apply, {"params": shapes}, latents, TIMESTEPS, context)
    assert output.shape == (2, 4, 6, 4)


@pytest.mark.slow
def test_each_sample_has_its_own_timestep():
    params, together = plain()
    model = network("unet", small_unet())
    latents, context = inputs()
    apply = jax.jit(lambda t: model.apply({"params": params}, latents, t, context))
    for i, t in enumerate(TIMESTEPS):
        np.testing.assert_allclose(apply(t)[i], together[i], atol=1e-4)
    assert deviation(apply(TIMESTEPS[0])[1], together[1]) > 1e-2


@pytest.mark.parametrize(
    ("latents", "context", "words"),
    [
        ((1, 4, 4, 3), (1, 5, 12), "latents has 3 channels, expected 4"),
        ((1, 4, 4, 4), (1, 5, 10), "context has 10 channels, expected 12"),
        ((1, 4, 5, 4), (1, 5, 12), "latents are 4x5, expected multiples of 2"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(latents, context, words):
    model = network("unet", small_unet())
    with pytest.raises(UserError, match=words):
        jax.eval_shape(model.init, jax.random.key(0), jnp.ones(latents), 0, jnp.ones(context))
