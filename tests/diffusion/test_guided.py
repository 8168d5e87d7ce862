"""Classifier-free guidance and Perp-Neg: their algebra, and one evaluation for all branches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import (
    Asked,
    Branches,
    NetworkPredictor,
    classifier_free_guidance,
    guided,
    perpendicular,
    text_anchored,
)
from tests import reference

X = jnp.linspace(-1.0, 1.0, 2 * 3 * 3).reshape(2, 3, 3, 1)


def network(calls: list[int]):
    def predict_noise(x, t, embedding):
        calls.append(x.shape[0])
        return embedding.reshape(-1, 1, 1, 1) * jnp.cos(x + embedding.reshape(-1, 1, 1, 1))

    return predict_noise


def predictor(calls, negatives=0):
    constant = lambda value: jnp.full(2, value)  # noqa: E731
    return NetworkPredictor(
        network(calls),
        Branches(
            constant(1.0),
            constant(2.0),
            tuple(constant(3.0 + i) for i in range(negatives)),
            tuple(constant(-0.5) for _ in range(negatives)),
        ),
    )


def test_scale_interpolates_from_unconditional_to_conditional():
    cond, uncond = jnp.cos(X + 1.0), 2.0 * jnp.cos(X + 2.0)
    for scale in (0.0, 1.0, 7.5):
        expected = uncond + scale * (cond - uncond)
        np.testing.assert_allclose(predictor([])(X, 10, scale), expected, atol=1e-5)


@pytest.mark.parametrize(("scale", "negatives", "batch"), [(1.0, 0, 2), (7.5, 0, 4), (7.5, 2, 8)])
def test_one_evaluation_holds_every_branch_that_is_needed(scale, negatives, batch):
    calls = []
    predictor(calls, negatives)(X, 10, scale)
    assert calls == [batch]


def timed(calls):
    """A network that looks at the timestep of each row."""

    def predict_noise(x, t, embedding):
        calls.append(x.shape[0])
        t = jnp.broadcast_to(t, x.shape[0]).reshape(-1, 1, 1, 1)
        return embedding.reshape(-1, 1, 1, 1) * jnp.cos(x + t / 100.0)

    return predict_noise


@pytest.mark.parametrize(("negatives", "rows"), [(0, 2 * 3), (2, 2 * 8)])
def test_several_predictions_of_a_step_are_one_evaluation(negatives, rows):
    """Of three rows a view at scales 7.5 and 1, of four each with negatives; each at its t."""
    calls, given = [], predictor([], negatives)
    together = NetworkPredictor(timed(calls), given.branches)
    asked = Asked(X, jnp.int32(10), 7.5), Asked(2.0 * X, jnp.int32(700), 1.0)
    found = together.together(*asked)
    assert calls == [rows]
    for ours, one in zip(found, asked, strict=True):
        np.testing.assert_allclose(ours, together(*one), atol=1e-6)


def test_scales_of_text_anchored_code_are_one_more():
    cond, uncond = jnp.cos(X), jnp.sin(X)
    for scale in (100.0, 7.5, -7.5, 1.0):
        theirs = cond + scale * (cond - uncond)
        ours = classifier_free_guidance(cond, uncond, text_anchored(scale))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_single_branches_are_the_plain_predictions_in_one_evaluation():
    calls = []
    network_predictor = predictor(calls, negatives=2)
    found = network_predictor.predict_branches(X, 10)
    assert calls == [8]  # null is uncond
    np.testing.assert_array_equal(found.null, found.uncond)
    plain = (found.cond, found.uncond, *found.negatives)
    for ours, embedding in zip(plain, (1.0, 2.0, 3.0, 4.0), strict=True):
        np.testing.assert_allclose(ours, embedding * jnp.cos(X + embedding), atol=1e-6)
    ours = guided(found, 7.5)
    np.testing.assert_array_equal(ours, network_predictor(X, 10, 7.5))


def test_an_empty_prompt_of_its_own_is_one_more_branch():
    calls = []
    given = predictor(calls)
    given = NetworkPredictor(given.predict_noise, given.branches._replace(null=jnp.full(2, 5.0)))
    found = given.predict_branches(X, 10, ("null", "cond"))
    assert calls == [4] and found.uncond is None and found.negatives == ()
    np.testing.assert_allclose(found.null, 5.0 * jnp.cos(X + 5.0), atol=1e-6)
    np.testing.assert_allclose(found.cond, jnp.cos(X + 1.0), atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1.0, 7.5])
def test_a_scale_may_be_an_array(scale):
    ours = jax.jit(lambda s: predictor([])(X, 10, s))(jnp.float32(scale))
    np.testing.assert_allclose(ours, predictor([])(X, 10, scale), atol=1e-6)


def test_perpendicular_matches_threestudio():
    recorded = {k: jnp.asarray(v) for k, v in reference.load("prompts")["perpendicular"].items()}
    out = perpendicular(recorded["x"], recorded["y"])
    reference.assert_matches(out, recorded["out"])
    along = jnp.sum(out * recorded["y"], axis=(1, 2, 3))
    np.testing.assert_allclose(along, 0.0, atol=1e-4)


@pytest.mark.slow
def test_perp_neg_is_blind_along_the_direction():
    """A negative that differs from uncond along cond - uncond only changes nothing."""
    cond, uncond = jnp.asarray([1.0, 2.0]), jnp.asarray([0.5, 0.0])
    branches = Branches(cond[None], uncond[None], ((uncond + 3.0 * (cond - uncond))[None],))
    branches = branches._replace(negative_weights=(jnp.asarray([-2.0]),))
    plain = NetworkPredictor(lambda x, t, embedding: embedding, branches._replace(negatives=()))
    negative = NetworkPredictor(lambda x, t, embedding: embedding, branches)
    x = jnp.zeros((1, 2))
    np.testing.assert_allclose(negative(x, 1, 7.5), plain(x, 1, 7.5), rtol=1e-5)
