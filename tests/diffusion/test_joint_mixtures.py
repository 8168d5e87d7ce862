"""The joint posterior of views of one object against the density that it belongs to."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.ddim import ddim_sample
from sdjax.diffusion.mixtures import ExactPredictor, Mixture, predict_noise
from sdjax.diffusion.schedule import cosine, scaled_linear
from tests import tiny

SCENES, JOINT, MODES, SHAPE = 2, 3, 4, (3, 2, 1)  # so few pixels that modes overlap
VIEWS = SCENES * JOINT
PREDICT = functools.partial(jax.jit, static_argnames=("data_std", "joint"))(predict_noise)


def problem(seed=0):
    """x_t and a mixture with a weight of zero, in float64; scenes have weights of their own."""
    rng = np.random.default_rng(seed)
    log_weights = rng.normal(size=(SCENES, MODES))
    log_weights[:, 0] = -np.inf
    log_weights -= np.logaddexp.reduce(log_weights, axis=1, keepdims=True)
    modes = rng.uniform(-1.0, 1.0, (VIEWS, MODES, *SHAPE))
    mixture = Mixture(jnp.asarray(modes), jnp.asarray(log_weights.repeat(JOINT, axis=0)))
    return jnp.asarray(rng.normal(size=(VIEWS, *SHAPE))), mixture


def as_pictures(x_t, mixture):
    """The views of a scene one below the other, as one picture."""
    tall = (JOINT * SHAPE[0], *SHAPE[1:])
    modes = mixture.modes.reshape(SCENES, JOINT, MODES, *SHAPE)
    modes = jnp.moveaxis(modes, 1, 2).reshape(SCENES, MODES, *tall)
    return x_t.reshape(SCENES, *tall), Mixture(modes, mixture.log_weights[::JOINT])


@pytest.mark.parametrize("data_std", [0.0, 0.3])
@pytest.mark.parametrize("t", [20, 500, 999])
@pytest.mark.parametrize("seed", range(3))
def test_joint_views_are_one_large_picture(seed, t, data_std, x64):
    x_t, mixture = problem(seed)
    ours = PREDICT(scaled_linear(), x_t, t, mixture, data_std=data_std, joint=JOINT)
    large, pictures = as_pictures(x_t, mixture)
    expected = PREDICT(scaled_linear(), large, t, pictures, data_std=data_std)
    np.testing.assert_allclose(ours, expected.reshape(x_t.shape), rtol=0, atol=1e-12)
    alone = PREDICT(scaled_linear(), x_t, t, mixture, data_std=data_std)
    assert t == 20 or np.abs(ours - alone).max() > 1e-3


def joint_log_density(schedule, x, t, mixture, data_std):
    """log sum_k pi_k prod_v N(x^v; alpha x_k^v, sigma_v^2 + alpha_v^2 data_std^2), summed over
    scenes, without the constant."""
    alpha, sigma = (f(t)[:, None] for f in (schedule.alpha, schedule.sigma))
    squares = x[:, None] - alpha[..., None, None, None] * mixture.modes
    squares = jnp.sum(squares**2, axis=(2, 3, 4)) / (sigma**2 + alpha**2 * data_std**2)
    of_scenes = squares.reshape(SCENES, JOINT, MODES).sum(axis=1)
    return jax.nn.logsumexp(mixture.log_weights[::JOINT] - 0.5 * of_scenes, axis=1).sum()


@pytest.mark.parametrize("data_std", [0.0, 0.3])
def test_predictions_are_the_score_whatever_the_timestep_of_each_view(data_std, x64):
    x_t, mixture = problem()
    t = jnp.asarray([20, 500, 999, 700, 700, 100])
    schedule = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), cosine())
    ours = PREDICT(schedule, x_t, t, mixture, data_std=data_std, joint=JOINT)
    score = jax.jit(jax.grad(joint_log_density, argnums=1), static_argnums=4)(
        schedule, x_t, t, mixture, data_std
    )
    expected = -schedule.sigma(t)[:, None, None, None] * score
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_the_order_of_the_views_of_a_scene_does_not_count(x64):
    x_t, mixture = problem()
    order = jnp.asarray([2, 0, 1, 4, 5, 3])
    turned = Mixture(mixture.modes[order], mixture.log_weights[order])
    ours = PREDICT(cosine(), x_t[order], 600, turned, joint=JOINT)
    expected = PREDICT(cosine(), x_t, 600, mixture, joint=JOINT)
    np.testing.assert_allclose(ours, expected[order], rtol=0, atol=1e-12)


def test_scenes_do_not_see_each_other(x64):
    x_t, mixture = problem()
    whole = PREDICT(cosine(), x_t, 600, mixture, joint=JOINT)
    alone = PREDICT(cosine(), x_t[:JOINT], 600, Mixture(*(a[:JOINT] for a in mixture)), joint=JOINT)
    np.testing.assert_allclose(whole[:JOINT], alone, rtol=0, atol=1e-12)


def joint_predictor(data_std=0.0) -> ExactPredictor:
    """With a positive branch of its own."""
    (_, mixture), (_, other) = problem(0), problem(1)
    leaves = scaled_linear(), mixture.modes, mixture.log_weights, other.log_weights
    leaves = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), leaves)
    return ExactPredictor(*leaves, data_std, JOINT)


@pytest.mark.parametrize("scale", [0.0, 1.0, 7.5])
def test_the_predictor_is_joint_in_all_its_branches(scale, x64):
    predictor, (x_t, _) = joint_predictor(), problem()
    cond, uncond = (
        PREDICT(predictor.schedule, x_t, 700, Mixture(predictor.modes, weights), joint=JOINT)
        for weights in (predictor.positive, predictor.unconditional)
    )
    expected = uncond + scale * (cond - uncond)
    np.testing.assert_allclose(predictor(x_t, 700, scale), expected, atol=1e-12)
    branches = predictor.predict_branches(x_t, 700, ("cond", "null"))
    np.testing.assert_allclose(branches.cond, cond, atol=1e-12)
    np.testing.assert_allclose(branches.null, uncond, atol=1e-12)


@pytest.mark.parametrize("data_std", [0.0, 0.3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 7.5])
def test_predictions_in_coordinates_are_those_in_pixels(scale, data_std, x64):
    predictor, rng = joint_predictor(data_std), np.random.default_rng(5)
    reduced, (start,), expand = predictor.subspace(jnp.asarray(rng.normal(size=(VIEWS, *SHAPE))))
    coordinates = start + jnp.asarray(rng.normal(size=start.shape))
    for t in (20, 700, 999):
        ours = expand(reduced(coordinates, t, scale))
        np.testing.assert_allclose(ours, predictor(expand(coordinates), t, scale), atol=1e-10)


def test_ddim_ends_with_all_views_of_one_object():
    """While views alone choose for themselves."""
    scenes, rng = 64, np.random.default_rng(0)
    modes = jnp.asarray(rng.uniform(-1.0, 1.0, (1, JOINT, MODES, *tiny.SHAPE)), jnp.float32)
    modes = jnp.broadcast_to(modes, (scenes, *modes.shape[1:])).reshape(-1, MODES, *tiny.SHAPE)
    flat = jnp.zeros(modes.shape[:2])
    noise = jax.random.normal(jax.random.key(0), (len(modes), *tiny.SHAPE))

    def nearest(joint):
        predictor = ExactPredictor(cosine(shift=0.3), modes, flat, flat, joint=joint)
        drawn = jax.jit(
            lambda x: ddim_sample(lambda x, t: predictor(x, t, 1.0), predictor.schedule, x, 25)
        )(noise)
        squares = np.mean((drawn[:, None] - modes) ** 2, axis=(2, 3, 4))
        assert squares.min(axis=1).max() < 1e-4
        return squares.argmin(axis=1).reshape(scenes, JOINT)

    together, alone = nearest(JOINT), nearest(1)
    assert np.all(together == together[:, :1])
    assert np.bincount(together[:, 0], minlength=MODES).min() > scenes / MODES / 2
    assert np.mean(np.any(alone != alone[:, :1], axis=1)) > 0.5
