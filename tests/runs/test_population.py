"""Particles that share something: by hand, in parts, through one camera."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdjax.diffusion.annealing import uniform
from sdjax.rules.contract import View
from sdjax.rules.sds import sds
from sdjax.rules.shared import Everyone, Learned, SharedRule
from sdjax.rules.vsd.adapter import Adapter
from sdjax.rules.vsd.exact import exact_vsd
from sdjax.rules.vsd.learned import vsd
from sdjax.runs.mapping import all_particles
from sdjax.runs.particle import CameraRange, Recipe, initial_particle, seed_keys
from sdjax.runs.placement import make_placement
from sdjax.runs.population import initial_shared, run_keys, train_population
from sdjax.runs.several_steps import Span
from sdjax.runs.step import step_keys, train_step
from sdjax.scene.image import Image
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")

PRIOR, CONDITIONING = tiny.PRIOR, tiny.CONDITIONING
COMMON = {"guidance_scale": 2.0, "annealing": uniform()}
SEEDS, FIRST_SEED = jnp.asarray([5, 3, 7]), jnp.int32(3)


def predict(params, predictor, x_t, t, cameras):
    """The prior's prediction, and what is learned: a picture and how it depends on the camera."""
    frozen = predictor(x_t, t, 1.0)
    seen = [jnp.mean(camera, axis=1).reshape(-1, 1, 1, 1) for camera in cameras]
    return [frozen + params["picture"][None] + params["camera"] * each for each in seen]


ADAPTER = Adapter(
    init=lambda key: {
        "picture": 0.1 * jax.random.normal(key, tiny.SHAPE),
        "camera": jnp.float32(0.2),
    },
    predict=predict,
)


def make_vsd(prior):
    return vsd(prior.schedule, adapter=ADAPTER, optimizer=optax.adam(0.01), **COMMON)


def make_exact_vsd(prior):
    return exact_vsd(prior.schedule, **COMMON)


RULES = {"vsd": make_vsd, "vsd_exact": make_exact_vsd}
every_rule = pytest.mark.parametrize("name", RULES)


def recipe_of(make_rule):
    return Recipe(
        scene=Image(tiny.SIZE, tiny.SIZE),
        make_rule=make_rule,
        optimizer=optax.scale_by_adam(),
        learning_rate=lambda progress: jnp.float32(0.05),
        guidance_weight=1.0,
        losses=(),
        cameras=CameraRange((-10.0, 45.0), (3.2, 3.2), (40.0, 40.0), 0.0, 0.0, 0.0, 0.0),
        views=2,
        resolution=tiny.SIZE,
        noise_resolution=tiny.SIZE,
        total_steps=20,
    )


RECIPES = {name: recipe_of(make) for name, make in RULES.items()}


def start(recipe):
    """The particles, and what they share."""
    shared = initial_shared(recipe, PRIOR, FIRST_SEED)
    first = functools.partial(initial_particle, recipe, PRIOR, shared=shared)
    return jax.vmap(first)(SEEDS), shared


@functools.cache
def trainer(recipe, steps, devices, mapping):
    function = functools.partial(train_population, recipe, steps)
    placement = make_placement(len(SEEDS), devices)
    return placement, all_particles(function, placement, mapping=mapping)


def train(recipe, particles, shared, first=0, steps=2, *, devices=1, mapping="map"):
    """The particles, their log, and what they share."""
    placement, run = trainer(recipe, steps, devices, mapping)
    common = placement.place((PRIOR, CONDITIONING, FIRST_SEED, Span(jnp.int32(first)), shared))
    seeds, particles = placement.spread((SEEDS, particles))
    (particles, log), shared = run(common, placement.weights, (seeds,), particles)
    return *placement.trimmed((particles, log)), shared


def assert_same(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def assert_close(actual, expected, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), actual, expected)


@functools.partial(jax.jit, static_argnums=0)
def move(recipe, seed, particle, shared, everyone):
    """The first step of one particle, and the gradient of what it shares."""
    rule, step = recipe.make_rule(PRIOR), jnp.int32(0)
    keys = step_keys(seed, step)
    if rule.sees_everyone:
        keys = keys._replace(camera=jax.random.fold_in(run_keys(FIRST_SEED).cameras, step))
    own = rule.rule(shared, everyone)
    after, _, seen = train_step(recipe, PRIOR, CONDITIONING, own, keys, particle, step)
    learned = rule.learn(keys.learning, seen.latents, shared, seen.predictor, view=seen.view)
    return after, learned.gradient


def by_hand(recipe, particles, shared):
    """The first step of every particle in a plain loop, and then of what they share."""
    rule, everyone = recipe.make_rule(PRIOR), None
    if rule.sees_everyone:
        latents = 2.0 * particles.params["image"][:, None] - 1.0
        everyone = Everyone(jnp.tile(latents, (1, 2, 1, 1, 1)), jnp.ones(len(SEEDS)))
    moved, gradients = [], []
    for i, seed in enumerate(SEEDS):
        particle = jax.tree.map(lambda leaf, i=i: leaf[i], particles)
        after, gradient = move(recipe, seed, particle, shared, everyone)
        moved.append(after)
        gradients.append(gradient)
    mean = jax.tree.map(lambda *leaves: sum(leaves) / len(SEEDS), *gradients)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *moved), rule.apply(shared, mean)


@pytest.mark.slow
@every_rule
@pytest.mark.parametrize(("devices", "mapping"), [(1, "map"), (2, "map"), (2, "vmap")])
def test_a_step_is_that_of_a_plain_loop(name, devices, mapping):
    """On two devices one particle has a copy, which counts for nothing."""
    recipe = RECIPES[name]
    begin = start(recipe)
    expected, expected_shared = by_hand(recipe, *begin)
    particles, _, shared = train(recipe, *begin, steps=1, devices=devices, mapping=mapping)
    assert_close(particles.params, expected.params, 1e-5)
    assert_close(shared, expected_shared, 1e-6)
    assert jnp.abs(particles.params["image"] - begin[0].params["image"]).min(axis=0).max() > 0.01


@pytest.mark.slow
@every_rule
def test_parts_of_a_run_are_bit_for_bit_the_whole(name):
    recipe = RECIPES[name]
    whole, log, shared = train(recipe, *start(recipe), 0, 2)
    half, first, between = train(recipe, *start(recipe), 0, 1)
    both, second, at_end = train(recipe, half, between, 1, 1)
    assert_same((both, at_end), (whole, shared))
    assert_same(jax.tree.map(lambda *logs: jnp.concatenate(logs, axis=1), first, second), log)
    assert log.t.shape == log.losses["guidance"].shape == (3, 2)


@pytest.mark.slow
def test_what_is_shared_is_learned_and_reported():
    recipe = RECIPES["vsd"]
    _, before = start(recipe)
    _, log, after = train(recipe, *start(recipe))
    assert set(log.losses) == {"guidance", "adapter"} and (log.losses["adapter"] > 0).all()
    assert len(np.unique(log.losses["adapter"])) == 6  # every draw is another one
    assert jnp.abs(after.params["picture"] - before.params["picture"]).min() > 0
    assert after.optimizer_state[0].count == 2


def reporting(sees_everyone):
    """SDS with the directions of its cameras in the log."""

    def make_rule(prior):
        def learn(key, latents, shared, predictor, *, view: View):
            return Learned((), {"azimuth": view.camera.azimuth[0]})

        rule = sds(prior.schedule, **COMMON)
        return SharedRule(lambda key: (), lambda *now: rule, learn, lambda s, g: s, sees_everyone)

    return make_rule


@pytest.mark.slow
@pytest.mark.parametrize("sees_everyone", [True, False])
def test_particles_that_see_each_other_have_the_same_cameras(sees_everyone):
    """At each step others, of the 4 that the prior has."""
    recipe = recipe_of(reporting(sees_everyone))
    _, log, _ = train(recipe, *start(recipe), steps=12)
    azimuth = np.asarray(log.losses["azimuth"])
    assert len(np.unique(azimuth[0])) > 2
    assert (azimuth == azimuth[:1]).all() == sees_everyone


@pytest.mark.slow
def test_the_keys_of_a_run_are_no_seeds():
    for seed in map(jnp.int32, range(3)):
        of_run, of_seed = run_keys(seed), seed_keys(seed)
        data = {jax.random.key_data(key).tobytes() for key in (*of_run, *of_seed)}
        assert len(data) == 5
