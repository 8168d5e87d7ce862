"""Inverted noise against sampling, and what is said of clusters on known ones."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.analysis.inverted_noise import (
    chance,
    distance_ratio,
    inverted_noise,
    relative_norm,
    same_object_share,
    tsne,
)
from sdjax.analysis.views import blurred
from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_sample
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")
RANDOM = np.random.default_rng(0)
CENTRES = 10.0 * RANDOM.normal(size=(5, 1, 40))
CLUSTERS = CENTRES + 0.3 * RANDOM.normal(size=(5, 6, 40))


@pytest.mark.slow
def test_sampling_leads_back_from_the_inverted_noise():
    prior = tiny.PRIOR.replace(data_std=0.2)
    predictor = prior.predictor(tiny.CONDITIONING, tiny.cameras(0, 1))
    data = blurred(predictor.modes[:, 0], 0.2, seed=1)

    @tiny.jit
    def there_and_back(prior, x):
        found = inverted_noise(prior, tiny.CONDITIONING, x, tiny.cameras(0, 1), steps=200)
        predict = lambda x, t: predictor(x, t, 1.0)  # noqa: E731
        return found, ddim_sample(predict, prior.schedule, found, 200)

    noise, back = there_and_back(prior, data)
    np.testing.assert_allclose(back, data, atol=0.05)
    assert 0.6 < float(jnp.std(noise)) < 1.4  # blurred data have likely noises


def test_clusters_are_told_from_their_absence():
    noise = RANDOM.normal(size=(5, 200, 40))
    assert same_object_share(CLUSTERS) == 1.0
    assert same_object_share(noise) == pytest.approx(chance(noise), abs=0.05)
    assert chance(CLUSTERS) == pytest.approx(5 / 29)
    assert distance_ratio(CLUSTERS) < 0.15
    assert distance_ratio(noise) == pytest.approx(1.0, abs=0.01)
    assert relative_norm(noise) == pytest.approx(1.0, abs=0.02)


def test_one_stray_view_counts_as_one():
    strayed = CLUSTERS.copy()
    strayed[0, 0] = strayed[1, 0] + 0.001
    assert same_object_share(strayed) == pytest.approx(1 - 2 / 30)  # the two are each other's


@pytest.mark.slow
def test_tsne_keeps_clusters_apart_and_repeats():
    layout = tsne(CLUSTERS, perplexity=3.0)
    assert layout.shape == (5, 6, 2)
    assert same_object_share(layout) == 1.0 and distance_ratio(layout) < 0.3
    np.testing.assert_array_equal(layout, tsne(CLUSTERS, perplexity=3.0))


def test_a_perplexity_that_is_too_large_is_refused():
    with pytest.raises(UserError, match=r"perplexity is 30.0, expected less than the 30 views"):
        tsne(CLUSTERS, perplexity=30.0)


def test_without_scikit_learn_there_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(UserError, match=r"needs scikit-learn, .* with the extra 'analysis'"):
        tsne(CLUSTERS)
