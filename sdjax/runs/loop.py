"""A whole run: particles through all stages, in chunks between which the host looks in."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.config.errors import UserError
from sdjax.config.fields import whole
from sdjax.priors.prior import Prior
from sdjax.rules.shared import SharedRule
from sdjax.runs import build
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.mapping import all_particles, each_particle
from sdjax.runs.particle import Particle, Recipe, initial_particle, prepare_particle
from sdjax.runs.population import Population, initial_shared, train_population
from sdjax.runs.run import Run, trimmed
from sdjax.runs.stages import Stage
from sdjax.runs.step import Log, train_particle

CHUNKS = {
    "chunk": whole(at_least=1).of(20, "steps between which the host looks in"),
    "checkpoint_every": whole(at_least=1).of(100, "steps, or a little more"),
}


class Chunk(NamedTuple):
    """What the host sees of some steps: means over them, per particle."""

    step: int  # steps done
    steps: int  # of which in this chunk
    losses: dict[str, np.ndarray]  # [particles]
    seconds: float
    compiles: bool  # its seconds include a compilation
    particles: Population  # on the devices, with copies; gone once the next chunk is computed
    saved: bool  # as a checkpoint


class NonFiniteLossError(UserError):
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
        for chunk in _chunks(run, stage, recipe, prior, particles, step):
            particles, step = chunk.particles, chunk.step
            if chunk.saved:
                checkpoints.save(step, trimmed(run, particles))
            on_chunk(chunk)
    return trimmed(run, particles)


def stage_at(run: Run, step: int) -> Stage:
    """The stage whose particles a checkpoint after `step` steps holds."""
    return next(stage for stage in run.stages if step <= stage.last)


def _chunks(run, stage, recipe, prior, population, step) -> Iterator[Chunk]:
    """The steps of one stage from `step` on."""
    programs, saved = {}, step  # a program for whole chunks, and one for the rest
    population = Population(*run.placement.spread(population.particles), population.shared)
    while step < stage.last:
        start, first = time.perf_counter(), step
        length = min(run.config.run.chunk, stage.last - step)
        compiles = length not in programs
        if compiles:
            programs[length] = program(run, recipe, length)
        run_chunk = programs[length]
        result = run_chunk.compiled(*run_chunk.arguments(prior, first, population))
        population, log = run_chunk.results(result)
        losses = run.placement.gathered(log.losses)
        _check_finite(run, losses, step)
        step += length
        means = {name: values.mean(1) for name, values in losses.items()}
        is_saved = step - saved >= run.config.run.checkpoint_every or step == stage.last
        saved = step if is_saved else saved
        seconds = time.perf_counter() - start
        yield Chunk(step, length, means, seconds, compiles, population, is_saved)


class Program(NamedTuple):
    """Some steps of all particles, compiled; so that nothing stands between the loop and it:

    population, log = results(compiled(*arguments(prior, first step, population)))
    """

    compiled: Callable[..., Any]
    arguments: Callable[[Prior, int, Population], tuple]
    results: Callable[[Any], tuple[Population, Log]]


def program(run: Run, recipe: Recipe, length: int) -> Program:
    """`length` steps; those of a rule that shares something take all particles together."""
    options = {"mapping": run.config.run.mapping, "donate": True}
    placement, seeds = run.placement, run.placement.spread(run.seeds)
    if not isinstance(recipe.make_rule(run.prior), SharedRule):
        train = functools.partial(train_particle, recipe, length)

        def arguments(prior, first, population):
            common = prior, run.conditioning, placement.place(jnp.int32(first))
            return common, (seeds,), population.particles

        def results(result):
            particles, log = result
            return Population(*particles), log

        return Program(each_particle(train, placement, **options), arguments, results)

    train = functools.partial(train_population, recipe, length)
    first_seed, weights = placement.place(run.first_seed), placement.weights

    def arguments(prior, first, population):
        first = placement.place(jnp.int32(first))
        common = prior, run.conditioning, first_seed, first, placement.place(population.shared)
        return common, weights, (seeds,), population.particles

    def results(result):
        (particles, log), shared = result
        return Population(*particles, shared), log

    return Program(all_particles(train, placement, **options), arguments, results)


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
    params = recipe.scene.moved(particle.params)
    if params is not particle.params:
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
