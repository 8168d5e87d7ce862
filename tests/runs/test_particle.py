"""Training a particle: it approaches its object, alone or in company, in one go or in parts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdjax.diffusion.annealing import sqrt, uniform
from sdjax.diffusion.prediction import predicted_x0
from sdjax.priors.embedded import Conditioning
from sdjax.rules.cfd import cfd
from sdjax.rules.contract import View
from sdjax.rules.fsd import fsd
from sdjax.rules.noise.surface_noise import surface
from sdjax.rules.sds import sds
from sdjax.rules.weighting import sigma_over_alpha
from sdjax.runs.mapping import over_particles
from sdjax.runs.particle import (
    CameraRange,
    Recipe,
    Start,
    first_particle,
    initial_particle,
    particle_noise,
    prepare_particle,
)
from sdjax.runs.several_steps import Span
from sdjax.runs.step import train_particle
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.image import Image
from sdjax.scene.latents import Latents
from sdjax.scene.nerf import NeRF
from sdjax.scene.regularisers import opaque, sparsity
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")


def ball_pictures() -> np.ndarray:
    """[objects, cameras, ...]: a red and a blue ball of radius 0.6, the same from all cameras."""
    pixel = (np.arange(4 * tiny.SIZE) + 0.5) / (2 * tiny.SIZE) - 1.0
    inside = np.hypot(*np.meshgrid(pixel, pixel)) < 0.6 / (3.2 * np.tan(np.deg2rad(20.0)))
    cover = inside.reshape(tiny.SIZE, 4, tiny.SIZE, 4).mean(axis=(1, 3))[..., None]
    colours = np.array([[200, 40, 40], [40, 40, 200]])[:, None, None]
    pictures = np.round(255 * (1 - cover) + colours * cover).astype(np.uint8)
    return np.stack([pictures] * len(tiny.CAMERAS.azimuth), axis=1)


PRIOR = tiny.PRIOR.replace(bank=jnp.asarray(ball_pictures()), names=("red", "blue"))
RED = Conditioning(jnp.log(jnp.asarray([1.0, 0.0])), jnp.log(jnp.asarray([0.5, 0.5])))
EITHER = RED._replace(positive=RED.unconditional)


def make_fsd(prior):
    return fsd(prior.schedule, guidance_scale=1.0, annealing=sqrt(), weighting=sigma_over_alpha)


RECIPE = Recipe(
    scene=NeRF(field=DenseGrid(resolution=8), samples=8, proposals=0),
    make_rule=make_fsd,
    optimizer=optax.scale_by_adam(),
    learning_rate=lambda progress: 0.05 * (1.0 - 0.5 * progress),
    guidance_weight=1.0,
    losses=(),
    cameras=CameraRange((-10.0, 45.0), (3.2, 3.2), (40.0, 40.0), 0.0, 0.0, 0.0, 0.0),
    views=2,
    resolution=tiny.SIZE,
    noise_resolution=tiny.SIZE,
    total_steps=60,
)
IMAGES = RECIPE.replace(
    scene=Image(tiny.SIZE, tiny.SIZE),
    optimizer=optax.identity(),
    learning_rate=lambda progress: jnp.float32(0.1),
)
SEEDS = jnp.asarray([5, 3, 7])
ALONE = SEEDS[1:2]


@functools.cache
def starts(recipe=RECIPE):
    """The particles of all seeds before their first step."""
    return jax.jit(jax.vmap(functools.partial(initial_particle, recipe, PRIOR)))(SEEDS)


def start(recipe=RECIPE):
    """That of the seed alone."""
    return jax.tree.map(lambda leaf: leaf[1:2], starts(recipe))


@functools.cache
def trainer(steps, mapping):
    def run(recipe, prior, conditioning, first, seed, particle):
        return train_particle(recipe, steps, prior, conditioning, Span(first), seed, particle)

    return over_particles(run, 4, mapping=mapping)


def train(seeds, particles, first=0, steps=3, *, recipe=RECIPE, conditioning=EITHER, mapping="map"):
    common = recipe, PRIOR, conditioning, jnp.int32(first)
    return trainer(steps, mapping)(*common, seeds, particles)


def assert_same(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


@jax.jit
def psnr(params):
    """To the red ball, over all cameras."""
    params, size = jax.tree.map(lambda leaf: leaf[0], params), tiny.SIZE
    render = lambda camera: RECIPE.scene.render(params, camera, None, size, size).colour  # noqa: E731
    difference = jax.vmap(render)(PRIOR.cameras) - PRIOR.bank[0] / 255.0
    return -10.0 * jnp.log10(jnp.mean(difference**2))


@pytest.mark.slow
def test_training_approaches_the_object():
    particle, reached = start(), [psnr(start().params)]
    for first in range(0, 60, 3):
        particle, log = train(ALONE, particle, first, conditioning=RED)
        reached.append(psnr(particle.params))
    assert reached[0] < 16.0 and reached[1] > reached[0] + 2.0
    assert reached[-1] > 35.0
    assert set(log.losses) == {"guidance"}
    assert log.losses["guidance"].shape == log.t.shape == (1, 3)


def make_cfd(prior):
    noise = surface(radius=1.8, gamma=0.1)
    return cfd(prior.schedule, guidance_scale=1.0, annealing=sqrt(), noise=noise)


@pytest.mark.slow
def test_noise_on_the_surface_that_is_rendered():
    """It changes with the surface, keeps nine tenths from step to step, and no gradient flows."""
    recipe = RECIPE.replace(make_rule=make_cfd)
    particle = start(recipe)
    before = particle.rule_state.maps
    for first in range(0, 30, 3):
        particle, _ = train(ALONE, particle, first, recipe=recipe, conditioning=RED)
    assert psnr(particle.params) > 30.0
    after = particle.rule_state.maps
    assert abs(after.std() - 1.0) < 0.05
    assert abs((before * after).mean() - 0.9**15) < 0.05


@pytest.mark.slow
def test_parts_of_a_run_are_bit_for_bit_the_whole():
    whole, log = train(ALONE, start(), 0, 6)
    half, first = train(ALONE, start(), 0)
    both, second = train(ALONE, half, 3)
    assert_same(both, whole)
    assert_same(jax.tree.map(lambda *logs: jnp.concatenate(logs, axis=1), first, second), log)


@pytest.mark.slow
@pytest.mark.parametrize(("mapping", "tolerance"), [("map", 0.0), ("vmap", 1e-6)])
def test_a_seed_is_the_same_alone_and_in_company(mapping, tolerance):
    company, _ = train(SEEDS, starts(), mapping=mapping)
    alone, _ = train(ALONE, start(), mapping=mapping)
    first, second, _ = company.params["field"]["grid"]
    np.testing.assert_allclose(second, alone.params["field"]["grid"][0], rtol=0, atol=tolerance)
    assert jnp.abs(first - second).max() > 0.01


@pytest.mark.slow
def test_regularisers_change_the_result_and_are_reported():
    weights = (("opaque", 0.0, opaque), ("sparsity", 1000.0, sparsity))
    recipe = RECIPE.replace(losses=weights)
    free, _ = train(ALONE, start())
    held, log = train(ALONE, start(), recipe=recipe)
    assert set(log.losses) == {"guidance", "opaque", "sparsity"}
    assert 0.1 < log.losses["sparsity"][0, 2] < log.losses["sparsity"][0, 0] < 1.1
    density = held.params["field"]["grid"][..., 0] - free.params["field"]["grid"][..., 0]
    assert density.mean() < -0.01


@pytest.mark.slow
def test_preparing_hands_the_prior_to_the_rule():
    def prepare(state, predictor_at):
        return state + 1.0, predictor_at(PRIOR.cameras).positive

    recipe = RECIPE.replace(make_rule=lambda prior: make_fsd(prior)._replace(prepare=prepare))
    particle = jax.tree.map(lambda leaf: leaf[0], start())
    noise, positive = prepare_particle(recipe, PRIOR, RED, particle).rule_state
    np.testing.assert_array_equal(noise, particle.rule_state + 1.0)
    np.testing.assert_array_equal(positive, jnp.tile(RED.positive[None], (4, 1)))


def test_the_noise_of_a_seed_is_that_of_its_rule():
    noise = particle_noise(ALONE[0], tiny.SHAPE)  # in another program: equal to rounding
    np.testing.assert_allclose(noise, start().rule_state[0], rtol=1e-6, atol=1e-6)


def estimate_of(noise):
    """Of the prior's exact denoiser at the noisiest timestep."""
    camera = jax.tree.map(lambda leaf: leaf[:1], PRIOR.cameras)
    epsilon = PRIOR.predictor(RED, camera)(noise[None], 999, 1.0)
    return predicted_x0(PRIOR.schedule, noise[None], epsilon, 999)[0]


@pytest.mark.parametrize("kind", ["latents", "image"])
def test_a_picture_may_begin_at_the_estimate_of_its_noise(kind):
    """Latents are it, an image shows it."""
    scene = Latents(tiny.SIZE, tiny.SIZE, 3) if kind == "latents" else IMAGES.scene
    camera = jax.tree.map(lambda leaf: leaf[:1], PRIOR.cameras)
    recipe = IMAGES.replace(scene=scene, start=Start(camera, 1.0))
    particle = first_particle(recipe, PRIOR, RED, ALONE[0])
    expected = estimate_of(particle_noise(ALONE[0], tiny.SHAPE))
    if kind == "image":
        expected = PRIOR.decode(expected[None])[0]
    np.testing.assert_allclose(particle.params[kind], expected, atol=1e-5)
    plain = first_particle(recipe.replace(start=None), PRIOR, RED, ALONE[0])
    assert np.abs(plain.params[kind] - expected).max() > 0.1


@pytest.mark.slow
def test_every_step_of_every_seed_draws_anew():
    def make_rule(prior):
        return sds(prior.schedule, guidance_scale=1.0, annealing=uniform())

    recipe = IMAGES.replace(make_rule=make_rule)
    _, log = train(SEEDS, starts(recipe), recipe=recipe)
    assert len(np.unique(log.t)) == log.t.size == 9


@pytest.mark.slow
def test_a_step_descends_along_the_mean_gradient_of_the_views():
    """In 2D by the chain rule: latents are 2 image - 1, in both views."""
    before = start(IMAGES)
    after, _ = train(ALONE, before, first=6, steps=1, recipe=IMAGES)

    @jax.jit
    def mean_gradient(image, noise):
        camera, both = tiny.cameras(0, 1), jnp.stack([2.0 * image - 1.0] * 2)
        view = View(camera, jnp.ones((2, *tiny.SHAPE[:2], 1)))
        predictor, key = PRIOR.predictor(EITHER, camera), jax.random.key(0)  # not looked at
        rule, progress = make_fsd(PRIOR), jnp.float32(0.1)
        update = rule.update(key, both, noise, predictor, progress=progress, view=view)
        return jnp.mean(update.gradient, axis=0)

    image = before.params["image"][0]
    expected = image - 0.1 * 2.0 * mean_gradient(image, before.rule_state[0])
    np.testing.assert_allclose(after.params["image"][0], expected, atol=1e-5)
