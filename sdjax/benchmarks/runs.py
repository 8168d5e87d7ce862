"""A stage of a training configuration, opened for timing: random weights for Stable Diffusion."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.benchmarks.networks import random_stable_diffusion
from sdjax.benchmarks.work import random_like
from sdjax.cameras import Camera
from sdjax.dtypes import DTYPES
from sdjax.priors import PRIORS
from sdjax.priors.prior import Prior
from sdjax.rules import RULES
from sdjax.rules.contract import View
from sdjax.runs import build
from sdjax.runs.particle import Particle, Recipe, initial_particle, prepare_particle
from sdjax.runs.stages import Stage, highest_resolution, stages
from sdjax.runs.step import draw_cameras
from sdjax.text.views import prompting_of


class Opened(NamedTuple):
    """Everything that a step needs."""

    name: str
    stage: Stage
    recipe: Recipe
    prior: Prior  # at the resolution of the stage
    conditioning: Any


class OfRun(NamedTuple):
    """A stage of a run, not opened yet."""

    name: str
    config: ConfigDict
    stage: Stage


def stages_of(runs: Mapping[str, ConfigDict]) -> Iterator[OfRun]:
    """Every stage of every run."""
    for name, config in runs.items():
        for stage in stages(config):
            yield OfRun(name, config, stage)


class Opener:
    """Opens stages; a prior that the next one can have is not made again.

    `model` is the architecture of Stable Diffusion in all of them.
    """

    def __init__(self, model: str):
        self._model = model
        self._key, self._prior = None, None

    def __call__(self, of_run: OfRun) -> Opened:
        """The stage, with its prior at its resolution."""
        name, config, stage = of_run
        prior = self._prior_of(config)
        recipe = build.make_recipe(config, prior, stage)
        conditioning = prior.condition(config.prompt)
        return Opened(name, stage, recipe, prior.at_resolution(stage.resolution), conditioning)

    def _prior_of(self, config: ConfigDict) -> Prior:
        table = config.prior
        if PRIORS[table.name].has_network:
            key = table.name, table.image_size, table.dtype, table.autoencoder_dtype
            prior = self._kept(key, lambda: self._random(table))
            return prior.replace(prompting=prompting_of(table.prompts))
        unconditional = RULES[config.rule.name].asks_for_unconditional(config.rule)
        key = table, config.prompt, config.camera, highest_resolution(config), unconditional
        return self._kept(key, lambda: build.make_prior(config))

    def _kept(self, key: Any, make: Callable[[], Prior]) -> Prior:
        if key != self._key:
            self._prior = None  # the weights of one at a time
            self._key, self._prior = key, make()
        return self._prior

    def _random(self, table: ConfigDict) -> Prior:
        dtypes = DTYPES[table.dtype], DTYPES[table.autoencoder_dtype]
        prompting = prompting_of(table.prompts)
        return random_stable_diffusion(self._model, table.image_size, *dtypes, prompting)


def fresh_particle(opened: Opened, seed: int = 0) -> Particle:
    """The particle of a seed, with random values for what its rule would prepare: they cost
    evaluations of the network and do not change the time of a step."""
    recipe, prior = opened.recipe, opened.prior

    def prepared(particle):
        return prepare_particle(recipe, prior, opened.conditioning, particle).rule_state

    start = jax.jit(lambda prior, seed: initial_particle(recipe, prior, seed))
    particle = start(prior, jnp.int32(seed))
    return particle._replace(rule_state=random_like(jax.eval_shape(prepared, particle)))


def a_camera(opened: Opened) -> Camera:
    """As a step draws them, [views]."""
    return draw_cameras(opened.recipe, opened.prior, jax.random.key(0))


def an_image(opened: Opened) -> jax.Array:
    """[views, height, width, channels] of a rendering."""
    recipe = opened.recipe
    size, channels = recipe.resolution, 3
    if recipe.scene.in_latent_space:
        channels = opened.prior.latent_shape(size)[2]
    shape = (recipe.views, size, size, channels)
    return 0.5 + 0.1 * random_like(jax.ShapeDtypeStruct(shape, jnp.float32))


def some_latents(opened: Opened) -> jax.Array:
    """[views, height, width, channels] as the rule gets them."""
    shape = opened.prior.latent_shape(opened.stage.resolution)
    return random_like(jax.ShapeDtypeStruct((opened.recipe.views, *shape), jnp.float32))


def a_view(opened: Opened, camera: Camera) -> View:
    """An opaque one at depth 1."""
    size = opened.recipe.resolution
    ones = jnp.ones((opened.recipe.views, size, size, 1))
    return View(camera, ones, ones)


def spread_steps(opened: Opened, moments: int) -> jax.Array:
    """int32 [moments]: steps evenly spread over the stage, for t falls during a run."""
    first, last = opened.stage.first, opened.stage.last
    return first + (last - first) * jnp.arange(moments, dtype=jnp.int32) // moments
