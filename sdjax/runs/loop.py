"""A whole run: particles through all stages, in chunks between which the host looks in."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.priors.prior import Prior
from sdjax.rules.shared import SharedRule
from sdjax.runs import build
from sdjax.runs.build import Stage
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.particle import Particle, Recipe, initial_particle, prepare_particle
from sdjax.runs.population import Population, initial_shared, train_population
from sdjax.runs.run import Run, trimmed
from sdjax.runs.step import Log, train_particle
from sdjax.scene.fields.dense_grid import DenseGrid, resample


class Chunk(NamedTuple):
    """What the host sees of some steps: means over them, per particle."""

    step: int  # steps done
    steps: int  # of which in this chunk
    losses: dict[str, np.ndarray]  # [particles]
    seconds: float
    compiles: bool  # its seconds include a compilation
    particles: Population  # on the devices, with copies; gone once the next chunk is computed
    saved: bool  # as a checkpoint


class NonFiniteLossError(ValueError):
    """A loss became infinite or NaN; the message names it, the seeds and the steps."""


def restore(run: Run, checkpoints: Checkpoints) -> tuple[int, Population | None]:
    """The steps done and the particles of the newest checkpoint, or (0, None)."""
    return checkpoints.restore_latest(functools.partial(template, run)) or (0, None)


def train(
    run: Run,
    checkpoints: Checkpoints,
    step: int = 0,
    particles: Population | None = None,
    on_chunk: Callable[[Chunk], None] = lambda chunk: None,
) -> Population:
    """Train all particles to the end, from what `restore` returned.

    Bit for bit the same with or without interruptions.  Returns the particles (leading axis); the
    memory of those that were given may be taken.
    Raises `NonFiniteLossError`; the checkpoints before that stay.
    """
    for stage in run.stages:
        if step >= stage.last:
            continue
        recipe = build.make_recipe(run.config, run.prior, stage)
        prior = run.placement.place_weights(run.prior.at_resolution(stage.resolution))
        if step == stage.first:
            particles = _enter(run, recipe, prior, particles)
        for chunk in _train_stage(run, stage, recipe, prior, particles, step):
            particles, step = chunk.particles, chunk.step
            if chunk.saved:
                checkpoints.save(step, trimmed(run, particles))
            on_chunk(chunk)
    return trimmed(run, particles)


def stage_at(run: Run, step: int) -> Stage:
    """The stage whose particles a checkpoint after `step` steps holds."""
    return next(stage for stage in run.stages if step <= stage.last)


def _train_stage(run, stage, recipe, prior, particles, step) -> Iterator[Chunk]:
    """The steps of one stage from `step` on."""
    programs, saved = {}, step  # a program for whole chunks, and one for the rest
    while step < stage.last:
        start, first = time.perf_counter(), jnp.int32(step)
        length = min(run.config.run.chunk, stage.last - step)
        compiles = length not in programs
        if compiles:
            programs[length] = program(run, recipe, length)
        particles, log = programs[length](prior, run.conditioning, first, particles)
        losses = run.placement.gathered(log.losses)
        _check_finite(run, losses, step)
        step += length
        means = {name: values.mean(1) for name, values in losses.items()}
        is_saved = step - saved >= run.config.run.checkpoint_every or step == stage.last
        saved = step if is_saved else saved
        seconds = time.perf_counter() - start
        yield Chunk(step, length, means, seconds, compiles, particles, is_saved)


def program(run: Run, recipe: Recipe, length: int) -> Callable[..., tuple[Population, Log]]:
    """`length` steps of all particles: `(prior, conditioning, first step, particles)`."""
    seeds = run.seeds
    if not isinstance(recipe.make_rule(run.prior), SharedRule):
        alone = run.mapped(functools.partial(_chunk, recipe, length), 3, donate=True)

        def train_alone(prior, conditioning, first, population):
            particles, log = alone(prior, conditioning, first, seeds, population.particles)
            return Population(*particles), log

        return train_alone

    together = run.together(functools.partial(train_population, recipe, length), 5)

    def train_together(prior, conditioning, first, population):
        common = prior, conditioning, run.first_seed, first, population.shared
        (particles, log), shared = together(*common, seeds, population.particles)
        return Population(*particles, shared), log

    return train_together


def _chunk(recipe: Recipe, length: int, prior, conditioning, first, seed, particle):
    """`train_particle` with its arguments in the order of `over_particles`."""
    return train_particle(recipe, prior, conditioning, seed, particle, first, length)


def _enter(run: Run, recipe: Recipe, prior: Prior, population: Population | None) -> Population:
    """The particles at the start of a stage: new ones, or those of the stage before; a dense grid
    moves to the stage's vertices and begins with a fresh optimiser."""
    if population is None:
        first_seed = run.placement.place(run.first_seed)
        shared = jax.jit(functools.partial(initial_shared, recipe))(prior, first_seed)
        start = run.mapped(functools.partial(_start, recipe), 3)
        return Population(*start(prior, run.conditioning, shared, run.seeds), shared)
    onward = run.mapped(functools.partial(_move, recipe), 3)
    shared = population.shared
    return Population(*onward(prior, run.conditioning, shared, population.particles), shared)


def _start(recipe: Recipe, prior: Prior, conditioning, shared, seed) -> Particle:
    particle = initial_particle(recipe, prior, seed, shared)
    return prepare_particle(recipe, prior, conditioning, particle, shared)


def _move(recipe: Recipe, prior: Prior, conditioning, shared, particle: Particle) -> Particle:
    field = getattr(recipe.scene, "field", None)
    if isinstance(field, DenseGrid):
        params = {**particle.params, "field": resample(particle.params["field"], field.resolution)}
        particle = Particle(params, recipe.optimizer.init(params), particle.rule_state)
    return prepare_particle(recipe, prior, conditioning, particle, shared)


def template(run: Run, step: int) -> Population:
    """The shapes of the particles in a checkpoint after `step` steps."""
    stage = stage_at(run, step)
    recipe = build.make_recipe(run.config, run.prior, stage)
    prior = run.prior.at_resolution(stage.resolution)

    def start(prior, conditioning, seeds):
        shared = initial_shared(recipe, prior, run.first_seed)
        one = jax.vmap(functools.partial(_start, recipe), in_axes=(None, None, None, 0))
        return Population(*one(prior, conditioning, shared, seeds), shared)

    return jax.eval_shape(start, prior, run.conditioning, run.seeds)


def _check_finite(run: Run, losses: dict[str, np.ndarray], step: int) -> None:
    for name, values in losses.items():
        bad = ~np.isfinite(values)
        if bad.any():
            particle, offset = (int(i) for i in np.argwhere(bad)[0])
            raise NonFiniteLossError(
                f"the loss '{name}' of seed {int(run.seeds[particle])} is "
                f"{values[particle, offset]} at step {step + offset}; the checkpoints before it "
                "are kept. A smaller config.optimizer.learning_rate may help."
            )
