"""The exact predictor against the density that it is the score of."""

import functools

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from sdjax.diffusion.mixtures import ExactPredictor, Mixture, posterior_weights, predict_noise
from sdjax.diffusion.prediction import add_noise
from sdjax.diffusion.schedule import cosine, scaled_linear
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")

VIEWS, MODES, SHAPE = 2, 4, (3, 2, 1)  # so few pixels that modes overlap
SCALES = (0.0, 1.0, 7.5)


def in_dtype(dtype, tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)


def random_mixture(rng, impossible=0) -> Mixture:
    """With so many modes of weight zero in each view."""
    log_weights = rng.normal(size=(VIEWS, MODES))
    log_weights[:, :impossible] = -np.inf
    log_weights -= np.logaddexp.reduce(log_weights, axis=1, keepdims=True)
    return Mixture(rng.uniform(-1.0, 1.0, (VIEWS, MODES, *SHAPE)), log_weights)


@functools.partial(tiny.jit, static_argnames="data_std")
def noise_from_score(schedule, x_t, t, mixture, data_std):
    """-sigma_t grad log sum_k pi_k N(x_t; alpha_t x_k, sigma_t^2 + alpha_t^2 data_std^2)."""
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    variance = sigma**2 + alpha**2 * data_std**2

    def log_density(x):
        squares = jnp.sum((x[:, None] - alpha * mixture.modes) ** 2, axis=(2, 3, 4))
        return jax.nn.logsumexp(mixture.log_weights - 0.5 * squares / variance, axis=1).sum()

    return -sigma * jax.grad(log_density)(x_t)


jit_predict_noise = jax.jit(predict_noise, static_argnames="data_std")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31),
    spread=st.sampled_from([0.1, 1.0, 30.0]),
    impossible=st.integers(0, MODES - 1),
    t=st.integers(-99, 999),
    data_std=st.sampled_from([0.0, 0.3]),
    schedule=st.sampled_from([cosine(), scaled_linear()]),
)
def test_predictions_are_the_score_of_the_mixture(seed, spread, impossible, t, data_std, schedule):
    rng = np.random.default_rng(seed)
    arguments = schedule, spread * rng.normal(size=(VIEWS, *SHAPE)), random_mixture(rng, impossible)
    with jax.enable_x64(True):
        schedule, x_t, mixture = in_dtype(jnp.float64, arguments)
        ours, expected = (
            f(schedule, x_t, jnp.asarray(t), mixture, data_std=data_std)
            for f in (jit_predict_noise, noise_from_score)
        )
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@functools.partial(tiny.jit, static_argnames="dtype")
def weights(dtype, schedule, x_t, modes, t):
    schedule, x_t, modes = in_dtype(dtype, (schedule, x_t, modes))
    inner, norms = modes @ x_t, jnp.sum(modes**2, axis=1)
    flat = jnp.zeros((1, MODES), dtype)
    return posterior_weights(schedule, inner[None], norms[None], flat, t, 0.0)[0]


@functools.partial(tiny.jit, static_argnames="dtype")
def naive_weights(dtype, schedule, x_t, modes, t):
    """softmax(-|x_t - alpha x_k|^2 / (2 sigma^2))."""
    schedule, x_t, modes = in_dtype(dtype, (schedule, x_t, modes))
    squares = jnp.sum((x_t[None] - schedule.alpha(t) * modes) ** 2, axis=1)
    return jax.nn.softmax(-0.5 * squares / schedule.sigma(t) ** 2)


def test_weights_stay_right_in_single_precision_far_from_the_data(x64):
    """Between all modes, but far away in a direction that says nothing about them."""
    rng, schedule, t = np.random.default_rng(0), scaled_linear(), jnp.asarray(960)
    modes = rng.uniform(-1.0, 1.0, (MODES, 768))
    away = 100.0 * rng.normal(size=768)
    away -= np.linalg.lstsq(modes.T, away)[0] @ modes
    arguments = schedule, away + float(schedule.alpha(t)) * modes.mean(axis=0), modes, t
    exact = weights(jnp.float64, *arguments)
    assert exact.max() < 0.9
    np.testing.assert_allclose(naive_weights(jnp.float64, *arguments), exact, atol=1e-9)
    np.testing.assert_allclose(weights(jnp.float32, *arguments), exact, atol=1e-4)
    assert np.abs(naive_weights(jnp.float32, *arguments) - exact).max() > 1e-2


def test_one_mode_is_known_exactly():
    rng = np.random.default_rng(0)
    mode, noise = in_dtype(jnp.float32, tuple(rng.uniform(-1.0, 1.0, (2, VIEWS, *SHAPE))))
    mixture = Mixture(mode[:, None], jnp.zeros((VIEWS, 1)))
    for t in (20, 500, 999):
        x_t = add_noise(cosine(), mode, noise, t)
        predicted = jit_predict_noise(cosine(), x_t, jnp.asarray(t), mixture)
        np.testing.assert_allclose(predicted, noise, atol=1e-5)


def random_predictor(data_std=0.0) -> ExactPredictor:
    """In float64, with a positive branch that knows fewer modes."""
    rng = np.random.default_rng(3)
    modes, unconditional = random_mixture(rng)
    positive = random_mixture(rng, impossible=2).log_weights
    leaves = in_dtype(jnp.float64, (scaled_linear(), modes, positive, unconditional))
    return ExactPredictor(*leaves, data_std)


X_T = np.random.default_rng(4).normal(size=(VIEWS, *SHAPE))


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
def test_guidance_is_that_of_a_network(scale, x64):
    predictor, x_t, t = random_predictor(), jnp.asarray(X_T), jnp.asarray(700)
    cond, uncond = (
        jit_predict_noise(predictor.schedule, x_t, t, Mixture(predictor.modes, log_weights))
        for log_weights in (predictor.positive, predictor.unconditional)
    )
    assert np.abs(cond - uncond).max() > 0.1
    expected = uncond + scale * (cond - uncond)
    for ours in (predictor, tiny.network(predictor)):
        np.testing.assert_allclose(ours(x_t, t, scale), expected, atol=1e-12)


@pytest.mark.parametrize("names", [("cond",), ("null",), ("cond", "uncond", "null")])
def test_single_branches_are_those_of_a_network(names, x64):
    predictor, x_t, t = random_predictor(), jnp.asarray(X_T), jnp.asarray(700)
    expected = tiny.network(predictor).predict_branches(x_t, t, names)
    reduced, (start,), expand = predictor.subspace(x_t)
    in_coordinates = jax.tree.map(expand, reduced.predict_branches(start, t, names))
    for ours in (predictor.predict_branches(x_t, t, names), in_coordinates):
        assert jax.tree.structure(ours) == jax.tree.structure(expected)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), ours, expected)


@pytest.mark.parametrize("data_std", [0.0, 0.3])
@pytest.mark.parametrize("scale", SCALES)
def test_predictions_in_coordinates_are_those_in_pixels(scale, data_std, x64):
    predictor, rng = random_predictor(data_std), np.random.default_rng(5)
    vectors = jnp.asarray(rng.normal(size=(2, VIEWS, *SHAPE)))
    reduced, starts, expand = predictor.subspace(*vectors)
    for start, vector in zip(starts, vectors, strict=True):
        np.testing.assert_array_equal(expand(start), vector)
    coordinates = jnp.asarray(rng.normal(size=(VIEWS, len(vectors) + MODES)))
    for t in (20, 700, 999):
        ours = expand(reduced(coordinates, t, scale))
        np.testing.assert_allclose(ours, predictor(expand(coordinates), t, scale), atol=1e-10)
