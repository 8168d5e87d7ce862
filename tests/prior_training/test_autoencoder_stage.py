"""The autoencoder's loss, and latents of mean 0 and variance 1 that decode to the same."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.prior_training.autoencoder_stage import (
    autoencoder_loss,
    latents_of,
    signed,
    standardised,
)
from tests.networks.components import network, random_params
from tests.prior_training.small import pictures, tables

pytestmark = pytest.mark.usefixtures("quick_compilation")
AUTOENCODER = network("vae", tables(10).autoencoder)
PARAMS = jax.tree.map(np.asarray, random_params(AUTOENCODER))  # as training leaves them
GIVEN = pictures(6)
encode = jax.jit(partial(AUTOENCODER.apply, method="encode"))
decode = jax.jit(partial(AUTOENCODER.apply, method="decode"))
loss = jax.jit(partial(autoencoder_loss, AUTOENCODER), static_argnums=0)


def test_signed_pictures():
    levels = jnp.broadcast_to(jnp.uint8([0, 51, 255])[:, None, None, None], (3, 2, 2, 3))
    np.testing.assert_allclose(signed(levels)[:, 0, 0, 0], [-1, -0.6, 1], atol=1e-6)


@pytest.fixture(scope="module")
def both():
    """Parameters before and after, and the latents."""
    latents = np.asarray(latents_of(AUTOENCODER, PARAMS, GIVEN))
    after = standardised(PARAMS, latents)
    return after, latents, encode({"params": after}, signed(GIVEN))


@pytest.mark.slow
def test_standardised_latents_have_mean_0_and_deviation_1(both):
    _, before, posterior = both
    assert np.abs(before.mean((0, 1, 2))).max() > 0.05 or np.abs(before.std() - 1) > 0.05
    np.testing.assert_allclose(posterior.mean.mean((0, 1, 2)), 0.0, atol=1e-4)
    np.testing.assert_allclose(posterior.mean.std((0, 1, 2)), 1.0, atol=1e-4)


@pytest.mark.slow
def test_the_posterior_is_scaled_as_the_latents_are(both):
    _, before, posterior = both
    original = encode({"params": PARAMS}, signed(GIVEN))
    scale = np.broadcast_to(before.std((0, 1, 2)), before.shape)
    np.testing.assert_allclose(posterior.std, original.std / scale, rtol=1e-4)


@pytest.mark.slow
def test_the_decoded_picture_is_the_same(both):
    """Of any latents, not only of those from which the scale was taken."""
    after, before, posterior = both
    original = encode({"params": PARAMS}, signed(pictures(3, seed=1)))
    renewed = encode({"params": after}, signed(pictures(3, seed=1)))
    for old, new in ((jnp.asarray(before), posterior.mean), (original.mean, renewed.mean)):
        one, other = decode({"params": PARAMS}, old), decode({"params": after}, new)
        np.testing.assert_allclose(one, other, atol=1e-4)
    noise = jax.random.normal(jax.random.key(0), renewed.mean.shape)
    sampled = [
        decode({"params": params}, posterior.mean + posterior.std * noise)
        for params, posterior in ((PARAMS, original), (after, renewed))
    ]
    np.testing.assert_allclose(*sampled, atol=2e-4)


def test_standardising_leaves_other_parameters_and_the_given_ones(both):
    after, _, _ = both
    assert after.keys() == PARAMS.keys()
    for name in ("encoder", "decoder"):
        jax.tree.map(np.testing.assert_array_equal, after[name], PARAMS[name])
    jax.tree.map(np.testing.assert_array_equal, PARAMS, random_params(AUTOENCODER))
    shapes = [jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), p) for p in (after, PARAMS)]
    assert shapes[0] == shapes[1]


def small_std(params, logvar):
    """The latents almost certain, whatever the picture."""
    channels = params["quant_conv"]["bias"].shape[0] // 2
    kernel, bias = (params["quant_conv"][name].copy() for name in ("kernel", "bias"))
    kernel[..., channels:], bias[channels:] = 0.0, logvar
    return {**params, "quant_conv": {"kernel": kernel, "bias": bias}}


@pytest.mark.slow
def test_the_terms_are_psnr_and_kl():
    """With latents that are hardly random, so that NumPy knows what is decoded."""
    params = small_std(PARAMS, -30.0)
    value, terms = loss(0.01, params, GIVEN, jax.random.key(0))
    latents = encode({"params": params}, signed(GIVEN)).mean
    decoded = np.asarray(decode({"params": params}, latents)) * 0.5 + 0.5
    error = np.mean((decoded - GIVEN / 255.0) ** 2)
    np.testing.assert_allclose(terms["psnr"], 10 * np.log10(1 / error), atol=1e-3)
    kl = 0.5 * np.mean(np.asarray(latents) ** 2 + np.exp(-30.0) - 1 + 30)
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(value, 4 * error + 0.01 * kl, rtol=1e-4)


@pytest.mark.slow
def test_a_standard_normal_posterior_has_no_kl():
    quant = jax.tree.map(np.zeros_like, PARAMS["quant_conv"])
    _, terms = loss(1.0, {**PARAMS, "quant_conv": quant}, GIVEN, jax.random.key(0))
    np.testing.assert_allclose(terms["kl"], 0.0, atol=1e-6)


@pytest.mark.slow
def test_the_key_draws_the_latents():
    params = small_std(PARAMS, 0.0)
    values = [float(loss(0.0, params, GIVEN, jax.random.key(k))[0]) for k in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
