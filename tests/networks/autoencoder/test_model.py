"""The autoencoder's dtypes, rematerialisation, posterior and sizes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.networks.autoencoder.model import Posterior
from tests.networks.components import deviation, network, random_params, small_vae

pytestmark = pytest.mark.usefixtures("quick_compilation")

IMAGE = jax.random.uniform(jax.random.key(0), (1, 8, 6, 3), minval=-1.0)


def both_ways(model, params, image):
    """The posterior, and the decoded mean."""
    posterior = model.apply({"params": params}, image, method="encode")
    return posterior, model.apply({"params": params}, posterior.mean, method="decode")


@functools.cache
def plain():
    model = network("vae", small_vae())
    params = random_params(model)
    return params, jax.jit(functools.partial(both_ways, model))(params, IMAGE)


@pytest.mark.slow
@pytest.mark.parametrize("param_dtype", [jnp.float32, jnp.bfloat16])
def test_bfloat16_stays_close(param_dtype):
    """Within 2 % of the largest value (measured: 0.8 %)."""
    params, (posterior, image) = plain()
    model = network("vae", small_vae(), dtype=jnp.bfloat16, param_dtype=param_dtype)
    params = jax.tree.map(lambda leaf: leaf.astype(param_dtype), params)
    rounded, decoded = jax.jit(functools.partial(both_ways, model))(params, IMAGE)
    assert (rounded.mean.dtype, decoded.dtype) == (jnp.float32, jnp.bfloat16)
    assert deviation(rounded.mean, posterior.mean) < 0.02
    assert deviation(decoded, image) < 0.02


@pytest.mark.slow
def test_rematerialisation_changes_neither_output_nor_gradient():
    def objective(model, image):
        posterior, decoded = both_ways(model, plain()[0], image)
        return jnp.sum(decoded**2), posterior

    results, programs = [], []
    for remat in ("none", "blocks"):
        model = network("vae", small_vae(), remat=remat)
        gradient = jax.grad(functools.partial(objective, model), has_aux=True)
        results.append(jax.jit(gradient)(IMAGE))
        programs.append(str(jax.make_jaxpr(gradient)(IMAGE)))
    assert ["remat" in program or "checkpoint" in program for program in programs] == [False, True]
    for ours, theirs in zip(*map(jax.tree.leaves, results), strict=True):
        assert deviation(ours, theirs) < 1e-5


@pytest.mark.slow
def test_logvar_is_clamped():
    params = plain()[0]
    bias = jnp.asarray([0.0] * 4 + [100.0, -100.0, 0.0, 0.0])
    params = {**params, "quant_conv": {**params["quant_conv"], "bias": bias}}
    posterior = network("vae", small_vae()).apply({"params": params}, IMAGE, method="encode")
    np.testing.assert_array_equal(posterior.logvar[..., 0], 20.0)
    np.testing.assert_array_equal(posterior.logvar[..., 1], -30.0)


def test_samples_have_the_mean_and_deviation_of_the_posterior():
    mean, logvar = jnp.full((1, 50, 50, 4), 2.0), jnp.full((1, 50, 50, 4), 2.0 * jnp.log(3.0))
    sample = Posterior(mean, logvar).sample(jax.random.key(0))
    assert abs(float(sample.mean()) - 2.0) < 0.1
    assert abs(float(sample.std()) - 3.0) < 0.1


def test_sizes_that_do_not_divide_are_refused():
    model = network("vae", small_vae())
    with pytest.raises(UserError, match="image is 8x7, expected multiples of 2"):
        model.apply({"params": plain()[0]}, jnp.ones((1, 8, 7, 3)), method="encode")
