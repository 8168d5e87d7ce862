"""The denoising loss: its targets, its timesteps, and who is trained."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import velocity
from sdjax.diffusion.schedule import scaled_linear
from sdjax.prior_training.diffusion_stage import (
    Denoiser,
    diffusion_loss,
    embedded,
    min_snr_weights,
    spread_timesteps,
)
from tests.prior_training.small import LENGTH, model

pytestmark = pytest.mark.usefixtures("quick_compilation")
SCHEDULE = scaled_linear()
LATENTS = jax.random.normal(jax.random.key(5), (6, 4, 4, 3))
IDS = jnp.zeros((6, LENGTH), jnp.int32)
NOTHING = {"unet": {}, "text_encoder": {}}


class Text:
    """In place of a text encoder: the ids themselves."""

    def apply(self, variables, ids):
        return SimpleNamespace(last_hidden_state=ids)


class Knowing:
    """A network that knows the clean latents, and predicts what it is asked for from them."""

    def __init__(self, latents, predicts):
        self.latents, self.predicts = latents, predicts

    def apply(self, variables, noisy, t, text):
        alpha, sigma = (part(t)[:, None, None, None] for part in (SCHEDULE.alpha, SCHEDULE.sigma))
        noise = (noisy - alpha * self.latents) / sigma
        if self.predicts == "epsilon":
            return noise
        return velocity(SCHEDULE, self.latents, noise, t)


def value(latents, prediction, network, key=0):
    denoiser = Denoiser(network, Text(), SCHEDULE, prediction)
    return float(diffusion_loss(denoiser, NOTHING, latents, IDS, jax.random.key(key))[0])


@pytest.mark.slow
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_who_knows_everything_has_no_loss(prediction):
    assert value(LATENTS, prediction, Knowing(LATENTS, prediction)) < 1e-6


@pytest.mark.parametrize(
    ("prediction", "predicted"), [("epsilon", "v_prediction"), ("v_prediction", "epsilon")]
)
def test_the_other_target_is_not_it(prediction, predicted):
    assert value(LATENTS, prediction, Knowing(LATENTS, predicted)) > 0.1


def test_a_constant_error_is_squared():
    """A mean over everything, so that the size of a batch does not matter."""

    class Off(Knowing):
        def apply(self, *inputs):
            return super().apply(*inputs) + 0.5

    assert value(LATENTS, "epsilon", Off(LATENTS, "epsilon")) == pytest.approx(0.25, rel=1e-4)


def test_the_network_gets_text_timesteps_and_noisy_latents():
    """Whatever the key; x_t has the variance of its timestep."""
    seen = []

    class Watching:
        def apply(self, variables, noisy, t, text):
            seen.append((noisy, t, text))
            return jnp.zeros_like(noisy)

    ids = jnp.arange(6 * LENGTH, dtype=jnp.int32).reshape(6, LENGTH)
    latents = jnp.full((6, 16, 16, 3), 2.0)
    denoiser = Denoiser(Watching(), Text(), SCHEDULE, "epsilon")
    for k in range(2):
        diffusion_loss(denoiser, NOTHING, latents, ids, jax.random.key(k))
    assert not np.array_equal(seen[0][1], seen[1][1])
    noisy, t, text = seen[0]
    np.testing.assert_array_equal(text, ids)
    np.testing.assert_allclose(noisy.mean((1, 2, 3)), 2 * SCHEDULE.alpha(t), atol=0.15)
    np.testing.assert_allclose(noisy.std((1, 2, 3)), SCHEDULE.sigma(t), rtol=0.15)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_min_snr_weighs_the_error_of_the_picture(prediction):
    """A network that is off by 0.3 in x_0 has the loss 0.09 mean min(SNR, gamma), whatever it
    predicts; beyond gamma, at small timesteps, all errors count alike."""
    denoiser = Denoiser(Knowing(LATENTS + 0.3, prediction), Text(), SCHEDULE, prediction, 1.0, 5.0)
    loss, logged = diffusion_loss(denoiser, NOTHING, LATENTS, IDS, jax.random.key(3))
    t_key, _ = jax.random.split(jax.random.key(3))
    t = spread_timesteps(t_key, len(LATENTS), 1000)
    snr = np.asarray((SCHEDULE.alpha(t) / SCHEDULE.sigma(t)) ** 2)
    np.testing.assert_allclose(loss, 0.09 * np.minimum(snr, 5.0).mean(), rtol=1e-3)
    weights = min_snr_weights(SCHEDULE, t, 5.0, prediction)
    own = snr + 1.0 if prediction == "v_prediction" else snr
    np.testing.assert_allclose(weights * own, np.minimum(snr, 5.0), rtol=1e-4)
    np.testing.assert_allclose(logged["error"], 0.09 * own.mean(), rtol=1e-3)


@pytest.mark.long
def test_the_text_encoder_learns_if_it_is_among_the_parameters(tmp_path):
    made = model(tmp_path)
    denoiser = Denoiser(made.networks.unet, made.networks.text, SCHEDULE, "epsilon")
    ids = jnp.asarray(made.tokenize(["a red mug"] * 2))
    params = {name: made.params[name] for name in ("unet", "text_encoder")}

    def loss(params, text):
        return diffusion_loss(denoiser, params, LATENTS[:2], text, jax.random.key(0))[0]

    value, gradient = jax.jit(jax.value_and_grad(loss))(params, ids)
    for name in params:
        assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient[name])) > 1e-6
    text = embedded(made.networks.text, params["text_encoder"], ids)
    np.testing.assert_allclose(loss({"unet": params["unet"]}, text), value, rtol=1e-5)


@pytest.mark.parametrize("number", [1, 7, 8, 32])
def test_timesteps_of_a_batch_are_spread(number):
    """Gaps between neighbours are equal to one, that from the last around to the first too."""
    for k in range(5):
        t = np.sort(spread_timesteps(jax.random.key(k), number, 1000))
        assert t.shape == (number,) and t.min() >= 0 and t.max() < 1000
        gaps = np.diff(np.append(t, t[0] + 1000))
        assert np.abs(gaps - 1000 / number).max() <= 1


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_each_timestep_of_a_batch_has_the_density(power):
    """Not only all together: entry 0 as well as the last."""
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.vmap(lambda key: spread_timesteps(key, 4, 10, power))(keys))
    parts = np.diff((np.arange(11) / 10) ** power)
    deviations = np.sqrt(4000 * parts * (1 - parts))
    for entry in drawn.T:
        counts = np.bincount(entry, minlength=10)
        assert len(counts) == 10
        assert (np.abs(counts - 4000 * parts) < 4.5 * deviations).all()
