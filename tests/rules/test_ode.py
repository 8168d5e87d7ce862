"""The ODE that is looked up against the one that is simulated: on prompts for directions, and on an
exact prior in coordinates and in pixels."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.config.kinds import made
from sdjax.diffusion.annealing import ANNEALINGS
from sdjax.diffusion.ddim import ddim_step
from sdjax.diffusion.guided import NetworkPredictor
from sdjax.diffusion.mixtures import predict_noise
from sdjax.diffusion.schedule import scaled_linear
from sdjax.rules.cached_ode import CachedOde, cached_ode, within_step
from sdjax.rules.contract import View
from sdjax.rules.ode import node_index, ode_grid, simulated_ode
from sdjax.rules.ode_start import one_start, world_map_start
from sdjax.rules.overshoot import proportional
from sdjax.rules.view_bins import direction_bins, nearest_bins, turn_bins
from sdjax.runs.schema import load_config
from sdjax.runs.stages import total_steps
from sdjax.text.conditioning import Conditioning, branches
from sdjax.text.perp_neg import DecayingWeights, mixing
from sdjax.text.views import Prompting
from tests import tiny
from tests.reference import toy_prediction
from tests.rules import following
from tests.rules.following import assert_close, both_schedules, schedule_in, start_noise

pytestmark = pytest.mark.usefixtures("quick_compilation")

SHAPE = (8, 8, 4)
SCHEDULE = scaled_linear()
PLAIN, PERP_NEG = Prompting(), Prompting(perp_neg=DecayingWeights())
TIMESTEPS = (999, 981, 899, 640, 500, 321)
in_both_precisions = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(jnp.float32, 2e-5), (jnp.float64, 1e-11)]
)


def predictor_at(camera, prompting, dtype):
    """The recordings' toy network, which reads the prompts of the camera's direction.

    Perp-Neg's mixture is made in `dtype`; `sdjax.text.conditioning` makes it in float32.
    """
    drawn = np.random.default_rng(1).normal(size=(7, 3, 4)) + np.arange(7).reshape(7, 1, 1) / 7
    drawn = jnp.asarray(drawn, dtype)
    read = branches(Conditioning(drawn[:4], *drawn[4:]), camera, prompting)
    if prompting.perp_neg is not None:
        mix = mixing(camera, prompting.perp_neg)
        combine = lambda coefficients: jnp.einsum("vk,ktf->vtf", coefficients, drawn[:5])  # noqa: E731
        read = read._replace(
            positive=combine(mix.positive),
            negatives=tuple(map(combine, mix.negatives)),
            negative_weights=mix.weights,
        )
    read = jax.tree.map(lambda leaf: leaf.astype(dtype), read)
    return NetworkPredictor(toy_prediction, read)


def spread(azimuth, elevation):
    azimuth, elevation = (
        jnp.atleast_1d(jnp.asarray(angle, float)) for angle in (azimuth, elevation)
    )
    elevation = jnp.broadcast_to(elevation, azimuth.shape)
    return Camera(azimuth, elevation, jnp.ones_like(azimuth), 45.0 * jnp.ones_like(azimuth))


@functools.partial(tiny.jit, static_argnames=("prompting", "bins", "dtype", "stored"))
def follow(camera, *, prompting, bins, dtype, stored=None):
    """States [t, views, ...] of the exact ODE and of the cached one, where the cameras look."""
    schedule = jax.tree.map(lambda leaf: leaf.astype(dtype), SCHEDULE)
    view_bins = direction_bins() if bins is None else turn_bins(bins)
    look = functools.partial(predictor_at, prompting=prompting, dtype=dtype)
    view = View(camera, jnp.ones((len(camera.azimuth), *SHAPE[:2], 1)))
    shape = (len(camera.azimuth), *SHAPE)

    def states(ode):
        noise = ode.init(jax.random.key(0), SHAPE)
        state = ode.prepare(jax.tree.map(lambda leaf: leaf.astype(dtype), noise), look)
        key = jax.random.key(1)
        at = lambda t: ode.point_at(key, state, look(camera), t, view, shape).x  # noqa: E731
        return jax.lax.map(at, jnp.asarray(TIMESTEPS))

    cached = cached_ode(schedule, 7.5, view_bins, *SHAPE[:2], dtype=stored)
    return states(simulated_ode(schedule, 7.5)), states(cached)


def largest_error(actual, expected):
    """In units of the largest value."""
    assert actual.dtype == expected.dtype
    return float(jnp.abs(actual - expected).max() / jnp.abs(expected).max())


@pytest.mark.slow
@in_both_precisions
def test_four_bins_are_exact_where_prompts_name_four_directions(dtype, tolerance, x64):
    rng = np.random.default_rng(2)
    camera = spread(rng.uniform(0, 360, 12), rng.uniform(-10, 90, 12))
    exact, cached = follow(camera, prompting=PLAIN, bins=None, dtype=dtype)
    assert largest_error(cached, exact) < tolerance
    assert jnp.abs(exact - exact[:, :1]).max() > 0.05  # the directions differ


@pytest.mark.slow
@in_both_precisions
def test_bins_of_perp_neg_are_exact_at_their_cameras_and_these_mirrored(dtype, tolerance, x64):
    centres = 22.5 * (np.arange(8) + 0.5)
    azimuth = np.concatenate([centres, -centres, [70.0]])
    camera = spread(azimuth, np.append(np.linspace(-10, 45, 16), 80.0))
    exact, cached = follow(camera, prompting=PERP_NEG, bins=8, dtype=dtype)
    assert largest_error(cached, exact) < tolerance


@pytest.mark.slow
def test_the_error_between_bins_of_perp_neg_falls_with_their_width(x64):
    """In proportion: first order."""
    camera = spread(180.0 * (np.arange(640) + 0.5) / 640, 0.0)
    errors = []
    for bins in (16, 32, 64):
        exact, cached = follow(camera, prompting=PERP_NEG, bins=bins, dtype=jnp.float64)
        errors.append(float(jnp.sqrt(jnp.mean((cached - exact) ** 2))))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert (np.abs(orders - 1.0) < 0.15).all(), orders


@pytest.mark.slow
def test_states_in_bfloat16_are_off_by_their_rounding():
    camera = spread([0.0, 90.0, 180.0], 0.0)
    exact, cached = follow(camera, prompting=PLAIN, bins=None, dtype=jnp.float32, stored="bfloat16")
    assert 1e-4 < largest_error(cached, exact) < 2**-8


@pytest.mark.parametrize("at", [899, 870, 850, 799])
def test_within_a_step_is_the_partial_step(at, x64):
    x, epsilon = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5)))
    x_next = ddim_step(SCHEDULE, x, epsilon, 899, 799)
    found = within_step(SCHEDULE, x, x_next, 899, 799, at)
    np.testing.assert_allclose(found, ddim_step(SCHEDULE, x, epsilon, 899, at), rtol=1e-5)


@pytest.mark.parametrize(("dtype", "kibibytes"), [(None, 704), ("bfloat16", 352)])
def test_memory_is_as_stated(dtype, kibibytes):
    """Of the latents of Stable Diffusion at 512 pixels, per bin."""
    bins = turn_bins(16)
    ode = cached_ode(SCHEDULE, 7.5, bins, 64, 64, dtype=dtype)
    look = functools.partial(predictor_at, prompting=PERP_NEG, dtype=jnp.float32)
    prepare = lambda key: ode.prepare(ode.init(key, (64, 64, 4)), look)  # noqa: E731
    states = jax.eval_shape(prepare, jax.random.key(0)).states
    assert states.size * states.dtype.itemsize == 17 * kibibytes * 1024


@pytest.mark.slow
def test_the_official_schedule_asks_for_7_calls_a_step():
    """On average, 9 at the most; 2 where the ODE is looked up, 1 at its nodes (counted in
    `test_rules.py`).  The official code makes one more, because it asks for the last two
    predictions one after the other."""
    config = load_config("stable_diffusion_3d:dsd")
    steps = total_steps(config)
    keys = jax.random.split(jax.random.key(0), steps)
    annealing = made(ANNEALINGS, config.annealing, steps)
    t = jax.vmap(annealing)(keys, jnp.arange(steps) / steps)
    overshoot = proportional(config.annealing.t_min, config.rule.delta)
    t_delta = jax.vmap(lambda t, u: overshoot(t, u, 1000))(t, jax.random.uniform(keys[0], steps))
    above = np.sum(ode_grid(config.rule.ode_steps)[:, None] > np.asarray(t_delta)[None], axis=0)
    assert ((above + 2).min(), (above + 2).max()) == (3, 9)
    assert (above + 2).mean() == pytest.approx(6.99, abs=0.02)


NODES_AND_BETWEEN = (999, 998, 900, 899, 500, 1, 0)  # 899 is a node of the grid


@tiny.jit
def odes(schedule, camera):
    """States of the exact ODE and of the cached one at NODES_AND_BETWEEN, of each kind of
    predictor."""
    coordinates = functools.partial(following.predictor_at, schedule=schedule)
    network = lambda camera: tiny.network(coordinates(camera))  # noqa: E731
    noise = start_noise(schedule.alphas_cumprod.dtype)[0]
    exact = simulated_ode(schedule, 7.5)
    cached = cached_ode(schedule, 7.5, nearest_bins(tiny.CAMERAS), *tiny.SHAPE[:2])
    seen, key = View(camera, jnp.ones((1, *tiny.SHAPE[:2], 1))), jax.random.key(1)

    def follow(ode, state, look):
        state = ode.prepare(state, look)

        def at(t):
            return ode.point_at(key, state, look(camera), t, seen, (1, *tiny.SHAPE)).x

        return jax.vmap(at)(jnp.asarray(NODES_AND_BETWEEN))

    return {
        name: (follow(exact, noise, look), follow(cached, CachedOde(noise, (), ()), look))
        for name, look in {"coordinates": coordinates, "pixels": network}.items()
    }


@pytest.mark.slow
@both_schedules
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float32, 1e-5), (jnp.float64, 1e-10)])
def test_the_cached_ode_is_the_exact_one_at_its_bins(schedule, dtype, tolerance, x64):
    for exact, cached in odes(schedule_in(schedule, dtype), tiny.cameras(2)).values():
        assert_close(cached, exact, tolerance)


def test_the_cached_ode_of_another_view_is_that_of_the_nearest_bin(x64):
    at_bin = tiny.cameras(2)
    nearby = at_bin._replace(azimuth=at_bin.azimuth + 5.0, elevation=at_bin.elevation - 5.0)
    here, near, far = (
        odes(following.SCHEDULES["cosine"], camera)["pixels"][1]
        for camera in (at_bin, nearby, tiny.cameras(1))
    )
    np.testing.assert_array_equal(near, here)
    assert np.abs(far - here).max() > 0.5


@pytest.mark.slow
@both_schedules
def test_the_ode_in_coordinates_is_that_in_pixels(schedule, x64):
    found = odes(schedule_in(schedule, jnp.float64), tiny.cameras(2))
    assert_close(found["coordinates"][0], found["pixels"][0], 1e-10)


@pytest.mark.parametrize(("t", "node"), [(999, 999), (950, 999), (899, 899), (898, 899), (3, 99)])
def test_a_node_stands_for_the_timesteps_below_it(t, node):
    """Algorithm 2 of DSD: those of 10 steps are {T, 0.9 T, ..., 0.1 T}, here from T - 1."""
    grid = jnp.asarray(ode_grid(10))
    assert int(grid[node_index(grid, jnp.int32(t))]) == node


def looks(schedule, together):
    """The exact prior of cameras in coordinates and in pixels, joint over so many views."""

    def coordinates(camera):
        return dataclasses.replace(following.predictor_at(camera, schedule), joint=together)

    compute = functools.partial(predict_noise, joint=together)
    return coordinates, lambda camera: tiny.network(coordinates(camera), compute)


@functools.partial(tiny.jit, static_argnames=("aligned", "together"))
def points_at_nodes(schedule, camera, aligned, together=1):
    """Points of the simulated ODE and of the cached one, of each kind of predictor."""
    key = jax.random.key(1)
    start = world_map_start(90.0) if aligned else one_start()
    options = {"at": "node", "start": start}
    simulated = simulated_ode(schedule, 7.5, **options)
    bins, size = nearest_bins(tiny.CAMERAS, together), tiny.SHAPE[:2]
    cached = cached_ode(schedule, 7.5, bins, *size, **options, with_states=True)
    seen = View(camera, jnp.ones((len(camera.azimuth), *size, 1)))
    shape = (len(camera.azimuth), *tiny.SHAPE)

    def follow(ode, look):
        state = ode.prepare(ode.init(jax.random.key(0), tiny.SHAPE), look)
        at = lambda t: ode.point_at(key, state, look(camera), t, seen, shape)  # noqa: E731
        return jax.vmap(at)(jnp.asarray(NODES_AND_BETWEEN))

    return [(follow(simulated, look), follow(cached, look)) for look in looks(schedule, together)]


@pytest.mark.slow
@both_schedules
@pytest.mark.parametrize("aligned", [False, True])
def test_the_cached_prediction_at_a_node_is_the_simulated_one(schedule, aligned, x64):
    camera = tiny.cameras(2, 0)
    found = points_at_nodes(schedule_in(schedule, jnp.float64), camera, aligned)
    for simulated, cached in found:
        np.testing.assert_array_equal(cached.t, simulated.t)
        assert_close(cached.epsilon, simulated.epsilon, 1e-9)
        assert_close(cached.x, simulated.x, 1e-9)


@pytest.mark.parametrize("aligned", [False, True])
def test_the_cached_prediction_of_a_scene_is_the_simulated_one(aligned, x64):
    """Of the bank's cameras as one rig, turned in the first scene and as it is in the second."""
    camera, schedule = tiny.cameras(2, 3, 0, 1, 0, 1, 2, 3), schedule_in("cosine", jnp.float64)
    found = points_at_nodes(schedule, camera, aligned, together=4)
    for simulated, cached in found:
        assert_close(cached.epsilon, simulated.epsilon, 1e-9)
        assert_close(cached.x, simulated.x, 1e-9)
    turned = jnp.roll(found[0][1].epsilon[:, :4], 2, axis=1)
    assert_close(turned, found[0][1].epsilon[:, 4:], 1e-9)
    alone = points_at_nodes(schedule, camera, aligned)[0][1]
    assert np.abs(alone.epsilon - found[0][1].epsilon).max() > 0.1


def test_aligned_starts_are_windows_of_one_map():
    """Of neighbours shifted, of opposite views another; of unit variance at any resolution."""
    start, size = world_map_start(90.0), (32, 32, 4)
    state = start.init(jax.random.key(0), size)
    camera = spread([0.0, 90.0 / 32 * 4, 180.0], 0.0)
    near, shifted, far = start.noise(state, camera, (3, *size))
    np.testing.assert_array_equal(near[:, 4:], shifted[:, :-4])
    assert np.abs(np.corrcoef(near.ravel(), far.ravel())[0, 1]) < 0.1
    assert np.var(start.noise(state, camera, (3, 16, 16, 4))) == pytest.approx(1.0, abs=0.1)
