"""Guidance with the deviation of the prediction without it: what it keeps and what it changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.diffusion.guided import Branches, NetworkPredictor, Predictions, guided
from sdjax.diffusion.prediction import predicted_x0
from sdjax.diffusion.rescaled_guidance import guided_prediction, rescale_std, rescaled_guidance
from sdjax.diffusion.schedule import scaled_linear

SHAPE, TOGETHER, T = (6, 4, 5, 3), 3, jnp.asarray(600)
SCHEDULE = scaled_linear()


def drawn(seed):
    return jnp.asarray(np.random.default_rng(seed).normal(size=SHAPE), jnp.float32)


PREDICTIONS = Predictions(drawn(1), drawn(2))


def estimate(epsilon):
    return predicted_x0(SCHEDULE, drawn(0), epsilon, T)


def rescaled(factor, scale=7.5):
    return rescaled_guidance(
        SCHEDULE,
        PREDICTIONS,
        drawn(0),
        T,
        scale,
        recon_std_rescale=factor,
        views_together=TOGETHER,
    )


def test_the_estimate_of_a_whole_scene_gets_the_deviation_without_guidance():
    """Entirely with a factor of 1; the views of a scene keep their differences."""
    of_scenes = lambda x: np.asarray(x).reshape(2, -1).std(axis=1, ddof=1)  # noqa: E731
    ours, plain = estimate(rescaled(1.0)), estimate(PREDICTIONS.cond)
    np.testing.assert_allclose(of_scenes(ours), of_scenes(plain), rtol=1e-5)
    ratio = ours / estimate(guided(PREDICTIONS, 7.5))
    ratio = np.asarray(ratio).reshape(2, -1)
    np.testing.assert_allclose(
        ratio, np.median(ratio, axis=1, keepdims=True) + 0.0 * ratio, rtol=1e-3
    )


def test_a_part_of_it_is_a_mean_and_none_is_plain_guidance():
    plain, whole, half = guided(PREDICTIONS, 7.5), rescaled(1.0), rescaled(0.5)
    np.testing.assert_allclose(half, 0.5 * (plain + whole), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(rescaled(0.0), plain)
    np.testing.assert_allclose(rescaled(1e-7), plain, rtol=0, atol=1e-5)


def test_nothing_changes_without_guidance():
    np.testing.assert_allclose(rescaled(1.0, 1.0), PREDICTIONS.cond, rtol=0, atol=1e-5)


def test_one_evaluation_and_none_but_the_predictors_own_without_a_factor():
    calls = []

    def network(x, t, embedding):
        calls.append(len(x))
        return x * embedding.reshape(-1, 1, 1, 1)

    predictor = NetworkPredictor(network, Branches(jnp.full(6, 0.8), jnp.full(6, 0.5)))
    given = (SCHEDULE, predictor, drawn(0), T, 7.5)
    jax.jit(lambda: guided_prediction(*given, recon_std_rescale=0.5, views_together=3))()
    assert calls == [2 * len(drawn(0))]
    np.testing.assert_array_equal(guided_prediction(*given), predictor(drawn(0), T, 7.5))


def test_views_that_fill_no_scenes_are_refused():
    with pytest.raises(UserError, match="There are 6 views, expected a multiple of 4"):
        rescale_std(drawn(0), drawn(1), 0.5, 4)
